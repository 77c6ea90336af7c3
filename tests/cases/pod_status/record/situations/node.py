"""What happens to a pod because of its node, or to its node. Each alters the cluster, so each is recorded alone."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from tests.cases.pod_status.record.api import eventually
from tests.cases.pod_status.record.situation import (
    Object,
    Situation,
    both,
    condition,
    deleted,
    deletion_confirmed,
    ended,
    failed,
)
from tests.cases.pod_status.record.stage import Stage

OFFLINE = [
    {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}
    for key in ("not-ready", "unreachable")
]
"""Tolerations that let the taint manager act soon."""
KUBELET = "/var/lib/kubelet/config.yaml"
FILLER = "/var/filler"


def node_path(stage: Stage) -> str:
    """The worker's node object."""
    return f"/api/v1/nodes/{stage.worker}"


def is_ready(stage: Stage) -> bool:
    """The worker's node is ready, and pods may be placed on it."""
    node = stage.api("GET", node_path(stage))
    ready = any(
        entry["type"] == "Ready" and entry["status"] == "True" for entry in node["status"].get("conditions", ())
    )
    return ready and not node["spec"].get("taints")


@contextmanager
def ready_again(stage: Stage) -> Iterator[None]:
    """The node is ready before and after."""
    eventually(lambda: is_ready(stage), "a ready node", 120)
    yield
    eventually(lambda: is_ready(stage), "the node's return", 300)


def evict(stage: Stage, pod: Object) -> None:
    """What `kubectl drain` does to each pod."""
    name = pod["metadata"]["name"]
    eviction: Object = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    stage.api("POST", stage.path("pods", f"{name}/eviction"), eviction)


def tainted(effect: str) -> Callable[[Stage], AbstractContextManager[None]]:
    """The node has a taint that no pod of ours tolerates, put on it by `taint` or from the beginning."""

    @contextmanager
    def there(stage: Stage) -> Iterator[None]:
        with ready_again(stage):
            if effect == "NoSchedule":
                taint(stage, effect)
            yield
            stage.api("PATCH", node_path(stage), {"spec": {"taints": None, "unschedulable": None}})

    return there


def taint(stage: Stage, effect: str) -> None:
    """Put the taint on the node."""
    stage.api("PATCH", node_path(stage), {"spec": {"taints": [{"key": "example.com/mine", "effect": effect}]}})


def taint_now(stage: Stage, pod: Object) -> None:
    """An administrator wants the node for something else."""
    taint(stage, "NoExecute")


@contextmanager
def cordoned(stage: Stage) -> Iterator[None]:
    """`kubectl cordon`."""
    with ready_again(stage):
        stage.api("PATCH", node_path(stage), {"spec": {"unschedulable": True}})
        yield
        stage.api("PATCH", node_path(stage), {"spec": {"unschedulable": None}})


@contextmanager
def with_priority(stage: Stage) -> Iterator[None]:
    """A priority class that preempts."""
    high: Object = {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": "pod-status-high"},
        "value": 1000,
    }
    path = "/apis/scheduling.k8s.io/v1/priorityclasses"
    stage.api.answer("POST", path, high)
    with ready_again(stage):
        yield
    stage.api.remove(stage.path("pods", "important"), gracePeriodSeconds=0)
    stage.api.remove(f"{path}/pod-status-high")


def preempt(stage: Stage, pod: Object) -> None:
    """A pod of higher priority wants the room that this one has."""
    spec: Object = {
        "priorityClassName": "pod-status-high",
        "nodeSelector": {"kubernetes.io/hostname": stage.worker},
        "containers": [
            {
                "name": "important",
                "image": stage.env.runner_image,
                "command": ["sleep", "3600"],
                "resources": {"requests": {"cpu": "1200m"}},
            }
        ],
    }
    stage.create("pods", {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "important"}, "spec": spec})


