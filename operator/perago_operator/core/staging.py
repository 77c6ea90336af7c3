"""The staging branch that a status names, as far as it can be the attempt's own. Pure.

The status is written by an attempt's agent, and the operator deletes the branch with keys of its own: what it deletes
follows from the spec, and is only found in the status.
"""

from perago.wire import Order
from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.attempt_status import StagingStatus


def own_staging(attempt: PeragoAttempt) -> StagingStatus | None:
    """The staging branch of the status; None where it has none, or names what no agent of this attempt makes.

    The repository is the input's. Where the input is kept in Conductor, the name has to do: it holds the attempt's uid.
    """
    named = attempt.status.staging
    if named is None or not _order(attempt).made_staging(named.branch):
        return None
    if attempt.spec.input is None:
        return named
    workspace = attempt.spec.input.get("workspace")
    return named if isinstance(workspace, dict) and workspace.get("repository") == named.repository else None


def _order(attempt: PeragoAttempt) -> Order:
    """As much of an agent's order as names its staging branch."""
    metadata, conductor = attempt.metadata, attempt.spec.conductor
    return Order(
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.uid,
        execution=1,
        installation="",
        module="",
        image="",
        conductor=conductor.wire() if conductor else None,
    )
