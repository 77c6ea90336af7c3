"""Programs that the demo runs in the cluster besides the example."""