HALF = {"resources": {"requests": {"cpu": "1200m"}, "limits": {"memory": "128Mi"}}}
"""More than half of what the node has."""


@contextmanager
def kubelet_stops(stage: Stage) -> Iterator[None]:
    """The kubelet is started again, if it was stopped."""
    with ready_again(stage):
        yield
        stage.on_node("systemctl start kubelet")


def stop_kubelet(stage: Stage, pod: Object) -> None:
    """The node does not answer any more; what runs on it runs on."""
    stage.on_node("systemctl stop kubelet")


def stop_kubelet_for_a_while(stage: Stage, pod: Object) -> None:
    """The node does not answer until the taint manager has deleted the pod."""
    stop_kubelet(stage, pod)
    stage.pods.until(pod["metadata"]["name"], deleted, 180)
    stage.on_node("systemctl start kubelet")


@contextmanager
def node_returns(stage: Stage) -> Iterator[None]:
    """The node is started again, if it was stopped."""
    with ready_again(stage):
        yield
        stage.node("start")


def restart_node(stage: Stage, pod: Object) -> None:
    """The node loses its power, and comes back at once."""
    stage.node("stop")
    stage.node("start")


@contextmanager
def node_object_returns(stage: Stage) -> Iterator[None]:
    """The node's object is made again, with its old addresses, before the kubelet does."""
    node = stage.api("GET", node_path(stage))
    kept = {name: node["metadata"][name] for name in ("name", "labels", "annotations")}
    addresses = {name: node["spec"][name] for name in ("podCIDR", "podCIDRs", "providerID") if name in node["spec"]}
    with ready_again(stage):
        yield
        stage.api("POST", "/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": kept, "spec": addresses})
        stage.on_node("systemctl restart kubelet")


def delete_node(stage: Stage, pod: Object) -> None:
    """An autoscaler takes the node away: the machine first, then its object."""
    stage.on_node("systemctl stop kubelet")
    stage.api.remove(node_path(stage))


@contextmanager
def kubelet_configured(stage: Stage) -> Iterator[None]:
    """The kubelet has its own configuration before and after."""
    with ready_again(stage):
        stage.on_node(f"cp {KUBELET} {KUBELET}.before")
        try:
            yield
        finally:
            stage.on_node(f"cp {KUBELET}.before {KUBELET} && systemctl restart kubelet")


def threshold(available: str) -> str:
    """A script that makes the kubelet evict below that much disk; a shell computes it."""
    return (
        f"sed -e '/^evictionHard/,/^[a-z]/{{/^evictionHard/d;/^ /d}}' {KUBELET}.before > {KUBELET}; "
        f'echo "evictionHard: {{\\"nodefs.available\\": \\"{available}\\"}}" >> {KUBELET}; systemctl restart kubelet'
    )


@contextmanager
def little_disk(stage: Stage) -> Iterator[None]:
    """The kubelet evicts when the node has 1 GiB less than now."""
    with kubelet_configured(stage):
        stage.on_node(threshold("$(($(df -B1 --output=avail /var | tail -1) - (1 << 30)))"))
        eventually(lambda: is_ready(stage), "a ready node", 120)
        try:
            yield
        finally:
            stage.on_node(f"rm -f {FILLER}")


def fill_the_disk(stage: Stage, pod: Object) -> None:
    """Something else on the node takes 2 GiB."""
    stage.on_node(f"fallocate -l 2G {FILLER}")


def restart_the_kubelet_under_pressure(stage: Stage, pod: Object) -> None:
    """A kubelet that has just started does not take the pod again, because its node lacks disk."""
    stage.on_node(threshold("99.9%"))


def on_the_worker(**spec: object) -> Object:
    """A template that places the pod without the scheduler; the kubelet decides alone."""
    return {"nodeName": "WORKER", **spec}


def turned_away(name: str, story: str, template: Object | None = None, **more: object) -> Situation:
    """A pod that the kubelet does not take."""
    return Situation(name, story, failed, template=on_the_worker(**(template or {})), **more)  # type: ignore[arg-type]


