"""Room for another pod: how many there are, how many there may be, and which limit is reached. Pure.

The limits keep a burst from becoming a fault. None of them asks for nodes, which need rights in the whole cluster: how
many there are is known from the attempts that run on them, so that a first burst begins slowly and then spreads.
"""

from enum import StrEnum
from typing import NamedTuple

from perago_operator.api.reasons import Reason
from perago_operator.core.config import Limits


class Scope(StrEnum):
    """What a limit is about; of those that are reached, the first of this list is waited for."""

    TASK = "PeragoTask"
    NAMESPACE = "Namespace"
    NODES = "Node"
    STARTING = "Starting"
    """Pods of a namespace that have not started: starting one costs its node most, and may be impossible."""


class Crowd(NamedTuple):
    """Attempts of all PeragoTasks before one without a pod: they have one, or wait for the same limit and are older."""

    namespace: int = 0
    nodes: int = 0
    starting: int = 0
    used_nodes: int = 0
    """Nodes that attempts run on."""
    running: int = 0
    """Attempts that run."""


NOBODY = Crowd()


class Reached(NamedTuple):
    """A limit that leaves no room."""

    scope: Scope
    limit: int

    @property
    def reason(self) -> Reason:
        """The word for it."""
        return _REASONS[self.scope]

    @property
    def message(self) -> str:
        """In words that stay the same for as long as it is reached."""
        return _MESSAGES[self.scope].format(limit=self.limit)


_REASONS = {
    Scope.TASK: Reason.MAX_CONCURRENCY,
    Scope.NAMESPACE: Reason.NAMESPACE_LIMIT,
    Scope.NODES: Reason.NODE_LIMIT,
    Scope.STARTING: Reason.NODE_LIMIT,
}
_MESSAGES = {
    Scope.TASK: "only {limit} attempts of this task may run at once",
    Scope.NAMESPACE: "only {limit} attempts of this namespace may have a pod at once",
    Scope.NODES: "there are {limit} pods of attempts for each node that is in use",
    Scope.STARTING: "{limit} pods of this namespace are starting for each node that is in use",
}


def reached(ahead: int, of_task: int | None, crowd: Crowd, limits: Limits) -> Reached | None:
    """The limit that leaves no room for another pod; None where there is room.

    `ahead` are the attempts of the same PeragoTask that are before this one.
    """
    nodes = max(crowd.used_nodes, 1)
    rows = (
        (Scope.TASK, of_task, ahead, 1),
        (Scope.NAMESPACE, limits.per_namespace, crowd.namespace, 1),
        (Scope.NODES, limits.per_node, crowd.nodes, nodes),
        (Scope.STARTING, limits.starting_per_node, crowd.starting, nodes),
    )
    full = (Reached(scope, limit) for scope, limit, count, times in rows if limit and count >= limit * times)
    return next(full, None)
