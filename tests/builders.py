"""Objects with good defaults and keyword changes, for tests: attempts, tasks, pods, situations.

Raw objects are dicts as the API server has them; `situation(...)` makes the parsed value that decisions are about.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from perago.wire import ConductorTask, Order
from perago.wire.times import timestamp
from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.task import PeragoTask
from perago_operator.core.config import Config
from perago_operator.core.memory import Memory
from perago_operator.core.names import ATTEMPT_FINALIZER, ATTEMPT_LABEL, MANAGED_BY, MANAGED_BY_LABEL, POD_FINALIZER
from perago_operator.core.pod.model import Pod
from perago_operator.core.siblings import Sibling
from perago_operator.core.situation import Situation

Raw = dict[str, Any]

START = datetime(2026, 1, 1, tzinfo=UTC)
"""When attempts of these builders are created."""
NAME = "a1"
UID = "uid-a1"
WORKSPACE = {"repository": "repo", "branch": "main", "refType": "commit", "ref": "commit-a"}
INPUT = {"workspace": WORKSPACE, "params": {}}


def nested(levels: int, innermost: object = 1) -> object:
    """A value with so many levels of objects, lists among them, around the innermost one."""
    for level in range(levels):
        innermost = [innermost] if level % 7 == 3 else {"a": innermost}
    return innermost


def at(seconds: float) -> datetime:
    """So many seconds after `START`."""
    return START + timedelta(seconds=seconds)


def stamp(seconds: float) -> str:
    """The same, as it stands in objects."""
    return timestamp(at(seconds))


def conductor_task(**changes: Any) -> ConductorTask:
    """A Conductor task's identity."""
    defaults: Raw = {
        "task_type": "build",
        "workflow_instance_id": "wf-1",
        "task_id": NAME,
        "reference_task_name": "build_ref",
        "seq": 1,
        "response_timeout_seconds": 60,
    }
    return ConductorTask(**{**defaults, **changes})


def metadata(name: str, uid: str, **changes: Any) -> Raw:
    """Metadata of an object of namespace `ns`."""
    defaults: Raw = {
        "name": name,
        "namespace": "ns",
        "uid": uid,
        "resourceVersion": "1",
        "generation": 1,
        "creationTimestamp": stamp(0),
    }
    return {**defaults, **changes}


def attempt(*, meta: Raw | None = None, status: Raw | None = None, standalone: bool = False, **spec: Any) -> Raw:
    """An attempt of a Conductor task (or of none); `spec` changes fields of its spec, None removes one."""
    defaults: Raw = {"task": {"module": "app.work", "image": "app:1"}, "input": INPUT}
    if not standalone:
        defaults["conductor"] = conductor_task().to_json()
    fields = {key: value for key, value in {**defaults, **spec}.items() if value is not None}
    return {
        "apiVersion": "perago.dev/v1alpha1",
        "kind": "PeragoAttempt",
        "metadata": {**metadata(NAME, UID, finalizers=[ATTEMPT_FINALIZER]), **(meta or {})},
        "spec": fields,
        "status": status or {},
    }


def task(name: str = "build", **spec: Any) -> Raw:
    """A PeragoTask."""
    return {
        "apiVersion": "perago.dev/v1alpha1",
        "kind": "PeragoTask",
        "metadata": metadata(name, f"uid-{name}"),
        "spec": {"module": "app.work", "image": "app:1", **spec},
    }


def container(name: str, *, running: bool = False, waiting: Raw | None = None, ended: Raw | None = None) -> Raw:
    """The status of one container, in one of its three states."""
    if ended is not None:
        state: Raw = {"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": stamp(10), **ended}}
    elif running:
        state = {"running": {"startedAt": stamp(1)}}
    else:
        state = {"waiting": waiting or {"reason": "ContainerCreating"}}
    return {"name": name, "image": f"{name}:1", "state": state}


