"""Sets up the pod network on nodes without kindnet: a ptp link per pod, and a route to the pods of each other node.

Such a cluster accepts NetworkPolicies but does not enforce them.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from perago_dev.cluster.kubectl import Kubectl

CONFIGURATION = "/etc/cni/net.d/10-perago.conflist"


@dataclass(frozen=True)
class Node:
    """What the network needs to know of a node: its container's name, its pods' range and its own address."""

    name: str
    pods: str
    address: str


def configuration(pods: str) -> str:
    """The CNI configuration of a node whose pods get addresses from the range `pods`."""
    addresses = {
        "type": "host-local",
        "dataDir": "/run/cni-ipam-state",
        "routes": [{"dst": "0.0.0.0/0"}],
        "ranges": [[{"subnet": pods}]],
    }
    link = {"type": "ptp", "ipMasq": True, "mtu": 1500, "ipam": addresses}
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return json.dumps({"cniVersion": "0.4.0", "name": "perago", "plugins": [link, ports]})


def routes(node: Node, nodes: Sequence[Node]) -> list[list[str]]:
    """The commands that make the pods of all other nodes reachable from `node`."""
    return [["ip", "route", "replace", peer.pods, "via", peer.address] for peer in nodes if peer != node]


def nodes_of(listed: dict[str, Any]) -> list[Node]:
    """The nodes in a NodeList; every one must have its pod range already."""
    return [
        Node(
            item["metadata"]["name"],
            item["spec"]["podCIDR"],
            next(entry["address"] for entry in item["status"]["addresses"] if entry["type"] == "InternalIP"),
        )
        for item in listed["items"]
    ]


def connect(kubectl: Kubectl, execute: Callable[[str, Sequence[str], str | None], object]) -> None:
    """Configure all nodes; `execute(node, command, stdin)` runs a command in a node."""
    # The range is assigned shortly after the node appears.
    kubectl("wait", "--for=jsonpath={.spec.podCIDR}", "node", "--all", "--timeout=60s")
    nodes = nodes_of(kubectl.json("get", "nodes"))
    for node in nodes:
        execute(node.name, ["sh", "-c", f"cat > {CONFIGURATION}"], configuration(node.pods))
        for command in routes(node, nodes):
            execute(node.name, command, None)
