"""`status.turn`: who publishes to a branch, one attempt at a time. See `perago.wire.turn` for who writes what."""

from typing import Annotated

from pydantic import Field

from perago.wire import TicketId
from perago_operator.api.base import ApiModel, Time


class TicketStatus(ApiModel):
    """One request for a turn."""

    execution: Annotated[int, Field(ge=1)]
    """Execution that asks."""

    number: Annotated[int, Field(ge=1)]
    """How often it has asked."""

    @property
    def id(self) -> TicketId:
        """The ticket as a value that can be compared."""
        return TicketId(self.execution, self.number)


class DatedTicket(TicketStatus):
    """A request for a turn, and when something happened to it."""

    time: Time | None = None
    """When that was."""


class HeldTicket(DatedTicket):
    """A request for a turn of a certain length."""

    seconds: Annotated[float, Field(ge=0)]
    """How long the agent may publish once it has seen that its turn is granted."""


class WaitingTicket(TicketStatus):
    """A request that others come before."""

    behind: Annotated[str, Field(max_length=512)]
    """The attempt right before this one, as namespace/name."""


class TurnStatus(ApiModel):
    """The turn to publish: attempts of one branch have it one after another."""

    requested: HeldTicket | None = None
    """What the agent asks for; its time is the attempt's place in the queue."""

    waiting: WaitingTicket | None = None
    """Behind whom the attempt waits. Absent when it waits for nobody."""

    granted: HeldTicket | None = None
    """What the operator has granted."""

    returned: TicketStatus | None = None
    """The last turn that the agent has given back."""

    revoked: DatedTicket | None = None
    """What was granted and must not be used any more, because the agent did not give it back in time."""
