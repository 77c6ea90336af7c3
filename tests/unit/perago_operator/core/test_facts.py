"""What follows from facts alone."""

from typing import Any

import pytest

from perago_operator.core.facts import Sibling
from tests import builders as b


@pytest.mark.parametrize(
    ("status", "pods", "created", "execution"),
    [
        ({}, (), (), 0),
        ({"executions": 2}, (), (), 2),
        ({}, (1,), (), 1),
        ({"executions": 1}, (1, 2), (), 2),
        ({}, (), ("a1-3",), 3),
    ],
)
def test_the_execution_is_the_highest_that_is_known(
    status: dict[str, Any], pods: tuple[int, ...], created: tuple[str, ...], execution: int
) -> None:
    """By status, by pods, or because this process just made one."""
    raw = tuple(b.pod(number) for number in pods)
    facts = b.facts(b.attempt(status=status), pods=raw, memory=b.memory(created=frozenset(created)))
    assert facts.execution == execution


def test_the_current_pod_is_that_of_the_execution() -> None:
    """Others are former ones."""
    facts = b.facts(pods=(b.pod(1), b.pod(2)))
    assert facts.pod is not None
    assert (facts.pod.name, [each.name for each in facts.former_pods]) == ("a1-2", ["a1-1"])


def test_between_two_executions_the_next_pod_is_not_there() -> None:
    """Its number is written already."""
    facts = b.facts(b.attempt(status={"executions": 2, "podName": None}), pods=(b.pod(1),))
    assert (facts.pod, facts.pod_name, facts.pod_was_created) == (None, "a1-2", False)


@pytest.mark.parametrize(
    ("meta", "memory", "held"),
    [
        ({}, b.memory(), True),
        ({"finalizers": []}, b.memory(), False),
        ({"finalizers": []}, b.memory(held=True), True),
        ({"finalizers": ["somebody/else"]}, b.memory(), False),
        ({}, b.memory(released=True), False),
    ],
)
def test_held_is_what_was_done_last(meta: dict[str, Any], memory: Any, held: bool) -> None:
    """The watch may not show it yet."""
    assert b.facts(b.attempt(meta=meta), memory=memory).held is held


@pytest.mark.parametrize(("state", "there"), [("Planned", True), ("Active", True), ("Deleted", False)])
def test_a_staging_branch_may_exist_until_it_is_deleted(state: str, there: bool) -> None:
    """Planned is enough: it is written before the branch is made."""
    facts = b.facts(b.attempt(status={"staging": {**b.STAGING, "state": state}}))
    assert (facts.staging is not None) is there


def test_a_branch_that_we_deleted_is_gone() -> None:
    """Before the status says so."""
    facts = b.facts(b.attempt(status={"staging": b.STAGING}), memory=b.memory(staging_deleted=frozenset({"staging-1"})))
    assert facts.staging is None


def test_siblings_are_earlier_or_later_by_their_retry() -> None:
    """Only an earlier one that may publish is waited for."""
    second = b.attempt(conductor=b.conductor_task(retry_count=1).to_json())
    first, third = Sibling("first", 0, settled=False), Sibling("third", 2, settled=False)
    facts = b.facts(second, siblings=(first, third))
    assert (facts.unsettled_earlier, facts.later_sibling) == (first, third)
    assert b.facts(second, siblings=(Sibling("first", 0, settled=True),)).unsettled_earlier is None


def test_a_standalone_attempt_has_no_task_in_conductor() -> None:
    """And is known by its name."""
    facts = b.facts(b.attempt(standalone=True))
    assert (facts.conductor, facts.name, facts.deleting) == (None, b.NAME, False)
