"""What the commands read of objects is what the CRDs have; their words are the published ones."""

from collections.abc import Iterator
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from perago_console.core import objects, pods, tasks
from perago_console.core.timeline import PARTS
from perago_console.session import seen_attempt
from perago_operator.api.crds import attempt_crd, task_crd
from perago_operator.api.reasons import ConditionType
from perago_operator.core import names
from tests.builders import attempt, nested


def schema(crd: Any) -> Any:
    """The schema of a kind."""
    return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def unknown(model: type[BaseModel], found: Any, path: str) -> Iterator[str]:
    """The fields of a model that a schema does not have."""
    for name, info in model.model_fields.items():
        field = f"{path}.{info.alias or name}"
        inside = found.get("properties", {}).get(info.alias or name)
        if inside is None:
            yield field
        for inner in models(info.annotation):
            yield from unknown(inner, (inside or {}).get("items", inside or {}), field)


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models in a field's type."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Union, UnionType, tuple):
        for inner in get_args(annotation):
            yield from models(inner)


@pytest.mark.parametrize(
    ("spec", "status", "crd"),
    [
        (objects.AttemptSpec, objects.AttemptStatus, attempt_crd()),
        (tasks.TaskSpec, tasks.TaskStatus, task_crd()),
    ],
    ids=["attempt", "task"],
)
def test_every_field_that_is_read_exists(spec: type[BaseModel], status: type[BaseModel], crd: Any) -> None:
    """A field that is renamed in the API is noticed here; tickets alone have fewer fields in some places."""
    parts = schema(crd)["properties"]
    missing = [*unknown(spec, parts["spec"], "spec"), *unknown(status, parts["status"], "status")]
    assert [field for field in missing if not field.startswith("status.turn.")] == []


def test_condition_types_and_labels_are_the_published_ones() -> None:
    """The console spells out nothing that the operator does not write."""
    used = {getattr(objects, name) for name in ("POD_READY", "PUBLISHED", "STAGING_DELETED", "REPORTED", "COMPLETE")}
    assert used | {tasks.POLLING, tasks.READY} == {kind.value for kind in ConditionType}
    assert (objects.ATTEMPT_LABEL, pods.TASK_CONTAINER, pods.AGENT_CONTAINER) == (
        names.ATTEMPT_LABEL,
        names.TASK_CONTAINER,
        names.AGENT_CONTAINER,
    )


def test_every_part_of_an_attempt_has_its_bar() -> None:
    """Waiting for the turn is a part of publishing, and has none of its own."""
    assert set(PARTS) == set(objects.Timings.model_fields) - {"waiting_for_turn"}


def test_an_attempt_of_any_depth_is_shown() -> None:
    """The one that people look for is the one that is wrong."""
    deep = attempt(input={"params": nested(1_000)}, status={"phase": "Failed"})
    assert seen_attempt(deep).status.phase == "Failed"
