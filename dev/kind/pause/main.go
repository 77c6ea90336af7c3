// The sandbox container of every pod: holds its namespaces and sleeps. In Go, so that no C compiler is needed.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, os.Interrupt, syscall.SIGTERM)
	<-ended
}
