"""The manifests around a development server's pod: namespace, Deployment, Service with a NodePort."""

from typing import Any

NAMESPACE = "perago-dev"
NODE_STATE = "/var/lib/perago-dev"
"""Where the control-plane node sees the environment's data."""


def namespace() -> dict[str, Any]:
    """The namespace of the development servers; they use hostPath, which only `privileged` lets pass."""
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}


def deployment(name: str, pod_spec: dict[str, Any]) -> dict[str, Any]:
    """One pod at a time: the state on the node belongs to one process."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod_spec},
        },
    }


def service(name: str, port: int, node_port: int) -> dict[str, Any]:
    """Reachable for pods by name and for the host at every node's address."""
    entry = {"port": port, "targetPort": port, "nodePort": node_port}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"type": "NodePort", "selector": {"app": name}, "ports": [entry]},
    }


def cluster_address(name: str, port: int) -> str:
    """`host:port` by which pods reach the service."""
    return f"{name}.{NAMESPACE}.svc:{port}"


def host_folder(name: str, path: str) -> dict[str, Any]:
    """A volume that is a folder of the node."""
    return {"name": name, "hostPath": {"path": path, "type": "DirectoryOrCreate"}}


def state_folder(server: str) -> dict[str, Any]:
    """The volume `state` of a server: a folder of the node that is a folder of this host."""
    return host_folder("state", f"{NODE_STATE}/{server}")


def pinned_to(node: str) -> dict[str, Any]:
    """The part of a pod's spec that ties it to the node that holds its state, whatever its taints."""
    return {
        "nodeName": node,
        "tolerations": [{"operator": "Exists"}],
        "terminationGracePeriodSeconds": 5,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
    }
