"""The manifests around a development server's pod: namespace, Deployment, Service with a NodePort."""

from typing import Any

NAMESPACE = "perago-dev"
NODE_STATE = "/var/lib/perago-dev"
"""Where the control-plane node has the environment's data."""


def namespace() -> dict[str, Any]:
    """The namespace of the development servers. They use hostPath, which only the level `privileged` allows."""
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}


def deployment(name: str, pod_spec: dict[str, Any]) -> dict[str, Any]:
    """One pod at a time, because the state on the node belongs to one process."""
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
    """Pods reach it by name, and the host at any node's address."""
    entry = {"port": port, "targetPort": port, "nodePort": node_port}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"type": "NodePort", "selector": {"app": name}, "ports": [entry]},
    }


def cluster_address(name: str, port: int) -> str:
    """`host:port` under which pods reach the service."""
    return f"{name}.{NAMESPACE}.svc:{port}"


def host_folder(name: str, path: str) -> dict[str, Any]:
    """A volume that is a folder of the node."""
    return {"name": name, "hostPath": {"path": path, "type": "DirectoryOrCreate"}}


def state_folder(server: str) -> dict[str, Any]:
    """The volume `state` of a server: a folder of the node that is a folder of this host."""
    return host_folder("state", f"{NODE_STATE}/{server}")


def pinned_to(node: str) -> dict[str, Any]:
    """The part of a pod's spec that ties it to the node with its state, whatever the node's taints."""
    return {
        "nodeName": node,
        "tolerations": [{"operator": "Exists"}],
        "terminationGracePeriodSeconds": 5,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
    }
