"""What pod statuses mean: a table of cases, each a status as the kubelet writes it (tests/cases/pod_status)."""

import json
from pathlib import Path
from typing import Any

import pytest

from perago_operator.core.pod.diagnosis import ending, hindrance
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
    ("task_ended", "disrupted"),
    [
        ({"exitCode": 75, "finishedAt": b.stamp(10)}, True),
        ({"exitCode": 1, "finishedAt": b.stamp(11)}, True),
        ({"exitCode": 1, "finishedAt": b.stamp(10)}, False),
        ({"exitCode": 3, "finishedAt": b.stamp(11)}, False),
    ],
)
def test_a_task_that_ended_because_its_agent_had_was_disrupted(task_ended: dict[str, Any], disrupted: bool) -> None:
    """It says so by exit code 75, or ended with 1 after the agent's end at second 10."""
    pod = b.ended_pod(agent_ended={"exitCode": 1, "finishedAt": b.stamp(10)}, task_ended=task_ended)
    assert ending(Pod.model_validate(pod)).disrupted is disrupted


def test_the_cases_were_found() -> None:
    """A moved folder would otherwise test nothing."""
    assert len(CASES) >= 30


def test_each_case_tells_its_story() -> None:
    """One sentence, for readers of the folder."""
    assert all(json.loads(path.read_text())["story"].endswith(".") for path in CASES)
