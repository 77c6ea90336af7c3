"""The task's log: read before its pod goes, sent to Conductor, shown in the status; nothing waits for it for long."""

from typing import Any

import pytest

from perago.wire import MOST_BYTES
from perago_operator.core import actions as do
from perago_operator.core.config import Config
from perago_operator.core.decide import first_match
from perago_operator.core.log import TRIES, log_status, read_log, ship_log, with_last_words
from perago_operator.core.memory import Memory, Trouble
from perago_operator.core.situation import Situation
from perago_operator.core.status import status_patch
from tests import builders as b

FAILED = b.attempt(status={"outcome": b.failure()})
COMPLETED = b.attempt(status={"outcome": b.completed()})
BY_HAND = b.attempt(standalone=True, status={"outcome": b.failure()})
SHIPPED = b.memory(logs={"a1-1": "boom"}, shipped=frozenset({"a1-1"}))


def troubled(kind: do.Kind, count: int) -> Memory:
    """That kind of call failed so often."""
    logs = {"a1-1": "boom"} if kind is do.ShipLog else {}
    return b.memory(troubles={kind: Trouble(count, b.at(0), None, "no answer")}, logs=logs)


def decided(s: Situation) -> list[do.Action]:
    """The actions that concern log and pods, in order."""
    kinds = (do.ReadLog, do.ShipLog, do.DeletePod, do.ReleasePod)
    return [action for action in first_match(s)[1].actions if isinstance(action, kinds)]


@pytest.mark.parametrize(
    ("attempt", "reading"),
    [
        (FAILED, do.ReadLog("a1-1", 200, to_the_end=True)),
        (COMPLETED, do.ReadLog("a1-1", 200, to_the_end=False)),
        (BY_HAND, do.ReadLog("a1-1", 20, to_the_end=True)),
    ],
    ids=["failed", "completed", "by hand"],
)
@pytest.mark.parametrize("pod", [b.pod(), b.running_pod(), b.ended_pod()], ids=["starting", "running", "ended"])
def test_the_log_is_read_before_its_pod_goes(attempt: dict[str, Any], reading: do.ReadLog, pod: dict[str, Any]) -> None:
    """Whatever the watch shows of the pod: the outcome may arrive before its start does."""
    assert decided(b.situation(attempt, pods=(pod,))) == [reading]


def test_a_completed_attempt_by_hand_needs_no_log() -> None:
    """Nobody asks for it: the pod goes at once."""
    done = b.attempt(standalone=True, status={"outcome": b.completed()})
    assert decided(b.situation(done, pods=(b.running_pod(),))) == [
        do.DeletePod("a1-1", "uid-a1-1"),
        do.ReleasePod("a1-1", "uid-a1-1"),
    ]


EARLY = b.memory(asked_early=frozenset({"a1-1"}), outcome_seen_at=b.at(1))


def test_a_kubelet_that_was_asked_too_early_is_asked_again() -> None:
    """It looks once a second: the watch shows when it knows of the task's start, and the pod stays until then."""
    s = b.situation(FAILED, 2, pods=(b.pod(),), memory=EARLY)
    assert (decided(s), first_match(s)[1].look_again_at) == ([], b.at(6))
    for started in (b.running_pod(), b.ended_pod()):
        assert decided(b.situation(FAILED, 2, pods=(started,), memory=EARLY)) == [do.ReadLog("a1-1", 200, True)]


PULLS = b.pod(containers=[b.container("agent", running=True), b.container("task", waiting={"reason": "ErrImagePull"})])
NEVER_RAN = b.pod(phase="Failed", reason="Evicted")


@pytest.mark.parametrize(
    ("seconds", "pod"), [(6, b.pod()), (2, PULLS), (2, NEVER_RAN)], ids=["long", "no image", "over"]
)
def test_a_task_that_does_not_start_is_not_waited_for(seconds: float, pod: dict[str, Any]) -> None:
    """Not for more than 5 s, nor where the pod shows why: there is no log, and the pod goes."""
    s = b.situation(FAILED, seconds, pods=(pod,), memory=EARLY)
    assert decided(s) == [do.DeletePod("a1-1", "uid-a1-1"), do.ReleasePod("a1-1", "uid-a1-1")]


def test_the_log_is_shipped_before_the_pod_is_let_go() -> None:
    """An operator that dies in between reads it again."""
    s = b.situation(COMPLETED, pods=(b.running_pod(),), memory=b.memory(logs={"a1-1": "boom"}))
    ship = do.ShipLog(b.conductor_task(), "a1-1", "boom")
    assert decided(s) == [ship, do.DeletePod("a1-1", "uid-a1-1"), do.ReleasePod("a1-1", "uid-a1-1")]


@pytest.mark.parametrize("memory", [SHIPPED, b.memory(logs={"a1-1": ""}), troubled(do.ReadLog, TRIES[do.ReadLog])])
def test_nothing_more_is_done_about_a_log(memory: Memory) -> None:
    """Not after it was shipped, not of a task that printed nothing, not once reading was given up: the pod goes."""
    s = b.situation(COMPLETED, pods=(b.running_pod(),), memory=memory)
    assert decided(s) == [do.DeletePod("a1-1", "uid-a1-1"), do.ReleasePod("a1-1", "uid-a1-1")]


