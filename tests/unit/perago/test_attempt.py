"""The attempt fence, the execution's context, and the names made from an attempt."""

import copy
import dataclasses
import pickle
import re
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import perago
from perago.attempt import Changes, execution_context
from perago.staging import safe_value
from tests.unit.perago.kit import FakeAttempt


def test_the_fence_passes_for_the_same_attempt_in_progress() -> None:
    """Workflow id, task id and retry count are the identity; IN_PROGRESS is the proof."""
    perago.assert_current_attempt_snapshot(FakeAttempt(status="SCHEDULED"), FakeAttempt(seq=9))


@pytest.mark.parametrize(
    "change",
    [
        {"status": "TIMED_OUT"},
        {"status": "COMPLETED"},
        {"workflow_instance_id": "wf-2"},
        {"task_id": "task-2"},
        {"retry_count": 1},
    ],
)
def test_the_fence_stops_any_other_attempt(change: dict[str, Any]) -> None:
    """Another status or identity is a StaleAttemptError with the task's id."""
    with pytest.raises(perago.StaleAttemptError, match="task-1"):
        perago.assert_current_attempt_snapshot(FakeAttempt(), dataclasses.replace(FakeAttempt(), **change))


@pytest.mark.parametrize("fresh", [None, {}, SimpleNamespace(status="IN_PROGRESS"), SimpleNamespace(task_id="task-1")])
def test_what_lacks_an_identity_is_another_attempt(fresh: object) -> None:
    """A loader that returns nothing, or something else, does not let the attempt pass."""
    with pytest.raises(perago.StaleAttemptError, match="task-1"):
        perago.assert_current_attempt_snapshot(FakeAttempt(), fresh)


def test_only_the_identity_is_read_at_the_fence() -> None:
    """Three attributes of the attempt, and the status of what is fresh."""
    polled = SimpleNamespace(workflow_instance_id="w", task_id="t", retry_count=0)
    fresh = SimpleNamespace(workflow_instance_id="w", task_id="t", retry_count=0, status="IN_PROGRESS")
    perago.assert_current_attempt_snapshot(polled, fresh)


def test_a_staged_workspace_is_frozen() -> None:
    """Nobody changes where the changes are."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        perago.StagedWorkspace("r", "b", "c").commit = "d"  # type: ignore[misc]


def test_a_context_reads_other_attributes_from_the_attempt() -> None:
    """Its own two, and whatever else the attempt has."""
    context = perago.TaskExecutionContext(SimpleNamespace(task_id="t", worker="w"), "e")
    assert (context.execution_id, context.task_id, context.worker) == ("e", "t", "w")  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="nothing"):
        _ = context.nothing  # type: ignore[attr-defined]


def test_a_context_is_frozen() -> None:
    """Nobody changes an execution's identity."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        perago.TaskExecutionContext(FakeAttempt(), "e").execution_id = "f"  # type: ignore[misc]


def test_a_context_can_be_a_key_whatever_it_carries() -> None:
    """It hashes with an output as without: callbacks may remember what they did for which execution."""
    context = perago.TaskExecutionContext(FakeAttempt(), "e", Changes(added=("a",)))
    assert len({context, dataclasses.replace(context), dataclasses.replace(context, output={"result": {}})}) == 2


def test_a_context_can_be_copied_and_pickled() -> None:
    """Copies are equal, with changes and output."""
    context = perago.TaskExecutionContext(FakeAttempt(), "e", Changes(added=("a",)), {"result": {}})
    assert copy.copy(context) == copy.deepcopy(context) == pickle.loads(pickle.dumps(context)) == context


def test_an_execution_id_is_given_or_the_attempts_own_or_new() -> None:
    """In that order; two new ones differ."""
    own = SimpleNamespace(execution_id="own")
    assert execution_context(own, "given").execution_id == "given"
    assert execution_context(own).execution_id == "own"
    assert execution_context(FakeAttempt()).execution_id != execution_context(FakeAttempt()).execution_id


def test_a_staging_branch_names_the_whole_execution() -> None:
    """The format that others depend on."""
    context = perago.TaskExecutionContext(FakeAttempt(workflow_instance_id="wf/1", retry_count=2), "u.7-1")
    assert perago.staging_branch_name(context) == (
        "perago-staging-wf-1-build-seq-3-iteration-0-task-id-task-1-retry-2-exec-u-7-1"
    )


@pytest.mark.parametrize(
    ("value", "safe"),
    [
        ("a b//c", "a-b-c"),
        ("--_a_--", "a"),
        ("ünï", "n"),
        ("", "unknown"),
        ("///", "unknown"),
        ("_-_", "unknown"),
        (7, "7"),
    ],
)
def test_values_are_made_safe(value: object, safe: str) -> None:
    """Runs of other characters become one `-`, then `-` and `_` at both ends go; nothing left is "unknown"."""
    assert safe_value(SimpleNamespace(x=value), "x") == safe


@given(st.text())
def test_a_safe_value_is_always_a_name(value: str) -> None:
    """Whatever the value, what remains is made of letters, digits, `-` and `_`, and begins and ends with neither."""
    assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?", safe_value(SimpleNamespace(x=value), "x"))


@pytest.mark.parametrize(
    "missing",
    ["workflow_instance_id", "reference_task_name", "seq", "iteration", "task_id", "retry_count", "execution_id"],
)
def test_a_missing_attribute_is_named(missing: str) -> None:
    """A staging branch cannot be named without each of its parts."""
    values = dataclasses.asdict(FakeAttempt()) | {"execution_id": "e"}
    del values[missing]
    with pytest.raises(AttributeError, match=missing):
        perago.staging_branch_name(SimpleNamespace(**values))
