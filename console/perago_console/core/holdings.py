"""What holds of an attempt, as a value, and how it is made from a condition or an outcome. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from perago.wire import Reason
from perago.wire.faults import FAULTS
from perago.wire.reasons import WORDS
from perago_console.core.objects import Attempt, Condition, Outcome
from perago_console.core.patience import PATIENCES, Patience
from perago_console.core.times import length


@dataclass(frozen=True)
class Holding:
    """What holds of an attempt."""

    word: str
    """A published reason, a step, or a phase: what programs would call it."""
    words: str
    """The object's own words, or what its fields say, without a full stop."""
    shown_by: str
    """Where the object says so."""
    since: datetime | None = None
    until: datetime | None = None
    then: str = ""
    """What happens at `until`, or when what is waited for has come."""
    remedy: str = ""
    waits: bool = False
    """Whether something has to change outside the attempt before it goes on."""
    failed: bool = False
    published: bool = True
    """Whether `word` is a reason: a phase may be called like one and mean something else."""

    @property
    def sentence(self) -> str:
        """What the published reason means; empty for a step."""
        return WORDS[self.word].sentence if self.published and self.word in WORDS else ""

    @property
    def named(self) -> bool:
        """Whether the word says something of its own: a step or a phase is explained by its words."""
        return self.failed or bool(self.sentence)


def of_condition(condition: Condition, then: str = "", *, waits: bool = True) -> Holding:
    """What a condition says, and what comes of it."""
    remedy = WORDS[condition.reason].remedy if condition.reason in WORDS else ""
    return Holding(
        condition.reason,
        message_line(condition.message, remedy),
        f"condition {condition.type}",
        condition.last_transition_time,
        then=then,
        remedy=remedy,
        waits=waits,
    )


def of_pod_ready(attempt: Attempt, condition: Condition) -> Holding:
    """With what comes of waiting; a starting pod is on its way and waits for nothing."""
    patience = PATIENCES.get(WORDS[condition.reason]) if condition.reason in WORDS else None
    since = condition.last_transition_time or attempt.created
    until, then = _end_of(patience, attempt, since)
    remedy = WORDS[condition.reason].remedy if condition.reason in WORDS else ""
    return Holding(
        condition.reason,
        message_line(condition.message, remedy),
        f"condition {condition.type}",
        since,
        until,
        then,
        remedy,
        waits=condition.reason not in (Reason.POD_STARTING, Reason.STOPPING),
    )


def _end_of(patience: Patience | None, attempt: Attempt, since: datetime | None) -> tuple[datetime | None, str]:
    if patience is None:
        return None, ""
    if patience.seconds is None:
        return None, patience.then
    if patience.conductor_only and attempt.spec.conductor is None:
        return None, "the attempt starts as soon as that has changed; without a Conductor task it waits indefinitely"
    name = f"after {length(patience.seconds)}, or as the operator's PERAGO_{patience.setting.upper()} says"
    until = since + timedelta(seconds=patience.seconds) if since else None
    return until, f"{patience.then} ({name})"


def remedy_of(outcome: Outcome) -> str:
    """What to do about it: the outcome's own words, or those of its reason where that is a failure's."""
    if outcome.remedy:
        return outcome.remedy
    reason = WORDS.get(outcome.reason)
    return reason.remedy if reason is not None and reason in FAULTS else ""


def message_line(message: str, remedy: str) -> str:
    """A message's first line without the remedy that the operator appends, which is shown on its own."""
    advice = remedy.replace("`", "").removesuffix(".")
    return first_line(message).removesuffix(f"; {advice[:1].lower()}{advice[1:]}")


def first_line(text: str) -> str:
    """The first line that is not blank, without a full stop."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "").rstrip(".")
