"""Where the environment's cluster comes from: kind on Docker, kind on podman, or whatever the kubeconfig points at.

Nothing outside this package knows which of them it is.
"""
