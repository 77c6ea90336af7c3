"""Which limit leaves no room for another pod."""

import pytest

from perago_operator.core.config import Limits
from perago_operator.core.room import Crowd, Scope, reached

LIMITS = Limits(per_task=9, per_namespace=5, per_node=4, starting_per_node=2)


@pytest.mark.parametrize(
    ("ahead", "of_task", "crowd", "limits", "want"),
    [
        (0, 3, Crowd(), LIMITS, None),
        (2, 3, Crowd(), LIMITS, None),
        (3, 3, Crowd(), LIMITS, Scope.TASK),
        (999, None, Crowd(namespace=999, nodes=999, starting=999), Limits(), None),
        (0, None, Crowd(namespace=4), LIMITS, None),
        (0, None, Crowd(namespace=5), LIMITS, Scope.NAMESPACE),
        (3, 3, Crowd(namespace=5), LIMITS, Scope.TASK),
        # before anything runs, there is one node as far as one knows
        (0, None, Crowd(nodes=3), LIMITS, None),
        (0, None, Crowd(nodes=4), LIMITS, Scope.NODES),
        (0, None, Crowd(starting=2), LIMITS, Scope.STARTING),
        # each node that is in use makes room for as many again
        (0, None, Crowd(nodes=11, starting=5, used_nodes=3), LIMITS, None),
        (0, None, Crowd(nodes=12, used_nodes=3), LIMITS, Scope.NODES),
        (0, None, Crowd(starting=6, used_nodes=3), LIMITS, Scope.STARTING),
    ],
)
def test_a_limit_is_reached_with_the_last_pod_that_it_allows(
    ahead: int, of_task: int | None, crowd: Crowd, limits: Limits, want: Scope | None
) -> None:
    """The narrowest one that is reached is told; none is no limit."""
    full = reached(ahead, of_task, crowd, limits)
    assert (full.scope if full else None) == want


def test_each_limit_has_its_words() -> None:
    """With the number, and the reason whose remedy says where to raise it."""
    told = {
        (full.reason.value, full.message)
        for ahead, crowd in ((9, Crowd()), (0, Crowd(namespace=5)), (0, Crowd(nodes=4)), (0, Crowd(starting=2)))
        if (full := reached(ahead, 9, crowd, LIMITS))
    }
    assert told == {
        ("MaxConcurrency", "only 9 attempts of this task may run at once"),
        ("NamespaceLimit", "only 5 attempts of this namespace may have a pod at once"),
        ("NodeLimit", "there are 4 pods of attempts for each node that is in use"),
        ("NodeLimit", "2 pods of this namespace are starting for each node that is in use"),
    }
