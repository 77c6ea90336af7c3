"""`decide`: a situation in; actions, the next look and the reason out. Pure: the one entry to the core."""

from collections.abc import Iterator
from datetime import datetime

from perago_operator.api.base import JsonObject
from perago_operator.core import actions as do
from perago_operator.core.reporting import heartbeat, heartbeat_at
from perago_operator.core.rules import RULES, Next, Rule
from perago_operator.core.situation import Situation
from perago_operator.core.status import status_patch

Kept = tuple[do.Action, ...]


def decide(s: Situation) -> do.Decision:
    """What to do for the attempt now.

    Calls to the world come first; the status is written when there are none to make: nothing waits for a status.
    A kind of call that failed rests until its back-off is over.
    """
    rule, found = first_match(s)
    calls = (*heartbeat(s), *found.actions)
    ready = tuple(each for each in calls if not _rests(s, each))
    actions = ready or tuple(_write_status(s, found))
    looks = (
        found.at,
        s.deadline_at if s.outcome is None else None,
        heartbeat_at(s),
        *_rest_ends(s, calls, actions),
    )
    return do.Decision(actions, _earliest(looks, s), rule.__name__)


def first_match(s: Situation) -> tuple[Rule, Next]:
    """The first rule of the table that matches; the last one always does."""
    found = ((rule, rule(s)) for rule in RULES)
    return next((rule, result) for rule, result in found if result is not None)


def _rests(s: Situation, action: do.Action) -> bool:
    trouble = s.trouble(do.name_of(action))
    return trouble is not None and trouble.holds(s.now, s.attempt.metadata.resource_version)


def _rest_ends(s: Situation, calls: Kept, actions: Kept) -> Iterator[datetime | None]:
    for kind in {do.name_of(each) for each in (*calls, do.PatchStatus({}))} - {do.name_of(each) for each in actions}:
        trouble = s.trouble(kind)
        yield trouble.until if trouble else None


def _earliest(looks: tuple[datetime | None, ...], s: Situation) -> datetime | None:
    """The first look that lies ahead; what is due already was part of this decision."""
    return min((each for each in looks if each and each > s.now), default=None)


def _write_status(s: Situation, found: Next) -> Iterator[do.Action]:
    """The status patch, and the event that tells of it; guarded where the agent might have written meanwhile."""
    patch = status_patch(s, found)
    guarded = found.outcome is not None or found.next_execution is not None
    action = do.PatchStatus(patch, guarded)
    if not patch or _rests(s, action):
        return
    yield action
    yield from _event(s, found, patch)


def _event(s: Situation, found: Next, patch: JsonObject) -> Iterator[do.Action]:
    if "conditions" in patch and found.notice and found.notice.warning and _is_news(s, found):
        yield do.RecordEvent("Warning", found.notice.reason.value, found.notice.message)
    outcome = s.outcome
    if outcome and patch.get("phase") in ("Succeeded", "Failed", "Canceled"):
        yield do.RecordEvent(
            "Normal" if outcome.status == "COMPLETED" else "Warning",
            outcome.reason,
            outcome.message or f"the attempt {outcome.status.lower()}",
        )


def _is_news(s: Situation, found: Next) -> bool:
    """The notice is not what PodReady says already."""
    said = {(each.reason, each.status) for each in s.status.conditions if each.type == "PodReady"}
    return found.notice is not None and (found.notice.reason.value, "False") not in said
