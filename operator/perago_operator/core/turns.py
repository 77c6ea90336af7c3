"""Whose turn it is to publish to a branch, read from the attempts' status alone, so that it survives any process. Pure.

An attempt *asks* from its request until it gives the turn back, and *holds* a turn from the grant until it gives it
back or can use it no more. What is to be done about either is said by `rules.turns`.
"""

from perago.wire import TicketId
from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.attempt_status import AttemptStatus
from perago_operator.api.shared import Key
from perago_operator.api.turn_status import HeldTicket, TicketStatus, TurnStatus

NO_TICKET = TicketId(0, 0)
_NO_TURN = TurnStatus()

Place = tuple[bool, str, str, str, str]
"""Sorts the attempts of one branch: who holds a turn first, the others by request, creation, namespace and name."""


def target(attempt: PeragoAttempt) -> Key | None:
    """Repository and branch that an attempt asks or holds a turn for; None when it does neither.

    Two lakeFS servers may have a repository of the same name: their attempts then wait for each other.
    """
    workspace = attempt.status.workspace
    if workspace is None or not (asks(attempt) or holds(attempt)):
        return None
    return Key(workspace.repository, workspace.branch) if workspace.repository and workspace.branch else None


def asks(attempt: PeragoAttempt) -> bool:
    """It wants a turn that was not revoked, and may still be given one, or has it."""
    status, turn = attempt.status, turn_of(attempt)
    requested = ticket(turn.requested)
    if requested <= max(ticket(turn.returned), ticket(turn.revoked)):
        return False
    return not _is_ending(attempt) and requested.execution >= (status.executions or 0)


def _is_ending(attempt: PeragoAttempt) -> bool:
    """It is over, or on its way there: nothing is granted to it any more."""
    status = attempt.status
    superseded = status.reporting is not None and status.reporting.state == "Superseded"
    stopped = attempt.metadata.deletion_timestamp is not None or attempt.spec.cancel is True
    return status.outcome is not None or superseded or stopped


def holds(attempt: PeragoAttempt) -> bool:
    """It was granted a turn, and may publish as far as its status says.

    An execution that asks anew has done with what it was granted before; one that is over may live on somewhere.
    """
    turn = turn_of(attempt)
    granted, requested = ticket(turn.granted), ticket(turn.requested)
    asks_anew = granted.execution == requested.execution and granted < requested
    return granted > ticket(turn.returned) and not asks_anew


def asks_beside(attempt: PeragoAttempt) -> bool:
    """It asks for a turn while it holds one of a former execution."""
    turn = turn_of(attempt)
    return asks(attempt) and holds(attempt) and ticket(turn.granted) < ticket(turn.requested)


def is_over(status: AttemptStatus) -> bool:
    """The execution that was granted a turn has ended, or counts as lost."""
    granted = status.turn.granted if status.turn else None
    return status.outcome is not None or (granted is not None and (status.executions or 0) > granted.execution)


def place(attempt: PeragoAttempt, *, holding: bool) -> Place:
    """Where an attempt that asks or holds stands among those of the same branch."""
    requested, created = turn_of(attempt).requested, attempt.metadata.creation_timestamp
    since = requested.time.isoformat(timespec="microseconds") if requested and requested.time else ""
    return (
        not holding,
        since,
        created.isoformat() if created else "",
        attempt.metadata.namespace,
        attempt.metadata.name,
    )


def turn_of(attempt: PeragoAttempt) -> TurnStatus:
    """`status.turn`, empty where it is absent."""
    return attempt.status.turn or _NO_TURN


def held(attempt: PeragoAttempt) -> HeldTicket | None:
    """The turn that it holds."""
    return turn_of(attempt).granted if holds(attempt) else None


def ticket(entry: TicketStatus | None) -> TicketId:
    """The ticket of an entry of the status; one before all others where it is absent."""
    return entry.id if entry else NO_TICKET


def is_revoked(attempt: PeragoAttempt) -> bool:
    """What was granted to it must not be used any more."""
    turn = turn_of(attempt)
    return ticket(turn.granted) <= ticket(turn.revoked)
