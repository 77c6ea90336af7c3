"""Names and labels."""

import re
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perago_operator.core import names
from tests import builders as b


@given(st.text(max_size=200))
def test_every_task_id_makes_a_good_name(task_id: str) -> None:
    """With any id that Conductor's generator produces."""
    name = names.attempt_name(task_id)
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,56}[a-z0-9])?", name)
    assert names.attempt_name(task_id) == name


def test_a_uuid_is_its_own_name() -> None:
    """As Conductor's ids are by default."""
    task_id = str(uuid.uuid4())
    assert names.attempt_name(task_id) == task_id


@given(st.integers(1, 9999))
def test_a_pods_name_tells_its_execution(number: int) -> None:
    """And belongs to one attempt only."""
    pod = names.pod_name("a-1", number)
    assert names.execution_of(pod, "a-1") == number
    assert names.execution_of(pod, "a") is None
    assert names.execution_of(str(number), "a-1") is None


@given(st.text(max_size=200))
def test_every_text_makes_a_label_value(text: str) -> None:
    """Empty, or at most 63 characters that begin and end well."""
    assert re.fullmatch(r"|[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", names.label_value(text))


def test_retries_share_their_logical_task() -> None:
    """A retry gets a new id and a new seq from Conductor."""
    retry = b.conductor_task(task_id="another", seq=2, retry_count=1)
    assert names.logical_task_label(retry) == names.logical_task_label(b.conductor_task())


@pytest.mark.parametrize("other", [{"iteration": 1}, {"reference_task_name": "r2"}, {"workflow_instance_id": "w2"}])
def test_other_tasks_are_other_logical_tasks(other: dict[str, Any]) -> None:
    """Another round of a loop, another task of the workflow, another workflow."""
    assert names.logical_task_label(b.conductor_task(**other)) != names.logical_task_label(b.conductor_task())


def test_finalizers_keep_their_names() -> None:
    """Objects of an earlier version carry these: another name would never be taken off them."""
    assert (names.ATTEMPT_FINALIZER, names.POD_FINALIZER) == ("perago.dev/attempt", "perago.dev/outcome")
