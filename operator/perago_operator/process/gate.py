"""No write of a former leader: every call that changes something passes a gate at the moment at which it leaves.

An event loop that is late, because it was busy or because the whole machine stood still, first goes on with what was
ready before: calls that were about to be sent when the Lease was still ours. The gate looks at the clock instead of
waiting to be told. The adapters call it (`ports.Gate`); reads pass without one.
"""

from collections.abc import Callable

from perago_operator.bridge.creation import GIVE_BACK_SECONDS
from perago_operator.ports import Gate, Unreachable
from perago_operator.process.leader import Candidacy, Terms


def bar(leading: bool, unrenewed: float, limit: float) -> str | None:
    """Why nothing may leave so many seconds after the last renewal; None if it may."""
    if not leading:
        return "this replica does not lead"
    if unrenewed >= limit:
        return f"the Lease has not been renewed for {unrenewed:.0f} s, so that another replica may soon lead"
    return None


def leaders_gate(candidacy: Candidacy, clock: Callable[[], float]) -> Gate:
    """For every write: it may leave as long as this replica leads, and until the Lease's deadline."""
    limit = Terms().deadline

    def gate() -> None:
        _open_unless(bar(candidacy.leading, clock() - candidacy.renewed_at, limit))

    return gate


def give_back_gate(candidacy: Candidacy, clock: Callable[[], float]) -> Gate:
    """For tasks that go back to Conductor when leadership is lost: until another replica may adopt them."""
    limit = Terms().deadline + GIVE_BACK_SECONDS

    def gate() -> None:
        _open_unless(bar(True, clock() - candidacy.renewed_at, limit))

    return gate


def _open_unless(reason: str | None) -> None:
    if reason is not None:
        raise Unreachable(f"nothing was sent: {reason}")
