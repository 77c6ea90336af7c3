"""What pod statuses mean where a moment, an exit code or a word decides; `test_pod_statuses` has whole situations."""

import pytest

from perago import wire
from perago_operator.core.pod.diagnosis import ending
from perago_operator.core.pod.hindrance import helper_trouble, hindrance_of
from perago_operator.core.pod.model import Pod
from tests import builders as b
from tests.unit.perago_operator.core.situations import SILENT


def test_a_task_that_failed_in_the_second_in_which_its_agent_was_killed_was_disrupted() -> None:
    """Without its agent it could only fail, and end times have whole-second precision."""
    killed = b.ended_pod(agent_ended={"exitCode": 137, "reason": "OOMKilled"}, task_ended={"exitCode": 1})
    assert ending(Pod.model_validate(killed)).disrupted


@pytest.mark.parametrize(
    ("agent", "task", "disrupted"),
    [
        (wire.GAVE_UP_EXIT, wire.GAVE_UP_EXIT, True),
        (wire.GAVE_UP_EXIT, 0, True),
        (wire.GAVE_UP_EXIT, 1, True),
        (1, wire.GAVE_UP_EXIT, True),
        (1, 3, False),
        (wire.NO_RESULT_EXIT, wire.GAVE_UP_EXIT, False),
        (wire.NO_RESULT_EXIT, 1, False),
        (wire.NO_RESULT_EXIT, 0, False),
    ],
)
def test_an_agent_that_gave_up_is_never_the_tasks_fault(agent: int, task: int, disrupted: bool) -> None:
    """One that saw its task go without a result leaves the task's exit code to speak, whatever it is."""
    pod = b.ended_pod(agent_ended={"exitCode": agent}, task_ended={"exitCode": task})
    assert ending(Pod.model_validate(pod)).disrupted is disrupted


@pytest.mark.parametrize(
    ("code", "log", "said"),
    [
        (
            wire.GAVE_UP_EXIT,
            "Traceback:\n  ...\nperago.a.NoAnswer: lakeFS did not answer\n\n",
            "NoAnswer: lakeFS did not answer",
        ),
        (wire.GAVE_UP_EXIT, "lakeFS did not answer", "lakeFS did not answer"),
        (wire.GAVE_UP_EXIT, "x" * 4000, "x" * 300),
        (wire.GAVE_UP_EXIT, "\n", None),
        (1, "perago.a.NoAnswer: lakeFS did not answer", None),
    ],
)
def test_an_agent_that_gave_up_has_said_why(code: int, log: str, said: str | None) -> None:
    """In the last line of its log, without the module; any other end may have come in the middle of a line."""
    pod = b.ended_pod(agent_ended={"exitCode": code, "message": log}, task_ended={"exitCode": 0})
    message = ending(Pod.model_validate(pod)).message
    assert message.endswith(f"exit code {code}" if said is None else f"exit code {code}: {said}")


@pytest.mark.parametrize(("left", "disrupted"), [(20, False), (28, False), (29, True), (31, True)])
@pytest.mark.parametrize("was_reset", [True, False])
def test_a_task_that_leaves_its_agent_and_goes_on_is_no_disruption(
    left: float, disrupted: bool, was_reset: bool
) -> None:
    """The operator deletes its pod some seconds later; one that is ended with its pod leaves its agent then."""
    asked, grace = 31, 30
    meta = {
        "deletionTimestamp": b.stamp(asked if was_reset else asked + grace),
        "deletionGracePeriodSeconds": 0 if was_reset else grace,
    }
    pod = b.ended_pod(
        agent_ended={"exitCode": wire.NO_RESULT_EXIT, "finishedAt": b.stamp(left)},
        task_ended={"exitCode": 137, "finishedAt": b.stamp(asked + grace)},
        meta=meta,
    )
    assert ending(Pod.model_validate(pod)).disrupted is disrupted