def pod(
    execution: int = 1,
    *,
    of: str = NAME,
    uid: str = UID,
    meta: Raw | None = None,
    containers: list[Raw] | None = None,
    **status: Any,
) -> Raw:
    """A pod of an attempt, placed on a node and starting; `status` changes fields of its status."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata(
            f"{of}-{execution}",
            f"uid-{of}-{execution}",
            **{
                "labels": {ATTEMPT_LABEL: of, MANAGED_BY_LABEL: MANAGED_BY},
                "finalizers": [POD_FINALIZER],
                "ownerReferences": [{"kind": "PeragoAttempt", "name": of, "uid": uid}],
                **(meta or {}),
            },
        ),
        "spec": {
            "nodeName": "node-1",
            "containers": [
                {"name": "agent", "image": "runner:1"},
                {"name": "task", "image": "app:1", "resources": {"limits": {"memory": "128Mi"}}},
            ],
        },
        "status": {
            "phase": "Pending",
            "startTime": stamp(0),
            "conditions": [{"type": "PodScheduled", "status": "True"}],
            "containerStatuses": containers or [container("agent"), container("task")],
            **status,
        },
    }


def running_pod(execution: int = 1, **changes: Any) -> Raw:
    """A pod whose containers both run."""
    both = [container("agent", running=True), container("task", running=True)]
    return pod(execution, **{"containers": both, "phase": "Running", **changes})


def ended_pod(
    execution: int = 1,
    *,
    task_ended: Raw | None = None,
    agent_ended: Raw | None = None,
    helper: Raw | None = None,
    **more: Any,
) -> Raw:
    """A pod whose agent and task have terminated, each with exit code 1 by default; `helper` is one more container."""
    failed: Raw = {"exitCode": 1, "reason": "Error"}
    both = [
        container("agent", ended={**failed, **(agent_ended or {})}),
        container("task", ended={**failed, **(task_ended or {})}),
    ]
    return pod(execution, **{"containers": [*both, *([helper] if helper else [])], "phase": "Failed", **more})


def memory(*, created: Iterable[str] = (), created_at: datetime | None = None, **changes: Any) -> Memory:
    """What is remembered of an attempt that was first seen when it was created; so were its pods, or `created_at`."""
    pods = dict.fromkeys(created or ([f"{NAME}-1"] if created_at else []), created_at or START)
    return replace(Memory(UID, START, created=pods), **changes)


def situation(
    of: Raw | None = None,
    seconds: float = 1.0,
    *,
    pods: tuple[Raw, ...] = (),
    task: Raw | None = None,
    siblings: tuple[Sibling, ...] = (),
    ahead: int = 0,
    memory: Memory | None = None,
    config: Config | None = None,
    **more: Any,
) -> Situation:
    """The situation of an attempt (the default one unless given) so many seconds after `START`."""
    parsed = tuple(Pod.model_validate(pod) for pod in pods)
    remembered = memory or Memory(UID, START)
    return Situation(
        PeragoAttempt.model_validate(of or attempt()),
        PeragoTask.model_validate(task) if task else None,
        parsed,
        replace(remembered, seen=remembered.seen | {pod.name for pod in parsed}),
        siblings,
        ahead,
        at(seconds),
        config or Config(),
        **{"clock": seconds, **more},
    )


def condition(kind: str, status: str = "True", reason: str = "Finished", *, seconds: float = 5, **more: Any) -> Raw:
    """A condition as it stands in a status."""
    return {"type": kind, "status": status, "reason": reason, "lastTransitionTime": stamp(seconds), **more}


def completed(**changes: Any) -> Raw:
    """An outcome: completed with an output."""
    output: Mapping[str, Any] = {"workspace": {**WORKSPACE, "ref": "commit-b"}, "result": {"rows": 3}}
    return {"status": "COMPLETED", "reason": "Completed", "output": output, **changes}


def failure(reason: str = "TaskFailed", **changes: Any) -> Raw:
    """An outcome: failed."""
    return {"status": "FAILED", "reason": reason, "message": "it broke", **changes}


def given_up(execution: int = 1, reason: str = "LakeFSUnreachable", **changes: Any) -> Raw:
    """An outcome: the agent of this execution gave up on the infrastructure."""
    return failure(reason, failureClass="Infrastructure", execution=execution, **changes)


def ticket(number: int = 1, execution: int = 1, **more: Any) -> Raw:
    """A ticket of a turn, as it stands in a status."""
    return {"execution": execution, "number": number, **more}


def request(number: int = 1, execution: int = 1, *, seconds: float = 0, lasts: float = 600) -> Raw:
    """A request for a turn, made so many seconds after `START`, or the grant of one."""
    return ticket(number, execution, time=at(seconds).isoformat(timespec="microseconds"), seconds=lasts)


def turn(requested: Raw | None = None, **marks: Any) -> Raw:
    """The status of an attempt that publishes: what it asked for (ticket 1 unless given), and what else is known."""
    workspace = {"repository": "repo", "branch": "main", "inputRef": "commit-a"}
    asked = {"requested": requested or request(), **marks}
    return {"executions": 1, "podName": "a1-1", "workspace": workspace, "staging": STAGING, "turn": asked}


def staging_branch(of: Raw, execution: int = 1) -> str:
    """The name that an agent gives the staging branch of an attempt's execution."""
    meta, task = of["metadata"], of["spec"].get("conductor")
    given: Raw = {"namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"], "conductor": task}
    fixed: Raw = {"installation": "i", "module": "m", "image": "i"}
    return Order.model_validate({**given, **fixed, "execution": execution}).staging_branch


STAGING: Raw = {"repository": "repo", "branch": staging_branch(attempt()), "state": "Active"}
