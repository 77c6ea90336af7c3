// The sandbox container of every pod, which holds its namespaces and sleeps. Written in Go, so no C compiler is needed.
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
