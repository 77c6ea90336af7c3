"""What the commands say that an attempt waits for, and what comes of it."""

from typing import Any

import pytest

from perago.wire import Reason
from perago_console.core.holding import deadline, holding
from perago_console.core.holdings import Holding
from perago_console.core.patience import PATIENCES
from perago_console.session import seen_attempt
from perago_operator.api.reasons import ATTEMPT_CONDITIONS, ConditionType
from perago_operator.settings import Settings
from tests.builders import at, attempt, stamp

OUTCOME = {"status": "FAILED", "reason": "OOMKilled", "message": "the task was killed.\nlast log lines: …"}


def condition(kind: str, status: str, reason: str, message: str = "so it is", seconds: float = 5) -> dict[str, str]:
    """A condition that has its status since then."""
    time = stamp(seconds)
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": time}


def held(
    *, seconds: float = 60, standalone: bool = False, meta: Any = None, cancel: bool | None = None, **status: Any
) -> Holding:
    """What holds of an attempt with this status, so many seconds after it was created."""
    raw = attempt(status=status, standalone=standalone, meta=meta, cancel=cancel)
    return holding(seen_attempt(raw), at(seconds))


WAITING = {"server": "lakeFS", "since": stamp(20), "until": stamp(620), "error": "connection refused"}
LOST = {"execution": 1, "message": "node n1 is gone", "since": stamp(30), "until": stamp(90)}
ASKED = {"execution": 1, "number": 2, "time": stamp(40), "seconds": 600}
NOT_READY = condition("PodReady", "False", "QuotaExceeded")
READY = condition("PodReady", "True", "PodRunning")
COMPLETE = condition("Complete", "True", "Finished", seconds=50)
UNREPORTED = condition("Reported", "False", "ReportPending", "Conductor answers 503")
UNCLEAN = condition("StagingDeleted", "False", "StagingPending", "lakeFS answers 503")

CASES: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "ended": ({"phase": "Failed", "outcome": OUTCOME, "conditions": [COMPLETE]}, ("OOMKilled", "status.outcome")),
    "ended without an outcome": ({"phase": "Canceled"}, ("Canceled", "status.phase")),
    "unreported": (
        {"phase": "Finishing", "outcome": OUTCOME, "conditions": [NOT_READY, UNREPORTED, UNCLEAN]},
        ("ReportPending", "condition Reported"),
    ),
    "staging is left": (
        {"phase": "Finishing", "outcome": OUTCOME, "conditions": [NOT_READY, UNCLEAN]},
        ("StagingPending", "condition StagingDeleted"),
    ),
    "finishing": ({"phase": "Finishing", "outcome": OUTCOME, "waiting": WAITING}, ("Finishing", "status.outcome")),
    "lakeFS is away": (
        {"phase": "Running", "step": "Downloading", "waiting": WAITING, "conditions": [READY]},
        ("LakeFSUnreachable", "status.waiting"),
    ),
    "Conductor is away": (
        {"phase": "Running", "waiting": {**WAITING, "server": "Conductor"}},
        ("ConductorUnreachable", "status.waiting"),
    ),
    "asks for its turn": (
        {"phase": "Running", "step": "Publishing", "turn": {"requested": ASKED}},
        ("WaitingForTurn", "status.turn"),
    ),
    "has its turn": (
        {"phase": "Running", "step": "Publishing", "turn": {"requested": ASKED, "granted": ASKED}},
        ("Publishing", "status.step"),
    ),
    "between executions": (
        {
            "phase": "Pending",
            "executions": 2,
            "disruption": LOST,
            "conditions": [condition("PodReady", "False", "Disrupted")],
        },
        ("Disrupted", "status.disruption"),
    ),
    "after the pause": (
        {"phase": "Starting", "podName": "a1-2", "disruption": LOST, "conditions": [NOT_READY]},
        ("QuotaExceeded", "condition PodReady"),
    ),
    "waits": ({"phase": "Pending", "conditions": [NOT_READY]}, ("QuotaExceeded", "condition PodReady")),
    "a step": ({"phase": "Running", "step": "Executing", "conditions": [READY]}, ("Executing", "status.step")),
    "runs": ({"phase": "Running", "conditions": [READY]}, ("PodRunning", "condition PodReady")),
    "only a phase": ({"phase": "Pending"}, ("Pending", "status.phase")),
    "unseen": ({}, ("Unseen", "the empty status")),
}


