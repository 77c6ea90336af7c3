"""KWOK: thousands of nodes and pods without a kubelet. What benches of the control plane run on; no environment has it.

It is built from the Go module that `dev/kwok` pins, when it is needed first. Its own stages are used: a pod that was
placed on a node runs at once, a pod of a Job or of an Argo Workflow completes then, and one that is deleted is gone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from perago_dev.cluster.kubectl import Kubectl
from perago_dev.host import cache, commands, processes, toolchain
from perago_dev.host.progress import step
from perago_dev.source import DEV

SOURCE = DEV / "kwok"
MODULE = "sigs.k8s.io/kwok"
PACKAGE = f"{MODULE}/cmd/kwok"
STAGES = ("node/fast", "node/heartbeat-with-lease", "pod/fast")
"""Folders of the module with the stages that `kwokctl` gives to KWOK by default."""
COMPLETING = ("- 'Job'", "- 'Job'\n      - 'Workflow'")
"""KWOK lets pods of Jobs complete; those of Workflows are meant to as well."""
READY_SECONDS = 120.0


def cached() -> Path:
    """The folder with `kwok` and its `stages.yaml`, built if it is not in the cache."""
    return cache.entry("kwok", cache.key(cache.tree_key(SOURCE, [SOURCE]), PACKAGE, *STAGES, *COMPLETING), _build)


def _build(folder: Path) -> None:
    with step("building KWOK from source", "about 2 minutes the first time, on 2 cores"):
        toolchain.build(folder, SOURCE, [PACKAGE], "-s -w", "kwok")
    command = [toolchain.go_program(), "-C", str(SOURCE), "list", "-m", "-f", "{{.Dir}}", MODULE]
    stages = Path(commands.output(command, env={"GOWORK": "off"}).strip()) / "kustomize" / "stage"
    files = (file for name in STAGES for file in sorted((stages / name).glob("*-*.yaml")))
    (folder / "stages.yaml").write_text("\n---\n".join(file.read_text().replace(*COMPLETING) for file in files))


@contextmanager
def nodes(kubectl: Kubectl, folder: Path, count: int) -> Iterator[None]:
    """So many nodes without a limit, on which pods are scheduled, while this lasts; the log is in `folder`."""
    log = folder / "kwok.log"
    program, stages = cached() / "kwok", cached() / "stages.yaml"
    command = [str(program), "--kubeconfig", str(kubectl.kubeconfig), "-c", str(stages)]
    with processes.child([*command, "--manage-all-nodes=true", "--cidr=10.240.0.0/12"], log) as process:
        kubectl.apply([_node(f"kwok-{number}") for number in range(count)])
        processes.wait_for_child(process, lambda: _ready(kubectl, count), READY_SECONDS, log)
        yield


def _node(name: str) -> dict[str, Any]:
    """Without a node controller, nobody takes the taint of a node away that is not ready yet: it has none."""
    room = {"cpu": "9999", "memory": "99999Gi", "pods": "99999"}
    labels, annotations = {"kubernetes.io/hostname": name}, {"kwok.x-k8s.io/node": "fake"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": annotations},
        "status": {"allocatable": room, "capacity": room},
    }


def _ready(kubectl: Kubectl, count: int) -> bool:
    """All nodes are ready; the taint that their admission gave them is taken away."""
    listed = kubectl.json("get", "nodes")["items"]
    conditions = [condition for node in listed for condition in node["status"].get("conditions", [])]
    ready = sum(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
    tainted = [node["metadata"]["name"] for node in listed if node["spec"].get("taints")]
    if ready == count and tainted:
        kubectl("taint", "nodes", *tainted, "node.kubernetes.io/not-ready-")
    return ready == count and not tainted
