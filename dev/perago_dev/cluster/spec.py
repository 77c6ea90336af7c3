"""What determines a kind cluster, and kind's configuration of it: pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Provider = Literal["docker", "podman"]
OOM_PATCH = """\
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
"""
"""Without this, every sandbox fails where CAP_SYS_RESOURCE is missing."""
FOR_A_WHILE = """\
kind: ClusterConfiguration
controllerManager:
  extraArgs: {kube-api-qps: "300", kube-api-burst: "600", leader-elect: "false"}
scheduler:
  extraArgs: {kube-api-qps: "300", kube-api-burst: "600", leader-elect: "false"}
etcd:
  local:
    extraArgs: {unsafe-no-fsync: "true"}
"""
"""Clients are fast: a load test would otherwise measure the default limits of 20 to 50 requests/s. There is one of each
controller, so none elects a leader. The cluster need not outlive its host, so etcd does not wait for the disk.
"""
QUICK_VOLUME_STATS = """\
kind: KubeletConfiguration
volumeStatsAggPeriod: 10s
"""
"""A pod with a full volume is then evicted within seconds; by default, the kubelet's figures are a minute old."""
API_PORT = 6443
NODE_IMAGES = "/var/lib/perago-dev-images"


@dataclass(frozen=True)
class Mount:
    """A folder of this host that is mounted into the control-plane node, where pods use it with hostPath."""

    host: Path
    node: str
    read_only: bool = True


@dataclass(frozen=True)
class Spec:
    """What determines a cluster. `image` is empty for kind's own default image."""

    name: str
    provider: Provider
    image: str = ""
    workers: int = 0
    mounts: Sequence[Mount] = ()
    images: Path | None = None
    """The folder of this host from which all nodes import images."""
    ports: Sequence[int] = ()
    """NodePorts that Docker publishes on this host; with podman, the node's own address is used."""


def configuration(spec: Spec) -> dict[str, Any]:
    """kind's configuration of the cluster."""
    own_network = spec.provider == "podman"
    images = [Mount(spec.images, NODE_IMAGES)] if spec.images else []
    mounts = [_mount(mount) for mount in (*images, *spec.mounts)]
    worker = {"role": "worker", "extraMounts": [_mount(mount) for mount in images]}
    control_plane: dict[str, Any] = {"role": "control-plane", "extraMounts": mounts}
    networking: dict[str, Any] = {"apiServerAddress": "127.0.0.1", "ipFamily": "ipv4"}
    if own_network:
        networking |= {"disableDefaultCNI": True, "kubeProxyMode": "nftables"}
    else:
        control_plane["extraPortMappings"] = [
            {"containerPort": port, "hostPort": 0, "listenAddress": "127.0.0.1"} for port in spec.ports
        ]
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "name": spec.name,
        "networking": networking,
        "containerdConfigPatches": [OOM_PATCH] if own_network else [],
        "kubeadmConfigPatches": [FOR_A_WHILE, QUICK_VOLUME_STATS],
        "nodes": [control_plane, *(worker for _ in range(spec.workers))],
    }


def _mount(mount: Mount) -> dict[str, Any]:
    return {"hostPath": str(mount.host), "containerPath": mount.node, "readOnly": mount.read_only}
