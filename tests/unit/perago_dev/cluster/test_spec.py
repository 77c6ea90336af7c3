"""kind's configuration: what nodes see, and what differs between podman and Docker."""

from pathlib import Path

from perago_dev.cluster.spec import NODE_IMAGES, Mount, Spec, configuration

DATA = Mount(Path("/state/data"), "/var/lib/perago-dev", read_only=False)


def test_workers_are_nodes_beside_the_control_plane() -> None:
    """N workers make N + 1 nodes."""
    roles = [node["role"] for node in configuration(Spec("some", "podman", workers=2))["nodes"]]
    assert roles == ["control-plane", "worker", "worker"]


def test_data_is_the_control_planes_alone_images_are_for_all() -> None:
    """The state of servers is on one node; every node imports images."""
    control_plane, worker = configuration(Spec("some", "podman", "", 1, [DATA], Path("/state/images")))["nodes"]
    images = {"hostPath": "/state/images", "containerPath": NODE_IMAGES, "readOnly": True}
    data = {"hostPath": "/state/data", "containerPath": "/var/lib/perago-dev", "readOnly": False}
    assert control_plane["extraMounts"] == [images, data]
    assert worker["extraMounts"] == [images]


def test_podman_brings_its_own_pod_network() -> None:
    """kind's default network plug-in is an image that cannot be pulled there; ports cannot be published."""
    made = configuration(Spec("some", "podman", ports=[30808]))
    assert made["networking"]["disableDefaultCNI"]
    assert "extraPortMappings" not in made["nodes"][0]


def test_docker_publishes_the_node_ports_on_loopback() -> None:
    """Docker's nodes need not be reachable by address; a free port of this host leads to each NodePort."""
    made = configuration(Spec("some", "docker", ports=[30808]))
    assert made["nodes"][0]["extraPortMappings"] == [
        {"containerPort": 30808, "hostPort": 0, "listenAddress": "127.0.0.1"}
    ]
    assert "disableDefaultCNI" not in made["networking"]
