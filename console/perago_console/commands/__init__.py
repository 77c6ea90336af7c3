"""One module for each command: what it asks the cluster, and what of `perago_console.core` it shows."""
