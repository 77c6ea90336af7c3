"""What a task's code does: it looks around, and it talks to its agent as it should not."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from tests.hostile.cases import Attacker, Case, of
from tests.hostile.scene import Scene, Seen, followed, result_of
from tests.hostile.sites import NAMESPACE, slug
from tests.hostile.stage import SMALL, Stage, task, told
from tests.kubectl import Object

DENIED = "^Operation not permitted$"
ABSENT = "^No such file or directory$"
READ_ONLY = "^Read-only file system$"
NOT_WRITABLE = "^(Read-only file system|Permission denied)$"
NONE = "^none$"

LOOKS: Mapping[str, str] = {
    "who it runs as": r"^\(65532, 65532, 65532\) \(65532, 65532, 65532\) \[65532\]$",
    "processes that it sees": "^python -m perago.taskside$",
    "a secret in the environment": NONE,
    "variables of Perago's": NONE,
    "a secret in a file": NONE,
    "a token in a file": NONE,
    "mounts of the agent": NONE,
    "a secret in its memory": NONE,
    "capabilities that it has": "^0+$",
    "capabilities that it could get": "^0+$",
    "new privileges": "^1$",
    "system calls are filtered": "^2$",
}
KERNEL: Mapping[str, str] = {
    "a namespace of users": DENIED,
    "a namespace of mounts": DENIED,
    "mount a file system": DENIED,
    "unmount its files": DENIED,
    "change the root": DENIED,
    "become root": DENIED,
    "another group": DENIED,
    "more groups": DENIED,
    "a device": DENIED,
    "the host's name": DENIED,
    "the clock": DENIED,
    "a kernel module": DENIED,
    "a program in the kernel": DENIED,
    "measure the node": DENIED,
    "the kernel's keys": DENIED,
    "another kernel": DENIED,
    "restart the node": DENIED,
    "the kernel's log": DENIED,
    "a file by its number": DENIED,
    "more priority": "^(Permission denied|Operation not permitted)$",
    "spared when memory is short": "^Permission denied$",
    "raw packets": DENIED,
    "packets of others": DENIED,
    "where cores go": READ_ONLY,
    "the kernel's buttons": "^(Read-only file system|No such file or directory)$",
    "cgroups": READ_ONLY,
}
NODE: Mapping[str, str] = {
    "the node's memory": ABSENT,
    "the kernel's memory": "^(No such file or directory|Operation not permitted|Permission denied)$",
    "the node's log": ABSENT,
    "containerd": ABSENT,
    "docker": ABSENT,
    "the kubelet's files": ABSENT,
    "write beside the image": READ_ONLY,
    "write the image": NOT_WRITABLE,
    "write what runs": NOT_WRITABLE,
    "write the accounts": NOT_WRITABLE,
    "write the hosts": NOT_WRITABLE,
}
AGENT: Mapping[str, str] = {
    "signal the agent": "^(Invalid argument|Operation not permitted|Protocol not available)$",
    "take a descriptor of the agent's": "^(Operation not permitted|Protocol not available)$",
    "enter the agent's namespaces": "^(Operation not permitted|Protocol not available)$",
    "read the agent's memory": "^(Permission denied|No such process)$",
    "trace its parent": "^(Operation not permitted|No such process)$",
    "connect a second time": ABSENT,
    "shared memory of the agent": ABSENT,
    "sockets without a file": ABSENT,
    "the node cache": ABSENT,
    "the keys' folder": ABSENT,
    "the token's folder": ABSENT,
    "fill the socket's volume": "^No space left on device$",
    "fill shared memory": "^No space left on device$",
}
NETWORK: Mapping[str, str] = {
    "Secrets without a token": "^reached 403$",
    "attempts without a token": "^reached 403$",
    "lakeFS without keys": "^reached 401$",
    "the kubelet": "^reached 401$",
    "the kubelet's open port": "^reached no answer: .*refused",
    "etcd": "^reached no answer: .*(?i:certificate|alert|EOF|closed|reset)",
}
ORDER = "^reached .*refused.*OutOfOrder"
SHAPE = "^reached .*refused.*not a call of protocol"
FRAMES: Mapping[str, str] = {
    "an unknown call": SHAPE,
    "a call without a name": SHAPE,
    "a branch of its own": SHAPE,
    "a repository of its own": SHAPE,
    "stage what is read-only": ORDER,
    "publish without a stage": ORDER,
    "complete without a fence": ORDER,
    "a fence where none belongs": ORDER,
    "hello twice": ORDER,
    "download twice": ORDER,
    "no time for a merge": SHAPE,
    "a thousand levels": "^reached .*refused.*too deep",
    "a hundred thousand levels": "^reached .*refused.*too deep",
    "a million values": "^reached .*refused.*more than 1000000 values",
    "a status that there is not": SHAPE,
    "an exit code that is a text": SHAPE,
}
ONCE = "^Failed, executions 1, FAILED, "
WAYS: Mapping[str, str] = {
    "garbage": ONCE,
    "no object": ONCE,
    "a length over the limit": ONCE,
    "a number of 5000 digits": ONCE,
    "half a frame": ONCE,
    "hangs up": f"{ONCE}TaskExited",
    "a result of its own, and on": "^Succeeded, executions 1, COMPLETED",
    "exit 0": ONCE,
    "exit 75": ONCE,
    "exit 137": ONCE,
    "killed": ONCE,
    "deaf": "^Failed, executions 1, FAILED, DeadlineExceeded",
    "orphan": "^Succeeded, executions 1, COMPLETED",
    "a lone surrogate": ONCE,
    "too large": f"{ONCE}OutputTooLarge",
    "too deep": ONCE,
    "a long message": r"^Failed, executions 1, FAILED, .{,600}$",
    "control characters": ONCE,
    "memory": f"{ONCE}OOMKilled",
    "a link in its own place": "^Succeeded, executions 1, COMPLETED",
}
"""Ways to misbehave, with an attempt for each → what becomes of the attempt."""
TOLD: Mapping[str, str] = {
    "forged workspace": "^(Succeeded, executions 1, COMPLETED, .*output (?!.*payroll)|Failed, executions 1, )",
    "forged reason": f"{ONCE}TaskExecutionError",
    "forged deadline": f"{ONCE}TaskExecutionError",
    "forged disruption": f"{ONCE}TaskExecutionError",
    "no reason": f"{ONCE}TaskExecutionError",
    "endless seconds": "^Succeeded, executions 1, COMPLETED, .*not a call of protocol",
    "negative seconds": "^Succeeded, executions 1, COMPLETED, .*not a call of protocol",
    "an endless exit code": ONCE,
    "a message of NUL": ONCE,
    "a thousand classes": ONCE,
    "an endless traceback": ONCE,
}
"""What a task may tell of its own end → the same."""
PROBE = "hostile-probe"
PROBED = of(Attacker.BODY, {**LOOKS, **KERNEL, **NODE, **AGENT, **NETWORK})
FRAMED = of(Attacker.BODY, FRAMES)


def digests(stage: Stage) -> list[str]:
    """By which a body finds a secret of the run without being told one."""
    return [hashlib.sha256(value.encode()).hexdigest() for value in stage.canaries.values()]


def servers(stage: Stage) -> dict[str, str]:
    """What a pod can reach on the network."""
    node = stage.api.read("/api/v1/nodes")["items"][0]
    address = next(one["address"] for one in node["status"]["addresses"] if one["type"] == "InternalIP")
    return {
        "Secrets without a token": f"https://kubernetes.default.svc/api/v1/namespaces/{NAMESPACE}/secrets",
        "attempts without a token": "https://kubernetes.default.svc/apis/perago.dev/v1alpha1/peragoattempts",
        "lakeFS without keys": f"{stage.env.lakefs_cluster_endpoint}/api/v1/repositories",
        "the kubelet": f"https://{address}:10250/pods",
        "the kubelet's open port": f"http://{address}:10255/pods",
        "etcd": f"https://{address}:2379/version",
    }


def _probe(stage: Stage) -> Callable[[], Seen]:
    """As a task of Conductor, so that its agent has all keys."""
    name = stage.site.named(PROBE)
    stage.conductor.define_task(name)
    given = {"workspace": "${workflow.input.workspace}", "params": "${workflow.input.params}"}
    stage.conductor.define_workflow(name, [(name, given)])
    resources = {**SMALL, "limits": {"memory": "512Mi"}}
    code = {"module": "hostile_tasks.probe", "image": stage.image}
    stage.make(task(PROBE, taskType=name, resources=resources, shmSize="16Mi", **code))
    params = {"digests": digests(stage), "servers": servers(stage)}
    workflow = stage.started(name, {"workspace": stage.workspace("probed"), "params": params})

    def seen() -> Seen:
        stage.conductor.ended(workflow, 600)
        (probed,) = stage.cluster().list("peragoattempts", f"perago.dev/workflow={workflow}")
        return dict(result_of(stage.cluster().finished(probed["metadata"]["name"])))

    return seen


def _frames(stage: Stage) -> Callable[[], Seen]:
    made = [stage.attempt("frames", "frames", {"workspace": stage.workspace("framed"), "params": {}})]
    stage.make(*made)
    return lambda: dict(result_of(followed(stage, made, 600)["frames"]))


def _misbehaving(stage: Stage, way: str) -> Object:
    """The attempt for a way to misbehave."""
    deadline = 20 if way == "deaf" else 240
    return stage.attempt(slug(f"body {way}"), "misbehaves", {"params": {"way": way}}, activeDeadlineSeconds=deadline)


def _misbehaved(ways: Mapping[str, str]) -> tuple[Case, ...]:
    return of(Attacker.BODY, {f"body: {way}": want for way, want in ways.items()})


def _ways(ways: Iterable[str], stage: Stage) -> Callable[[], Seen]:
    made = {way: _misbehaving(stage, way) for way in ways}
    stage.make(*made.values())

    def seen() -> Seen:
        over = followed(stage, list(made.values()), 600)
        return {f"body: {way}": told(over[attempt["metadata"]["name"]]) for way, attempt in made.items()}

    return seen


PROBES = Scene("probe", PROBED, _probe)
CALLS = Scene("calls", FRAMED, _frames)
ENDINGS = Scene("endings", _misbehaved(WAYS), partial(_ways, WAYS))
OUTCOMES = Scene("outcomes", _misbehaved(TOLD), partial(_ways, TOLD))
