"""The state of pods, as their objects show it."""

from typing import Any

import pytest

from perago_operator.core.pod.model import Pod
from tests import builders as b

ENDED: dict[str, Any] = {"exitCode": 0}


def pod(**changes: Any) -> Pod:
    """A pod with these changes."""
    return Pod.model_validate(b.pod(**changes))


def both(agent: dict[str, Any], task: dict[str, Any]) -> list[dict[str, Any]]:
    """The statuses of its containers."""
    return [b.container("agent", **agent), b.container("task", **task)]


RUNS: dict[str, Any] = {"running": True}
OVER: dict[str, Any] = {"ended": ENDED}
WAITS: dict[str, Any] = {}


@pytest.mark.parametrize(
    ("agent", "task", "started", "one_sided", "ended"),
    [
        (WAITS, WAITS, False, False, False),
        (RUNS, WAITS, False, False, False),
        (RUNS, RUNS, True, False, False),
        (RUNS, OVER, True, True, False),
        (OVER, RUNS, True, True, False),
        (OVER, WAITS, False, True, False),
        (OVER, OVER, True, False, True),
    ],
)
def test_a_pod_is_as_its_containers(
    agent: dict[str, Any], task: dict[str, Any], started: bool, one_sided: bool, ended: bool
) -> None:
    """Started when all have, ended when all have, one-sided in between."""
    its = pod(containers=both(agent, task))
    assert (its.started, its.one_sided, its.ended) == (started, one_sided, ended)


HELPERS = [WAITS, RUNS, OVER, {"ended": {"exitCode": 3}}, {"waiting": {"reason": "ErrImagePull"}}]


@pytest.mark.parametrize("helper", HELPERS, ids=["waits", "runs", "over", "failed", "no image"])
@pytest.mark.parametrize(
    ("agent", "task", "started", "one_sided", "ended"),
    [(RUNS, RUNS, True, False, False), (RUNS, OVER, True, True, False), (OVER, OVER, True, False, True)],
)
def test_a_helper_neither_ends_nor_keeps_a_pod(
    helper: dict[str, Any], agent: dict[str, Any], task: dict[str, Any], started: bool, one_sided: bool, ended: bool
) -> None:
    """Its start and its end, well or not, are its own affair."""
    its = pod(containers=[*both(agent, task), b.container("helper", **helper)])
    assert (its.started, its.one_sided, its.ended) == (started, one_sided, ended)


def test_the_end_of_a_helper_is_not_the_pods() -> None:
    """Patience with the other container counts from agent and task."""
    late = b.container("helper", ended={"finishedAt": b.stamp(70)})
    assert pod(containers=[*both(OVER, RUNS), late]).ended_at == b.at(10)


def test_a_pod_is_at_rest_when_its_helpers_are() -> None:
    """What is kept for people uses no CPU."""
    helped = b.pod(containers=[*both(OVER, OVER), b.container("helper", running=True)])
    helped["spec"]["containers"].append({"name": "helper"})
    assert not Pod.model_validate(helped).at_rest
    helped["status"]["containerStatuses"][-1] = b.container("helper", ended=ENDED)
    assert Pod.model_validate(helped).at_rest
    assert pod(phase="Failed", containerStatuses=[]).at_rest


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_final_phase_is_an_end(phase: str) -> None:
    """Evicted pods may have no container statuses."""
    assert pod(phase=phase, containerStatuses=[]).ended


def test_one_status_of_two_is_not_the_end() -> None:
    """The other container is not in the status yet."""
    assert not pod(containers=[b.container("agent", ended=ENDED)]).ended
    assert not pod(containers=[b.container("agent", ended=ENDED)]).at_rest


def test_a_deletion_is_confirmed_by_the_kubelet() -> None:
    """It sets the grace to 0 when no process is left."""
    asked = {"deletionTimestamp": b.stamp(31), "deletionGracePeriodSeconds": 30}
    assert not pod(meta=asked).ended
    assert pod(meta={**asked, "deletionGracePeriodSeconds": 0}).ended


def test_a_forced_deletion_ends_no_container() -> None:
    """It sets the grace to 0 at once, and the kubelet has yet to stop what runs."""
    forced = {"deletionTimestamp": b.stamp(31), "deletionGracePeriodSeconds": 0}
    assert not pod(meta=forced, containers=both(RUNS, RUNS)).ended
    assert not pod(meta=forced, containers=both(OVER, RUNS)).ended
    assert pod(meta=forced, containers=both(OVER, OVER)).ended


@pytest.mark.parametrize(
    ("meta", "ended"), [({}, False), ({"deletionTimestamp": b.stamp(31), "deletionGracePeriodSeconds": 30}, True)]
)
def test_a_pod_that_no_node_ever_had_is_over_once_it_is_deleted(meta: dict[str, Any], ended: bool) -> None:
    """No kubelet will confirm it; until then it may still be placed."""
    unplaced = b.pod(meta=meta)
    del unplaced["spec"]["nodeName"]
    assert Pod.model_validate(unplaced).ended is ended


def test_the_end_of_a_pod_is_the_end_of_its_last_container() -> None:
    """None while none has ended."""
    first, last = {"ended": {"finishedAt": b.stamp(3)}}, {"ended": {"finishedAt": b.stamp(7)}}
    assert pod(containers=both(first, last)).ended_at == b.at(7)
    assert pod().ended_at is None


def test_limits_are_told_as_they_were_written() -> None:
    """None where there is none."""
    assert (pod().limit("task", "memory"), pod().limit("task", "cpu"), pod().limit("other", "memory")) == (
        "128Mi",
        None,
        None,
    )


def test_a_container_that_is_not_told_of_has_no_state() -> None:
    """The kubelet has not spoken."""
    state = pod(containerStatuses=[]).state("task")
    assert (state.waiting, state.running, state.terminated) == (None, None, None)


def test_a_pod_belongs_to_its_owner() -> None:
    """By uid: names come again."""
    assert pod().belongs_to(b.UID)
    assert not pod(uid="another").belongs_to(b.UID)


def test_a_condition_is_found_by_type() -> None:
    """None where it is not given."""
    scheduled = pod().condition("PodScheduled")
    assert scheduled is not None
    assert (scheduled.status, pod().condition("DisruptionTarget")) == ("True", None)
