"""What holds of an attempt now: what it waits for or is at, since when and until when, and what happens then. PURE.

An ordered list of small rules over what the object shows; the first that matches decides. Every command takes its words
from here, so that `list`, `describe` and `explain` say the same.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from perago.wire import Reason
from perago_console.core.holdings import Holding, first_line, message_line, of_condition, of_pod_ready, remedy_of
from perago_console.core.objects import COMPLETE, POD_READY, REPORTED, STAGING_DELETED, Attempt
from perago_console.core.times import since_moment

UNSEEN_SECONDS: Final = 15.0
"""An operator that serves the namespace writes a phase within a moment."""

Rule = Callable[[Attempt, datetime], Holding | None]


def holding(attempt: Attempt, now: datetime) -> Holding:
    """What holds now, by the first rule that matches."""
    holdings = (rule(attempt, now) for rule in RULES)
    return next(holding for holding in holdings if holding is not None)


def has_ended(attempt: Attempt, _: datetime) -> Holding | None:
    """Nothing is left to do: how it ended."""
    outcome, complete = attempt.status.outcome, attempt.condition(COMPLETE)
    if not attempt.ended:
        return None
    since = complete.last_transition_time if complete else None
    if outcome is None:
        return Holding(attempt.status.phase or "", "the attempt has ended", "status.phase", since)
    return Holding(
        outcome.reason,
        message_line(outcome.message, remedy_of(outcome)),
        "status.outcome",
        since,
        remedy=remedy_of(outcome),
        failed=outcome.status != "COMPLETED",
    )


def result_is_not_reported(attempt: Attempt, _: datetime) -> Holding | None:
    """The outcome is known, and Conductor does not have it."""
    condition = attempt.condition(REPORTED)
    if attempt.status.outcome is None or condition is None or condition.status != "False":
        return None
    then = "when Conductor has the result, the attempt is complete; Perago keeps reporting it"
    return of_condition(condition, then)


def staging_is_left(attempt: Attempt, _: datetime) -> Holding | None:
    """The outcome is known, and the staging branch is still to be deleted."""
    condition = attempt.condition(STAGING_DELETED)
    if attempt.status.outcome is None or condition is None or condition.status != "False":
        return None
    return of_condition(condition, "when the branch is deleted, the attempt is complete; Perago keeps trying")


def is_finishing(attempt: Attempt, _: datetime) -> Holding | None:
    """The outcome is known: log and pod are being dealt with."""
    outcome = attempt.status.outcome
    if outcome is None:
        return None
    words = f"the outcome is known ({outcome.reason}); its log is saved and its pod is removed"
    return Holding("Finishing", words, "status.outcome", then="the attempt is complete")


def is_being_stopped(attempt: Attempt, now: datetime) -> Holding | None:
    """Somebody cancels or deletes it, and its pod may still run."""
    condition = attempt.condition(POD_READY)
    if condition is not None and condition.reason == Reason.STOPPING:
        return of_pod_ready(attempt, condition)
    if attempt.metadata.deletion_timestamp is not None:
        then, since = (
            "the object goes when its pod and its staging branch are gone",
            attempt.metadata.deletion_timestamp,
        )
        return Holding(Reason.STOPPING.value, "the attempt is deleted", "metadata.deletionTimestamp", since, then=then)
    if attempt.spec.cancel:
        return Holding(Reason.STOPPING.value, "the attempt is canceled", "spec.cancel", then="the attempt ends")
    return None


def server_is_away(attempt: Attempt, _: datetime) -> Holding | None:
    """The agent waits for lakeFS or Conductor."""
    waiting = attempt.status.waiting
    if waiting is None:
        return None
    reason = Reason.LAKEFS_UNREACHABLE if waiting.server.lower() == "lakefs" else Reason.CONDUCTOR_UNREACHABLE
    words = f"{waiting.server} does not answer the agent: {first_line(waiting.error)}"
    then = "the attempt fails unless the server has answered by then"
    return Holding(reason.value, words, "status.waiting", waiting.since, waiting.until, then, reason.remedy, waits=True)


def waits_for_its_turn(attempt: Attempt, _: datetime) -> Holding | None:
    """Another attempt publishes to the same branch."""
    turn = attempt.status.turn
    asked = turn.requested if turn else None
    if turn is None or asked is None or any(entry and entry.id >= asked.id for entry in (turn.granted, turn.returned)):
        return None
    behind = turn.waiting.behind if turn.waiting else None
    words = f"its turn to publish, behind attempt {behind}" if behind else "its turn to publish, which is asked for"
    then = "it publishes when the attempt before it has given the turn back, or has ended"
    return Holding("WaitingForTurn", words, "status.turn", asked.time, then=then, waits=True)


def is_paused(attempt: Attempt, now: datetime) -> Holding | None:
    """A pod was lost, and the next one is not created yet."""
    disruption, pod = attempt.status.disruption, attempt.status.pod_name
    if disruption is None or pod is not None or now >= disruption.until:
        return None
    return Holding(
        Reason.DISRUPTED.value,
        f"execution {disruption.execution} was lost: {first_line(disruption.message)}",
        "status.disruption",
        disruption.since,
        disruption.until,
        "another pod is created",
        Reason.DISRUPTED.remedy,
        waits=True,
    )


def pod_is_not_ready(attempt: Attempt, _: datetime) -> Holding | None:
    """The condition PodReady says what its pod waits for."""
    condition = attempt.condition(POD_READY)
    return of_pod_ready(attempt, condition) if condition and condition.status == "False" else None


def is_at_a_step(attempt: Attempt, _: datetime) -> Holding | None:
    """The agent is at work, and says how far it is."""
    status = attempt.status
    if status.step is None:
        return None
    words = status.transfer.summary if status.transfer else _AT.get(status.step, status.step)
    condition = attempt.condition(POD_READY)
    since = condition.last_transition_time if condition else None
    return Holding(status.step, words, "status.step", since, then=_AFTER.get(status.step, ""))


def pod_runs(attempt: Attempt, _: datetime) -> Holding | None:
    """The containers run; the agent has not said its step yet."""
    condition = attempt.condition(POD_READY)
    if condition is None or condition.status != "True":
        return None
    return of_condition(condition, "the agent says what it does", waits=False)


def is_in_its_phase(attempt: Attempt, _: datetime) -> Holding | None:
    """Somebody has looked at it, and there is nothing more to say."""
    phase = attempt.status.phase
    if phase is None:
        return None
    return Holding(phase, f"the phase is {phase}", "status.phase", attempt.created, published=False)


def nobody_has_looked(attempt: Attempt, now: datetime) -> Holding:
    """There is no status at all."""
    created = attempt.created or now
    late = (now - created).total_seconds() >= UNSEEN_SECONDS
    remedy = "Check with `perago doctor` that an operator runs and serves the namespace." if late else ""
    then = "the operator of the namespace takes it up"
    return Holding("Unseen", "no operator has looked at it yet", "the empty status", created, None, then, remedy, late)


RULES: tuple[Rule, ...] = (
    has_ended,
    # the outcome is known
    result_is_not_reported,
    staging_is_left,
    is_finishing,
    # the attempt goes on, or is stopped
    is_being_stopped,
    server_is_away,
    waits_for_its_turn,
    is_paused,
    pod_is_not_ready,
    is_at_a_step,
    pod_runs,
    is_in_its_phase,
    nobody_has_looked,
)

_AT: Final = {
    "Downloading": "the files of its workspace arrive",
    "Executing": "the task's function runs",
    "Staging": "its changes go to the staging branch",
    "Publishing": "its changes are merged into the target branch",
}
_AFTER: Final = {
    "Downloading": "the task's function runs",
    "Executing": "its changes are staged and published",
    "Staging": "they are published",
    "Publishing": "the attempt has its outcome",
}


def deadline(attempt: Attempt, seconds: int | None) -> datetime | None:
    """When it fails with DeadlineExceeded: so many seconds after its first pod, by its own spec or its PeragoTask's."""
    limit = attempt.spec.active_deadline_seconds or seconds
    return since_moment(since_moment(attempt.created, attempt.status.timings.queued), limit)
