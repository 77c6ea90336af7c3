"""`decide`: a situation in; actions, the next look and the reason out. Pure: the one entry to the core."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from perago.wire import ENDED_PHASES
from perago_operator.api.base import JsonObject
from perago_operator.api.outcome_status import OutcomeStatus
from perago_operator.api.reasons import Reason, with_advice
from perago_operator.core import actions as do
from perago_operator.core.actions import Action
from perago_operator.core.conditions import is_complete
from perago_operator.core.pod.hindrance import helper_trouble
from perago_operator.core.reporting import heartbeat, heartbeat_at
from perago_operator.core.room import Scope
from perago_operator.core.rules import RULES, Rule, Ruling
from perago_operator.core.rules.common import let_strangers_go
from perago_operator.core.rules.turns import turn_ruling
from perago_operator.core.situation import Situation
from perago_operator.core.status import status_patch


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now, when to look again even if nothing has happened by then, and which rule says so."""

    actions: tuple[Action, ...]
    look_again_at: datetime | None
    rule: str
    waits_for: Scope | None = None
    """The limit that leaves no room for the attempt's pod."""


def decide(s: Situation) -> Decision:
    """What to do for the attempt now.

    Calls to the world come first; the status is written when there are none to make: nothing waits for a status.
    A kind of call that failed rests until its back-off is over.
    """
    rule, ruling = first_match(s)
    turn = turn_ruling(s)
    calls = (*heartbeat(s), *turn.actions, *let_strangers_go(s), *ruling.actions)
    silent_until = _silent_until(s, ruling)
    actions = tuple(call for call in calls if not _rests(s, type(call)))
    if not actions and silent_until is None:
        actions = tuple(_status_actions(s, ruling))
    looks = (
        silent_until,
        ruling.look_again_at,
        turn.look_again_at,
        s.deadline_at if s.outcome is None else None,
        heartbeat_at(s),
        *_rest_ends(s, calls, actions),
    )
    return Decision(actions, _earliest(looks, s.now), rule.__name__, ruling.waits_for)


def heartbeats(s: Situation) -> tuple[do.Heartbeat, ...]:
    """The heartbeat alone, where it is due: it is sent beside other calls that take long."""
    return tuple(beat for beat in heartbeat(s) if not _rests(s, do.Heartbeat))


def heartbeat_due(s: Situation) -> datetime | None:
    """When the next heartbeat is sent: when it is due, or its rest after a failure is over."""
    due, trouble = heartbeat_at(s), s.trouble(do.Heartbeat)
    return max(due, trouble.until) if due and trouble else due


def first_match(s: Situation) -> tuple[Rule, Ruling]:
    """The first rule of the table that matches; the last one always does when none before it did."""
    rulings = ((rule, rule(s)) for rule in RULES)
    return next((rule, ruling) for rule, ruling in rulings if ruling is not None)


def _rests(s: Situation, kind: do.Kind) -> bool:
    trouble = s.trouble(kind)
    return trouble is not None and trouble.holds(s.now, s.attempt.metadata.resource_version)


def _rest_ends(s: Situation, calls: Iterable[Action], actions: Iterable[Action]) -> Iterator[datetime | None]:
    """When the kinds of call that are due but rest may be made again."""
    kinds: set[do.Kind] = {type(call) for call in calls} | {do.PatchStatus}
    for kind in kinds - {type(action) for action in actions}:
        trouble = s.trouble(kind)
        yield trouble.until if trouble else None


def _earliest(looks: Iterable[datetime | None], now: datetime) -> datetime | None:
    """The first look that lies ahead; what is due already was part of this decision."""
    return min((look for look in looks if look and look > now), default=None)


def _status_actions(s: Situation, ruling: Ruling) -> Iterator[Action]:
    """The status patch and its event; guarded where the agent might have written meanwhile."""
    patch = {} if _rests(s, do.PatchStatus) else status_patch(s, ruling)
    if not patch:
        return
    ends = ruling.outcome is not None or ruling.next_execution is not None
    yield do.PatchStatus(patch, guarded=ends or s.foreign_outcome)
    yield from _events(s, ruling, patch)


def _silent_until(s: Situation, ruling: Ruling) -> datetime | None:
    """Until when nothing is written: it would say only that the pod starts or runs, or that its end is dealt with."""
    until = _quiet_until(s)
    if until is None or s.now >= until:
        return None
    unremarkable = ruling.notice is None or ruling.notice.reason is Reason.POD_STARTING
    goes_on = ruling.outcome is None and ruling.next_execution is None and not s.foreign_outcome and not s.superseded
    troubled = bool(s.memory.troubles) or (s.pod is not None and helper_trouble(s.pod) is not None)
    silent = unremarkable and goes_on and not troubled and s.status.turn is None and not is_complete(s)
    return until if silent else None


def _quiet_until(s: Situation) -> datetime | None:
    """How long the status may be silent, where this process has created the pod; None where it may not."""
    created = s.memory.created.get(s.pod_name)
    since, seconds = s.memory.outcome_seen_at or s.memory.running_at, s.config.quiet_seconds
    if since is None:
        since, seconds = created, s.config.quiet_start
    return since + timedelta(seconds=seconds) if created and since else None


def _events(s: Situation, ruling: Ruling, patch: JsonObject) -> Iterator[do.RecordEvent]:
    notice, outcome = ruling.notice, s.outcome
    if "conditions" in patch and notice and notice.warning and _is_news(s, ruling):
        yield do.RecordEvent("Warning", notice.reason.value, notice.message)
    if outcome and patch.get("phase") in ENDED_PHASES:
        yield from _end(outcome)
        yield from _replaced(s)


def _replaced(s: Situation) -> Iterator[do.RecordEvent]:
    """What the attempt took off its branch is told, whatever its outcome."""
    workspace = s.status.workspace
    if workspace and (replaced := workspace.replaced):
        text = f"{replaced.ref} by {replaced.by} was taken off the branch {workspace.branch} of {workspace.repository}"
        yield do.RecordEvent("Warning", Reason.COMMIT_REPLACED.value, text)


def _end(outcome: OutcomeStatus) -> Iterator[do.RecordEvent]:
    """An attempt that completed has none: its status says the same, and nobody has anything to do."""
    if outcome.status == "COMPLETED":
        return
    message = outcome.message or f"the attempt ended as {outcome.status}"
    by_agent = outcome.execution is not None  # the operator's own messages end with the remedy
    advised = with_advice(message, outcome.remedy) if outcome.remedy and by_agent else message
    yield do.RecordEvent("Warning", outcome.reason, advised)


def _is_news(s: Situation, ruling: Ruling) -> bool:
    """The notice is not what PodReady says already."""
    said = {(condition.reason, condition.status) for condition in s.status.conditions if condition.type == "PodReady"}
    return ruling.notice is not None and (ruling.notice.reason.value, "False") not in said