@pytest.mark.parametrize(("status", "want"), CASES.values(), ids=CASES)
def test_the_first_rule_that_matches_decides(status: dict[str, Any], want: tuple[str, str]) -> None:
    """Each situation has a word, and the place in the object that shows it."""
    found = held(**status)
    assert (found.word, found.shown_by) == want


def test_a_phase_that_is_called_like_a_reason_is_none() -> None:
    """`Starting` is also why a PeragoTask is not polled yet."""
    found = held(phase="Starting")
    assert (found.word, found.sentence, found.named) == (Reason.STARTING, "", False)


def test_an_outage_lasts_until_the_agent_gives_up() -> None:
    """The status says until when, and the published reason what to do."""
    found = held(phase="Running", waiting=WAITING)
    assert (found.since, found.until, found.remedy) == (at(20), at(620), Reason.LAKEFS_UNREACHABLE.remedy)
    assert found.words == "lakeFS does not answer the agent: connection refused"


def test_a_lost_pod_is_replaced_when_its_pause_is_over() -> None:
    """Until then nothing happens, and afterwards the pause says nothing any more."""
    lost: dict[str, Any] = {
        "phase": "Pending",
        "disruption": LOST,
        "conditions": [condition("PodReady", "False", "Disrupted")],
    }
    assert held(**lost).until == at(90)
    assert held(**lost, seconds=90).shown_by == "condition PodReady"


def test_it_waits_behind_the_attempt_that_the_operator_names() -> None:
    """An attempt that asks for its turn learns which one comes before it."""
    turn = {"requested": ASKED, "waiting": {"execution": 1, "number": 2, "behind": "ns/a0"}}
    assert held(phase="Running", step="Publishing", turn=turn).words == "its turn to publish, behind attempt ns/a0"


def test_an_old_grant_is_not_the_turn_that_is_asked_for() -> None:
    """A later request waits, whatever became of the one before it."""
    turn = {"requested": ASKED, "granted": {**ASKED, "number": 1}, "returned": {"execution": 1, "number": 1}}
    assert held(phase="Running", step="Publishing", turn=turn).word == "WaitingForTurn"


@pytest.mark.parametrize(("meta", "cancel"), [({"deletionTimestamp": stamp(50)}, None), (None, True)])
def test_an_attempt_that_is_stopped_says_so(meta: Any, cancel: bool | None) -> None:
    """By its deletion or by spec.cancel, before the operator has said so."""
    assert held(phase="Running", step="Executing", meta=meta, cancel=cancel).word == "Stopping"


def test_only_a_task_of_conductor_waits_with_an_end() -> None:
    """An attempt made by hand waits for its PeragoTask for as long as it takes."""
    conditions = [condition("PodReady", "False", "TaskNotFound")]
    assert held(phase="Pending", conditions=conditions).until == at(5 + 3600)
    assert held(phase="Pending", conditions=conditions, standalone=True).until is None


def test_nobody_is_blamed_for_an_object_that_is_new() -> None:
    """After a moment without a status, the operator is what to look for."""
    assert (held(seconds=2).remedy, held(seconds=2).waits) == ("", False)
    assert "perago doctor" in held(seconds=20).remedy


def test_the_deadline_counts_from_the_first_pod() -> None:
    """By the attempt's own limit, or else by its PeragoTask's."""
    raw = attempt(status={"timings": {"queued": 10}}, activeDeadlineSeconds=100)
    assert deadline(seen_attempt(raw), 50) == at(110)
    assert deadline(seen_attempt(attempt(status={"timings": {"queued": 10}})), 50) == at(60)
    assert deadline(seen_attempt(attempt()), 50) is None


def test_every_wait_has_words_for_what_comes_of_it() -> None:
    """Each reason by which PodReady can be false, but for the two that say that the pod is over or between pods."""
    told = set(ATTEMPT_CONDITIONS[ConditionType.POD_READY])
    assert set(PATIENCES) == told - {Reason.POD_RUNNING, Reason.POD_ENDED, Reason.DISRUPTED}


@pytest.mark.parametrize("reason", [reason for reason, patience in PATIENCES.items() if patience.setting])
def test_patience_is_the_default_of_the_setting_that_it_names(reason: Reason) -> None:
    """As the operator has it."""
    patience = PATIENCES[reason]
    assert Settings.model_fields[patience.setting].default == patience.seconds
