"""The task container: imports the user's module, runs the attempt core, and asks the agent for everything else."""