def test_an_exit_of_the_tasks_own_stays_one_when_its_pod_was_deleted_since() -> None:
    """The agent saw it go first: the pod was deleted because of that."""
    leaving = {"deletionTimestamp": b.stamp(31), "deletionGracePeriodSeconds": 0}
    pod = b.ended_pod(
        agent_ended={"exitCode": wire.NO_RESULT_EXIT, "finishedAt": b.stamp(30)},
        task_ended={"exitCode": wire.GAVE_UP_EXIT},
        meta=leaving,
    )
    assert ending(Pod.model_validate(pod)).exit_code == wire.GAVE_UP_EXIT


OCI = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
NO_FORK = "resource temporarily unavailable"


@pytest.mark.parametrize("container", ["agent", "task"])
@pytest.mark.parametrize(
    "words",
    [
        f"failed to start shim: start failed: : fork/exec /usr/bin/containerd-shim-runc-v2: {NO_FORK}: unknown",
        f"{OCI}unable to start container process: can't get final child's PID from pipe: EOF: unknown",
        f"{OCI}unable to start container process: unable to start init: fork/exec /proc/self/exe: {NO_FORK}: unknown",
        f"{OCI}unable to start container process: error during container init: read init-p: connection reset by peer",
        f"{OCI}unable to create new parent process: namespace path: lstat /proc/179/ns/ipc: no such file or directory",
        "failed to start shim: start failed: runtime/cgo: pthread_create failed: Resource temporarily unavailable",
    ],
)
def test_what_a_runtime_says_in_a_burst_is_the_nodes(container: str, words: str) -> None:
    """All of them came from one small node to which a hundred pods were given at once."""
    ended = {"exitCode": 128, "reason": "StartError", "message": words}
    containers = [b.container(container, ended=ended)]
    got = ending(Pod.model_validate(b.pod(phase="Failed", containers=containers)))
    assert (got.disrupted, "does not know" in got.message) == (True, False)


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("CreateContainerConfigError", 'failed to prepare subPath for volumeMount "task-accounts" of container "task"'),
        (
            "CreateContainerError",
            "error reading from server: /run/containerd/containerd.sock: connection reset by peer",
        ),
        ("ImageInspectError", "dial unix /run/containerd/containerd.sock: connect: connection refused"),
        ("ErrImagePull", "dial unix /run/containerd/containerd.sock: connect: connection refused"),
    ],
)
def test_a_runtime_that_is_away_is_the_nodes_trouble(reason: str, message: str) -> None:
    """So is a mount that every pod has."""
    waiting = b.container("task", waiting={"reason": reason, "message": message})
    found = hindrance_of(Pod.model_validate(b.pod(containers=[b.container("agent", running=True), waiting])))
    assert found is not None
    assert found.disrupted


def test_a_pod_that_was_deleted_because_its_node_is_silent_says_so() -> None:
    """Nobody else deleted it, and no kubelet has confirmed its end."""
    leaving = {"deletionTimestamp": b.stamp(31), "deletionGracePeriodSeconds": 30}
    silent = Pod.model_validate(b.running_pod(conditions=SILENT, meta=leaving))
    assert ending(silent).message == "NodeSilent: node node-1 does not answer"


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff"])
def test_a_helper_without_its_image_is_told_in_words_that_stay(reason: str) -> None:
    """The kubelet alternates between two reasons; each change would be a write."""
    helper = b.container("helper", waiting={"reason": reason, "message": "back-off 10s"})
    pod = Pod.model_validate(b.running_pod(containers=[*b.running_pod()["status"]["containerStatuses"], helper]))
    assert helper_trouble(pod) == "container helper does not start: ImagePull (image helper:1)"
    assert hindrance_of(pod) is None


def test_a_helper_on_its_way_is_no_trouble() -> None:
    """Nor is one that runs, or none at all."""
    for helper in ([], [b.container("helper")], [b.container("helper", running=True)]):
        containers = [*b.running_pod()["status"]["containerStatuses"], *helper]
        assert helper_trouble(Pod.model_validate(b.running_pod(containers=containers))) is None
