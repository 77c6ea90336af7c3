"""From a task in Conductor to the attempt that executes it."""
