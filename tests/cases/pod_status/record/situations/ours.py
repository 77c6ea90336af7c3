"""How agent and task end, each by itself or by somebody's hand."""

from collections.abc import Callable

from tests.cases.pod_status.record.situation import (
    Object,
    Situation,
    both,
    both_run,
    created,
    deleted,
    deletion_confirmed,
    ended,
    failed,
    succeeded,
    task,
)
from tests.cases.pod_status.record.stage import Stage

HUNGRY = "pages = [bytearray(b'x') * (16 << 20) for _ in range(64)]"
EXIT = "import os, time; time.sleep(1); os._exit({})"
DEAF = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(3600)"


def kill(container: str, signal: str = "SIGKILL") -> Callable[[Stage, Object], None]:
    """Somebody on the node sends the container's first process a signal."""

    def act(stage: Stage, pod: Object) -> None:
        statuses = pod["status"]["containerStatuses"]
        identity = next(entry["containerID"] for entry in statuses if entry["name"] == container)
        stage.on_node(f"ctr -n k8s.io tasks kill -s {signal} {identity.removeprefix('containerd://')}")

    return act


def kill_shim(stage: Stage, pod: Object) -> None:
    """The runtime's own process of the pod dies."""
    identity = pod["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
    key = '.Spec.annotations["io.kubernetes.cri.sandbox-id"]'
    sandbox = stage.on_node(f"ctr -n k8s.io containers info {identity} | jq -r '{key}'").strip()
    stage.on_node(f"kill -KILL $(ps -eo pid,args | awk '/[c]ontainerd-shim.* -id {sandbox}/ {{print $1}}')")


def delete(stage: Stage, pod: Object, **options: object) -> None:
    """`kubectl delete pod`."""
    stage.api.remove(stage.path("pods", pod["metadata"]["name"]), **options)


def delete_by_force(stage: Stage, pod: Object) -> None:
    """`kubectl delete pod --force`."""
    delete(stage, pod, gracePeriodSeconds=0)


def refuse_the_agent(stage: Stage, pod: Object) -> None:
    """The attempt is deleted, so that the agent cannot record anything."""
    path = stage.path("peragoattempts", pod["metadata"]["name"].removesuffix("-1"), "/apis/perago.dev/v1alpha1")
    stage.api.remove(path, propagationPolicy="Orphan")


SITUATIONS = (
    Situation("running", "Both containers run.", both_run, sequence=True),
    Situation(
        "completed",
        "The task returned its result, and the agent recorded it.",
        succeeded,
        code="pass",
        sequence=True,
    ),
    Situation("body_raised", "The body raised an exception, which the agent recorded.", succeeded, code="1 / 0"),
    Situation("task_oom_killed", "The task went over its memory limit.", failed, code=HUNGRY, sequence=True),
    Situation(
        "child_oom_killed",
        "A process that the body had started went over the memory limit, and the body ended with its code.",
        failed,
        code="import os, subprocess, sys; "
        f"os._exit(subprocess.run([sys.executable, '-c', {HUNGRY!r}]).returncode & 0xff)",
    ),
    Situation("task_exit_code", "The task's process ended with exit code 3.", failed, code=EXIT.format(3)),
    Situation(
        "task_exit_zero",
        "The task's process ended well, without a result.",
        ended("agent", "task"),
        code=EXIT.format(0),
    ),
    Situation(
        "task_exit_75",
        "The body ended its process with the exit code that stands for a lost agent.",
        failed,
        code=EXIT.format(75),
    ),
    Situation(
        "task_exit_137",
        "The body ended its process as a shell does whose command was killed.",
        failed,
        code=EXIT.format(137),
    ),
    Situation(
        "task_segmentation_fault",
        "The task's process crashed.",
        failed,
        code="import ctypes; ctypes.string_at(0)",
    ),
    Situation("task_killed", "Somebody on the node killed the task's process.", failed, act=kill("task")),
    Situation(
        "task_terminated",
        "Somebody on the node sent the task SIGTERM.",
        ended("agent", "task"),
        act=kill("task", "SIGTERM"),
    ),
    Situation("agent_killed", "Somebody on the node killed the agent.", ended("agent"), act=kill("agent")),
    Situation(
        "agent_oom_killed",
        "The agent went over a memory limit that a pod template had lowered.",
        ended("agent"),
        template={
            "containers": [
                {"name": "agent", "resources": {"limits": {"memory": "20Mi"}, "requests": {"memory": "16Mi"}}}
            ]
        },
    ),
    Situation(
        "agent_gave_up",
        "The attempt was deleted without its pod, and the agent could not record the outcome.",
        ended("agent", "task"),
        code="import time; time.sleep(5)",
        act=refuse_the_agent,
    ),
    Situation(
        "no_task_came",
        "The task never called the agent, which waited for as long as it may.",
        ended("agent"),
        template=task(command=["sleep", "3600"]),
        settings={"connect_seconds": 3},
    ),
    Situation("shim_killed", "The runtime's own process of the pod was killed.", failed, act=kill_shim, seconds=150),
    Situation(
        "deleted",
        "Somebody deleted the pod; both processes ended on SIGTERM.",
        deletion_confirmed,
        act=delete,
        sequence=True,
    ),
    Situation(
        "deleted_and_deaf",
        "Somebody deleted the pod, and the body ignored SIGTERM until the grace period was over.",
        deletion_confirmed,
        code=DEAF,
        template={"terminationGracePeriodSeconds": 3},
        act=delete,
    ),
    Situation(
        "deleted_by_force",
        "Somebody deleted the pod without a grace period.",
        both(deleted),
        act=delete_by_force,
        sequence=True,
    ),
    Situation(
        "deleted_before_its_node",
        "Somebody deleted the pod before a node was found for it.",
        deleted,
        template={"nodeSelector": {"example.com/none": "yes"}},
        when=created,
        act=delete,
    ),
    Situation(
        "pod_deadline",
        "A pod template gave the pod a deadline of its own, which passed while the task ran.",
        both(failed, ended("agent", "task")),
        template={"activeDeadlineSeconds": 8},
        sequence=True,
    ),
    Situation(
        "pod_deadline_before_start",
        "A pod template gave the pod a deadline of its own, which passed while the image was being pulled.",
        failed,
        spec={"task": {"module": "situation", "image": "registry.invalid/app:1"}},
        template={"activeDeadlineSeconds": 4},
        seconds=150,
    ),
)
