"""What a rule is: it looks at a situation and returns a ruling, or None where the situation is not its own. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from perago.wire import Outcome
from perago_operator.api.reasons import Reason
from perago_operator.core.actions import Action
from perago_operator.core.room import Scope
from perago_operator.core.situation import Situation


@dataclass(frozen=True, slots=True)
class Notice:
    """What people should know while the attempt waits: the condition PodReady, and an event when it is a warning."""

    reason: Reason
    message: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Ruling:
    """What is to happen to the attempt now; an empty one waits for the situation to change."""

    actions: tuple[Action, ...] = ()
    notice: Notice | None = None
    look_again_at: datetime | None = None
    """When to look again even if nothing has happened by then."""
    outcome: Outcome | None = None
    """How the attempt ended, where the operator has to write it because no agent can."""
    next_execution: int | None = None
    """The number of the execution that replaces a disrupted one."""
    waits_for: Scope | None = None
    """The limit that leaves no room for a pod."""
    disruption: str = ""
    """What became of the disrupted one."""


Rule = Callable[[Situation], Ruling | None]
