"""The manifests around a server's pod."""

from perago_dev.servers import workloads


def test_servers_stay_on_the_node_with_their_state() -> None:
    """Pinned to it whatever its taints, and only one pod at a time."""
    made = workloads.deployment("some", workloads.pinned_to("node"))
    assert made["spec"]["strategy"] == {"type": "Recreate"}
    assert made["spec"]["template"]["spec"]["nodeName"] == "node"