def test_a_log_that_is_not_wanted_at_conductor_is_not_read_for_it() -> None:
    """`shipped_log_lines` is 0; a failed attempt's log is for the status."""
    config = Config(shipped_log_lines=0)
    assert read_log(b.situation(COMPLETED, pods=(b.running_pod(),), config=config), failed=False) == ()
    s = b.situation(FAILED, pods=(b.running_pod(),), config=config, memory=b.memory(logs={"a1-1": "boom"}))
    assert ship_log(s) == ()


@pytest.mark.parametrize("kind", [do.ReadLog, do.ShipLog])
def test_a_hiccup_is_survived(kind: do.Kind) -> None:
    """One failure is followed by another try, and the tries are counted."""
    wanted = {do.ReadLog: lambda s: read_log(s, failed=True), do.ShipLog: ship_log}[kind]
    for count in (1, TRIES[kind] - 1):
        assert wanted(b.situation(FAILED, pods=(b.running_pod(),), memory=troubled(kind, count)))
    assert not wanted(b.situation(FAILED, pods=(b.running_pod(),), memory=troubled(kind, TRIES[kind])))


def test_a_traceback_that_the_log_lacks_is_shipped_with_it() -> None:
    """The author's own logging may have kept it out."""
    failed = b.attempt(status={"outcome": b.failure(traceback=["  File x", "KeyError: 'b'"])})
    (ship,) = ship_log(b.situation(failed, memory=b.memory(logs={"a1-1": "one\n"})))
    assert ship.text == "one\n  File x\nKeyError: 'b'"
    (ship,) = ship_log(b.situation(failed, memory=b.memory(logs={"a1-1": "one\nKeyError: 'b'\n"})))
    assert ship.text == "one\nKeyError: 'b'\n"
    (ship,) = ship_log(b.situation(failed, memory=b.memory(logs={"a1-1": ""})))
    assert ship.text == "  File x\nKeyError: 'b'"


def test_a_failed_attempts_status_has_the_last_lines() -> None:
    """In the patch that is written anyway, the last one."""
    log = "\n".join(f"line {number}" for number in range(50))
    s = b.situation(FAILED, memory=b.memory(logs={"a1-1": log}, shipped=frozenset({"a1-1"})))
    assert status_patch(s, first_match(s)[1])["log"] == {"lines": [f"line {number}" for number in range(30, 50)]}


def test_a_progress_bar_takes_one_line_of_the_status() -> None:
    """Its last state; the states before it would push out what people look for."""
    log = "begins\n" + "\r".join(f"{percent} %" for percent in range(101)) + "\nKeyError: 'b'\n"
    lines = log_status(b.situation(FAILED, memory=b.memory(logs={"a1-1": log})))["log"]
    assert lines == {"lines": ["begins", "100 %", "KeyError: 'b'"]}


def test_a_completed_attempts_status_has_no_log() -> None:
    """Conductor has it."""
    assert log_status(b.situation(COMPLETED, memory=SHIPPED)) == {}


def test_a_log_that_could_not_be_read_is_said() -> None:
    """With what the kubelet kept of it in the pod's status."""
    memory = troubled(do.ReadLog, TRIES[do.ReadLog])
    assert log_status(b.situation(FAILED, memory=memory)) == {"log": {"error": "no answer"}}
    kept = b.ended_pod(task_ended={"message": "Traceback\nKeyError: 'b'\n"})
    status = log_status(b.situation(FAILED, pods=(kept,), memory=memory))
    assert status == {"log": {"error": "no answer", "lines": ["Traceback", "KeyError: 'b'"]}}


def test_a_task_that_printed_nothing_has_no_log() -> None:
    """An empty field would say nothing."""
    assert log_status(b.situation(FAILED, memory=b.memory(logs={"a1-1": "\n"}))) == {}


def test_the_status_stays_small() -> None:
    """Whatever a task prints."""
    lines = log_status(b.situation(FAILED, memory=b.memory(logs={"a1-1": "ü" * 60_000 + "\n" + "x" * 60_000})))["log"]
    assert len(str(lines).encode()) < MOST_BYTES


def test_a_message_holds_what_conductor_takes_along() -> None:
    """The end of the log, in whole lines, within 500 characters."""
    s = b.situation(
        pods=(b.ended_pod(),), memory=b.memory(logs={"a1-1": "\n".join(f"{n} " + "x" * 95 for n in range(9))})
    )
    message = with_last_words(s, "the task ended")
    assert 400 < len(message) <= 500
    assert message.startswith("the task ended; last log lines:\n5 x")
    assert message.splitlines()[-1].startswith("8 x")


def test_without_a_log_the_message_stands_alone() -> None:
    """Nothing is announced that is not there."""
    assert with_last_words(b.situation(pods=(b.ended_pod(),)), "the task ended") == "the task ended"


def test_a_stopped_attempts_log_is_read_while_its_pod_is_there() -> None:
    """The kubelet removes it with the containers; the deletion does not wait for an answer."""
    s = b.situation(b.attempt(cancel=True), pods=(b.running_pod(),))
    assert decided(s) == [do.ReadLog("a1-1", 200), do.DeletePod("a1-1", "uid-a1-1")]
