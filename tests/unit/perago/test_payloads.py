"""Wrong payloads: refused before any side effect, with words that do not depend on the order of keys."""

import random
import re
import tempfile
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

import perago
from tests.examples import examples
from tests.unit.perago.kit import Outcome, World, payload, run_attempt, workspace_payload


class Size(BaseModel):
    width: int
    unit: Literal["px", "mm"] = "px"


class Render(BaseModel):
    """Params with nesting, so that mistakes can lie deep."""

    size: Size
    layers: list[Size] = []
    named: dict[str, Size] = {}
    either: Size | int = 0


@perago.task(name="render", owner_email="a@example.org", workspace=perago.WorkspaceSpec(read_only=True))
def render(workspace: Path, params: Render) -> Outcome:
    return Outcome(count=1)


TASK = render.__perago_task__
KEYS = st.sampled_from(["size", "layers", "named", "either", "width", "unit", "repository", "ref", "refType", "other"])
LEAVES = st.sampled_from([None, True, 0, 1.5, "", "x", "px", "commit", "y" * 200])
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5))


def reordered(value: Any, order: random.Random) -> Any:
    """The same JSON with the keys of every object in another order."""
    if isinstance(value, list):
        return [reordered(item, order) for item in value]
    if not isinstance(value, dict):
        return value
    keys = list(value)
    order.shuffle(keys)
    return {key: reordered(value[key], order) for key in keys}


def outcome(task: perago.TaskDefinition, given_payload: Any) -> tuple[perago.RuntimeTaskResult, list[str]]:
    world = World()
    with tempfile.TemporaryDirectory() as root:
        return run_attempt(task, Path(root), world, given_payload), world.calls


PAYLOADS = (
    st.dictionaries(st.sampled_from(["workspace", "params", "extra"]), JSON)
    | st.builds(lambda params: payload() | {"params": params}, JSON)
    | st.builds(lambda more: {"workspace": workspace_payload() | more, "params": {}}, st.dictionaries(KEYS, JSON))
)


@given(PAYLOADS, st.randoms(use_true_random=False))
@settings(max_examples=examples(300), deadline=None)
def test_nothing_depends_on_the_order_of_keys(wrong: Any, order: random.Random) -> None:
    """Any JSON payload leads to one result, one reason and one sequence of events, whatever the order of its keys."""
    assert outcome(TASK, wrong) == outcome(TASK, reordered(wrong, order))


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({}, "Render.size: Field required (got {})"),
    ({"size": 3}, "Render.size: Input should be a valid dictionary or instance of Size (got 3)"),
    ({"size": {"width": 1, "unit": "pt"}}, "Render.size.unit: Input should be 'px' or 'mm' (got 'pt')"),
    ({"size": {"width": 1, "depth": 2}}, "Render.size.depth: Extra inputs are not permitted (got 2)"),
    ({"size": {"width": 1}, "layers": [{"width": 1}, {}]}, "Render.layers.1.width: Field required (got {})"),
    ({"size": {"width": 1}, "named": {"a": {"width": "w"}}}, "Render.named.a.width: Input should be a valid integer"),
    (
        {"size": {"unit": "px", "b": 2, "a": 1}},
        "Render.size.width: Field required (got {'a': 1, 'b': 2, 'unit': 'px'})",
    ),
]


@pytest.mark.parametrize(("params", "words"), MISTAKES)
def test_a_wrong_param_is_named_by_model_place_and_value(params: dict[str, Any], words: str) -> None:
    """The reason says which model, which field at which depth, what is wrong, and what was given."""
    result, _ = outcome(TASK, payload() | {"params": params})
    assert result.status == "FAILED"
    assert words in str(result.reason_for_incompletion)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"repository": " "}, "WorkspaceInput.repository: must not be blank (got ' ')"),
        ({"ref": 7}, "WorkspaceInput.ref: Input should be a valid string (got 7)"),
        ({"refType": "branch"}, "WorkspaceInput.ref_type: Input should be 'commit' (got 'branch')"),
        ({"tag": "v1"}, "WorkspaceInput.tag: Extra inputs are not permitted (got 'v1')"),
        ({"ref_type": "commit"}, "WorkspaceInput: refType and ref_type are two spellings of one key"),
    ],
)
def test_a_wrong_workspace_is_named_by_key_and_value(change: dict[str, Any], words: str) -> None:
    """Blank, wrong, unknown or doubled: said of the key, before a directory is made or anything is downloaded."""
    result, calls = outcome(TASK, {"workspace": workspace_payload() | change, "params": {}})
    assert words in str(result.reason_for_incompletion)
    assert calls == []


@pytest.mark.parametrize(
    ("wrong", "has"),
    [
        ({}, "none"),
        ({"params": {}}, "params"),
        ({"params": {}, "b": 1, "a": 2, "workspace": {}}, "a, b, params, workspace"),
    ],
)
def test_another_key_set_is_refused_with_both_sets(wrong: dict[str, Any], has: str) -> None:
    """What the input has and what it should have stand in the refusal, sorted."""
    with pytest.raises(perago.TaskInputError) as caught:
        perago.invoke_workspace_task_body(TASK, wrong, Path("/nowhere"))
    assert str(caught.value) == f"task 'render': the input's keys must be exactly params, workspace; it has {has}"


def test_the_bottom_of_a_deep_value_is_not_shown() -> None:
    """A value nested deeper than the stack is also refused by name."""
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    result, _ = outcome(TASK, payload() | {"params": {"size": deep}})
    assert re.search(r"Render\.size: .*got \[\[\[", str(result.reason_for_incompletion))
