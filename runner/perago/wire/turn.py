"""The turn to publish, as it stands in an attempt's status: `status.turn`.

The agent writes `requested` and `returned`, the operator the rest. Each names a ticket, and a later ticket stands for a
later asking, so a patch that lands late cannot be mistaken for a newer one: nothing here is ever taken back by removal,
except a grant, by the operator.
"""

from typing import Annotated, NamedTuple

from pydantic import ConfigDict, Field

from perago.wire.base import WireModel


class TicketId(NamedTuple):
    """Which asking; tickets of one attempt are ordered by it."""

    execution: int
    number: int


class Ticket(WireModel):
    """One asking for a turn: the execution that asks, and how often it has asked by then."""

    execution: Annotated[int, Field(ge=1)]
    number: Annotated[int, Field(ge=1)]

    @property
    def id(self) -> TicketId:
        """The ticket as a value that can be compared."""
        return TicketId(self.execution, self.number)


class TurnRequest(Ticket):
    """A turn is wanted: since when, which is the place in the queue, and for how long at most."""

    time: str
    """RFC 3339, with microseconds."""
    seconds: Annotated[float, Field(gt=0)]
    """How long after it has seen its grant the agent may still merge."""


class TurnReport(WireModel):
    """The agent's share of `status.turn`."""

    requested: TurnRequest | None = None
    returned: Ticket | None = None


class SeenTicket(Ticket):
    """A ticket as the agent reads it; what a newer operator has added is ignored."""

    model_config = ConfigDict(extra="ignore")


class SeenWaiting(SeenTicket):
    """A ticket that others come before."""

    behind: str
    """The attempt right before this one, as namespace/name."""


class TurnStatus(WireModel):
    """`status.turn` as the agent reads it."""

    model_config = ConfigDict(extra="ignore")

    requested: SeenTicket | None = None
    granted: SeenTicket | None = None
    """It may publish now."""
    revoked: SeenTicket | None = None
    """This ticket, and those before it, give no right any more."""
    waiting: SeenWaiting | None = None
    """The operator has seen this request; others come first."""
