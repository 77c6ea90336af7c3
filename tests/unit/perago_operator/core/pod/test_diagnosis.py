"""What pod statuses mean: a table of cases, each a status as the kubelet writes it (tests/cases/pod_status)."""

import json
from pathlib import Path
from typing import Any

import pytest

from perago import wire
from perago_operator.core.pod.diagnosis import ending, helper_trouble, hindrance
from perago_operator.core.pod.model import Pod
from tests import builders as b

CASES = sorted((Path(__file__).parents[4] / "cases" / "pod_status").glob("*.json"))


def load(path: Path) -> tuple[Pod, dict[str, Any]]:
    """A case's pod, and what is wanted of it."""
    case = json.loads(path.read_text())
    return Pod.model_validate(case["pod"]), case["want"]


def wanting(what: str) -> list[Any]:
    """The cases that say something of `ending` or of `hindrance`."""
    return [pytest.param(path, id=path.stem) for path in CASES if what in json.loads(path.read_text())["want"]]


@pytest.mark.parametrize("path", wanting("ending"))
def test_an_ended_pod_is_understood(path: Path) -> None:
    """Reason, result, whether another pod may do better, and the pod's own words."""
    pod, want = load(path)
    got, want = ending(pod), want["ending"]
    assert (got.reason, got.result, got.disrupted) == (want["reason"], want["result"], want["disrupted"])
    assert want["says"] in got.message


@pytest.mark.parametrize("path", wanting("hindrance"))
def test_a_pod_that_does_not_start_is_understood(path: Path) -> None:
    """Reason, patience, what it ends as, and the pod's own words; None for a pod on its way."""
    pod, want = load(path)
    got, want = hindrance(pod), want["hindrance"]
    if got is None or want is None:
        assert got == want
        return
    assert (got.reason, got.patience) == (want["reason"], want["patience"])
    assert (got.fails_with, got.result) == (want["failsWith"], want["result"])
    assert want["says"] in got.message


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


def test_an_exit_of_the_tasks_own_stays_one_when_its_pod_was_deleted_since() -> None:
    """The agent saw it go first: the pod was deleted because of that."""
    leaving = {"deletionTimestamp": b.stamp(31), "deletionGracePeriodSeconds": 0}
    pod = b.ended_pod(
        agent_ended={"exitCode": wire.NO_RESULT_EXIT}, task_ended={"exitCode": wire.GAVE_UP_EXIT}, meta=leaving
    )
    assert ending(Pod.model_validate(pod)).reason == "TaskExited"


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff"])
def test_a_helper_without_its_image_is_told_in_words_that_stay(reason: str) -> None:
    """The kubelet alternates between two reasons; each change would be a write."""
    helper = b.container("helper", waiting={"reason": reason, "message": "back-off 10s"})
    pod = Pod.model_validate(b.running_pod(containers=[*b.running_pod()["status"]["containerStatuses"], helper]))
    assert helper_trouble(pod) == "container helper does not start: ImagePull (image helper:1)"
    assert hindrance(pod) is None


def test_a_helper_on_its_way_is_no_trouble() -> None:
    """Nor is one that runs, or none at all."""
    for helper in ([], [b.container("helper")], [b.container("helper", running=True)]):
        containers = [*b.running_pod()["status"]["containerStatuses"], *helper]
        assert helper_trouble(Pod.model_validate(b.running_pod(containers=containers))) is None


def test_the_cases_were_found() -> None:
    """A moved folder would otherwise test nothing."""
    assert len(CASES) >= 30


def test_each_case_tells_its_story() -> None:
    """One sentence, for readers of the folder."""
    assert all(json.loads(path.read_text())["story"].endswith(".") for path in CASES)
