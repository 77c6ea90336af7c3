"""The pods' network: a range per node, and a route to each peer's."""

import json
from collections.abc import Sequence

from perago_dev.cluster import network
from perago_dev.cluster.network import Node

ONE = Node("one", "10.244.0.0/24", "10.90.7.2")
TWO = Node("two", "10.244.1.0/24", "10.90.7.3")


def listed(node: Node) -> dict[str, object]:
    addresses = [{"type": "Hostname", "address": node.name}, {"type": "InternalIP", "address": node.address}]
    return {"metadata": {"name": node.name}, "spec": {"podCIDR": node.pods}, "status": {"addresses": addresses}}


class Cluster:
    """A kubectl that knows two nodes."""

    def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        return ""

    def json(self, *arguments: str) -> dict[str, object]:
        return {"items": [listed(ONE), listed(TWO)]}


def test_nodes_are_read_with_range_and_address() -> None:
    """Of a node's addresses the internal one counts."""
    assert network.nodes_of({"items": [listed(ONE), listed(TWO)]}) == [ONE, TWO]


def test_node_has_a_route_to_each_peer_and_none_to_itself() -> None:
    """Pods of another node are reached by that node's address."""
    assert network.routes(ONE, [ONE, TWO]) == [["ip", "route", "replace", "10.244.1.0/24", "via", "10.90.7.3"]]


def test_pods_of_a_node_get_addresses_of_its_range() -> None:
    """The configuration names the node's own range."""
    link = json.loads(network.configuration(ONE.pods))["plugins"][0]
    assert link["ipam"]["ranges"] == [[{"subnet": "10.244.0.0/24"}]]


def test_every_node_is_configured() -> None:
    """Each node gets its file and its routes."""
    done: list[tuple[str, str]] = []

    def execute(node: str, command: Sequence[str], stdin: str | None) -> None:
        done.append((node, command[0]))

    network.connect(Cluster(), execute)  # type: ignore[arg-type]  # behaves as kubectl for two nodes
    assert done == [("one", "sh"), ("one", "ip"), ("two", "sh"), ("two", "ip")]
