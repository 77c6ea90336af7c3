"""What a rule is: it looks at a situation and says what to do next, or None. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from perago.wire import Outcome
from perago_operator.api.reasons import Reason
from perago_operator.core.actions import Action
from perago_operator.core.situation import Situation


@dataclass(frozen=True, slots=True)
class Notice:
    """What people should know while the attempt waits: the condition PodReady, and an event when it is a warning."""

    reason: Reason
    message: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Next:
    """What a rule decided."""

    actions: tuple[Action, ...] = ()
    notice: Notice | None = None
    at: datetime | None = None
    """When to look again although nothing happened."""
    outcome: Outcome | None = None
    """How the attempt ended, to be written by the operator: no agent can."""
    next_execution: int | None = None
    """The execution that replaces a disrupted one."""


Rule = Callable[[Situation], Next | None]
