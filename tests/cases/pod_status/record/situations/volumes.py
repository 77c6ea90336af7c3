"""Volumes that are not there, cannot be mounted, or are full."""

import time

from tests.cases.pod_status.record.situation import Object, Situation, both, condition, ended, failed, task
from tests.cases.pod_status.record.stage import Stage

STUCK = condition("PodReadyToStartContainers", "False")
FILLS = "import pathlib, time; pathlib.Path({!r}).write_bytes(bytes(64 << 20)); time.sleep(3600)"


def wait_for_mount(stage: Stage, pod: Object) -> None:
    """The kubelet tries to mount, and says so in events alone."""
    time.sleep(5)


def unmountable(name: str, story: str, source: Object) -> Situation:
    """A pod one of whose volumes is missing; nothing but events says so."""
    template = {
        **task(volumeMounts=[{"name": "data", "mountPath": "/opt/data"}]),
        "volumes": [{"name": "data", **source}],
    }
    return Situation(name, story, STUCK, template=template, when=STUCK, act=wait_for_mount)


def full(name: str, story: str, path: str, spec: Object) -> Situation:
    """A pod that has written 64 MiB where it may not."""
    return Situation(
        name,
        story,
        both(failed, ended("agent", "task")),
        code=FILLS.format(path),
        spec=spec,
        seconds=150,
        sequence=True,
    )


SITUATIONS = (
    unmountable("config_map_volume_missing", "A volume's ConfigMap does not exist.", {"configMap": {"name": "none"}}),
    unmountable("secret_volume_missing", "A volume's Secret does not exist.", {"secret": {"secretName": "none"}}),
    unmountable(
        "config_map_item_missing",
        "A volume wants a key that its ConfigMap does not have.",
        {"configMap": {"name": "situation", "items": [{"key": "none", "path": "none"}]}},
    ),
    unmountable(
        "host_path_missing",
        "A folder of the node does not exist.",
        {"hostPath": {"path": "/none", "type": "Directory"}},
    ),
    unmountable("nfs_unreachable", "An NFS server does not answer.", {"nfs": {"server": "192.0.2.1", "path": "/data"}}),
    unmountable(
        "csi_driver_missing", "The node does not have the volume's driver.", {"csi": {"driver": "none.example.com"}}
    ),
    full("workspace_full", "The workspace outgrew its emptyDir.", "/workspace/large", {"volume": {"size": "16Mi"}}),
    full(
        "ephemeral_storage_of_the_task",
        "What the task wrote outgrew its own limit of local storage.",
        "/workspace/large",
        {"resources": {"limits": {"memory": "256Mi", "ephemeral-storage": "16Mi"}}},
    ),
)
