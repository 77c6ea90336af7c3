"""What the environment needs of this machine: programs, the cache, packages, mounts, kernel settings, podman."""
