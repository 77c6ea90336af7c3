"""Where the environment's cluster comes from: kind on Docker, kind on podman, or the one of the kubeconfig.

No other package knows which of them it is.
"""
