"""The container beside the task: it holds the keys, moves the data, publishes, and keeps its attempt's status."""