SITUATIONS = (
    Situation(
        "drained", "`kubectl drain` evicted the pod through the API.", deletion_confirmed, act=evict, sequence=True
    ),
    turned_away(
        "turned_away_for_cpu",
        "The kubelet had no room for a pod that was placed without the scheduler.",
        spec={"resources": {"requests": {"cpu": "100"}, "limits": {"cpu": "100", "memory": "128Mi"}}},
    ),
    turned_away(
        "turned_away_for_memory",
        "The kubelet had no memory for a pod that was placed without the scheduler.",
        spec={"resources": {"requests": {"memory": "1Ti"}, "limits": {"memory": "1Ti"}}},
    ),
    turned_away(
        "turned_away_for_affinity",
        "The node does not have the labels that the pod wants.",
        {"nodeSelector": {"example.com/pool": "none"}},
    ),
    Situation(
        "node_unknown",
        "The pod was placed on a node that does not exist, and the garbage collector ended it.",
        both(deleted),
        template={"nodeName": "none"},
        seconds=180,
        sequence=True,
    ),
    Situation(
        "cordoned",
        "The only node is cordoned.",
        condition("PodScheduled", "False"),
        cluster=cordoned,
    ),
    Situation(
        "taint_not_tolerated",
        "The only node has a taint that the pod does not tolerate.",
        condition("PodScheduled", "False"),
        cluster=tainted("NoSchedule"),
    ),
    Situation(
        "taint_put_on",
        "An administrator put a taint on the node that the pod does not tolerate.",
        deletion_confirmed,
        act=taint_now,
        cluster=tainted("NoExecute"),
        sequence=True,
    ),
    Situation(
        "preempted",
        "The scheduler made room for a pod of higher priority.",
        deletion_confirmed,
        spec=HALF,
        act=preempt,
        cluster=with_priority,
        sequence=True,
    ),
    Situation(
        "node_silent",
        "The node does not answer, and the pod has not been deleted yet.",
        condition("Ready", "False"),
        act=stop_kubelet,
        cluster=kubelet_stops,
        seconds=180,
        sequence=True,
    ),
    Situation(
        "node_lost",
        "The node does not answer, and the taint manager deleted the pod, which no kubelet has confirmed.",
        deleted,
        template={"tolerations": OFFLINE},
        act=stop_kubelet,
        cluster=kubelet_stops,
        seconds=240,
        sequence=True,
    ),
    Situation(
        "node_lost_and_returned",
        "The node did not answer, the taint manager deleted the pod, and then the kubelet came back and ended it.",
        deletion_confirmed,
        template={"tolerations": OFFLINE},
        act=stop_kubelet_for_a_while,
        cluster=kubelet_stops,
        seconds=300,
        sequence=True,
    ),
    Situation(
        "evicted_for_disk",
        "The node ran out of disk, and the kubelet evicted the pod.",
        both(failed, ended("agent", "task")),
        act=fill_the_disk,
        cluster=little_disk,
        seconds=240,
        sequence=True,
    ),
    Situation(
        "kubelet_restarted_under_pressure",
        "The kubelet was restarted while the node lacked disk, and did not take the running pod again.",
        both(failed, ended("agent", "task")),
        act=restart_the_kubelet_under_pressure,
        cluster=kubelet_configured,
        seconds=240,
        sequence=True,
    ),
    Situation(
        "node_deleted",
        "The node's machine and its object are gone, and the garbage collector ended the pod.",
        both(failed, deleted),
        act=delete_node,
        cluster=node_object_returns,
        seconds=300,
        sequence=True,
    ),
    Situation(
        "node_restarted",
        "The node lost its power and came back at once, without the pod's processes.",
        both(failed),
        act=restart_node,
        cluster=node_returns,
        seconds=300,
        sequence=True,
    ),
)
