"""Payload in, JSON out: what a body's caller validates."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field

import perago
from tests.unit.perago.kit import Outcome, Params, free_task_of, idle, payload, task_of, workspace_payload


class Inner(BaseModel):
    size: int


class Rich(BaseModel):
    """An output with nesting and an alias."""

    inner: Inner = Inner(size=1)
    where: Path = Path("a/b")
    ratio: float = 0.5
    name: str = Field("n", alias="displayName")


class Wider(Outcome):
    more: int = 0


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    count: int = 0


class Holding(BaseModel):
    """An output that holds open models in every way."""

    one: Open = Open()
    many: list[Open] = []
    named: dict[str, tuple[Open, ...]] = {}


class Loose(BaseModel):
    anything: Any = None


def bottomless() -> Loose:
    """An output that holds itself."""
    value = Loose()
    value.anything = value
    return value


class Shy:
    """A value that cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


SURPRISE = Open.model_validate({"surprise": 2})


def returning(value: object, model: type[BaseModel] = Outcome) -> perago.TaskDefinition:
    """A workspace-free task whose body returns this value, declared to return this model."""

    def body(params):  # type: ignore[no-untyped-def]
        return value

    body.__annotations__ = {"params": Params, "return": model}
    return perago.task(name="sample", owner_email="a@example.org")(body).__perago_task__


def result_of(value: object, model: type[BaseModel] = Outcome) -> Any:
    return perago.invoke_workspace_free_task(returning(value, model), {"params": {}})["result"]


@pytest.mark.parametrize("value", [Outcome(count=2), {"count": 2}, {"count": "2"}])
def test_a_result_may_be_a_model_or_what_the_model_takes(value: object) -> None:
    """A mapping is validated as the output model, and what goes out is JSON."""
    assert result_of(value) == {"count": 2}


def test_a_result_goes_out_as_json_by_alias() -> None:
    """Paths become text, nested models objects, aliases keys: as the output schema says."""
    assert result_of(Rich(), Rich) == {"inner": {"size": 1}, "where": "a/b", "ratio": 0.5, "displayName": "n"}


@pytest.mark.parametrize(
    ("value", "model", "words"),
    [
        (None, Outcome, "result: Input should be"),
        (Params(), Outcome, "result"),
        ({}, Outcome, "result.count: Field required"),
        ({"count": 1, "more": 2}, Outcome, "result.more: Extra inputs are not permitted"),
        ({"inner": {"size": 1, "deep": 2}}, Rich, "result.inner.deep: Extra inputs"),
        (Wider(count=1), Outcome, "unknown keys more"),
        (SURPRISE, Open, "unknown keys surprise"),
        (Holding(one=SURPRISE), Holding, "unknown keys one.surprise"),
        (Holding(many=[Open(), SURPRISE]), Holding, "unknown keys many.1.surprise"),
        (Holding(named={"a": (SURPRISE,)}), Holding, "unknown keys named.a.0.surprise"),
        (bottomless(), Loose, "cannot be written as JSON: .*(depth|Circular)"),
        (Shy(), Outcome, "result: Input should be"),
        (Outcome.model_construct(count="many"), Outcome, "cannot be written as JSON"),  # type: ignore[arg-type]
        (Rich(ratio=float("nan")), Rich, "cannot be written as JSON"),
        (Rich(where=Path("\udcff")), Rich, "cannot be written as JSON"),
    ],
)
def test_a_result_that_is_not_the_models_is_refused(value: object, model: type[BaseModel], words: str) -> None:
    """Wrong types, unknown keys at any level, and numbers that JSON cannot express, named by task and field."""
    with pytest.raises(perago.TaskExecutionError, match=f"task 'sample': .*{words}"):
        result_of(value, model)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"count": "x"}, r"params.count: Input should be a valid integer, .* \(got 'x'\)"),
        ({"other": 1}, "params.other: Extra inputs are not permitted"),
        (None, r"params: .* \(got None\)"),
        ([], "params"),
    ],
)
def test_params_are_refused_with_task_field_and_value(params: object, words: str) -> None:
    """Each problem has pydantic's message."""
    with pytest.raises(perago.TaskInputError, match=f"task 'sample': {words}"):
        perago.invoke_workspace_free_task(returning(None), {"params": params})


def test_the_order_of_wrong_keys_does_not_show() -> None:
    """The same mistakes in another order give the same text."""
    texts = set()
    for params in ({"a": 1, "b": 2, "count": "x"}, {"count": "x", "b": 2, "a": 1}):
        with pytest.raises(perago.TaskInputError) as caught:
            perago.invoke_workspace_free_task(returning(None), {"params": params})
        texts.add(str(caught.value))
    assert len(texts) == 1


def test_a_long_value_is_shortened(tmp_path: Path) -> None:
    """A value of a megabyte does not become the reason."""
    with pytest.raises(perago.TaskInputError) as caught:
        perago.invoke_workspace_task_body(task_of(idle), payload(count="x" * 1_000_000), tmp_path)
    assert len(str(caught.value)) < 300


def test_a_model_that_allows_more_is_closed_nevertheless() -> None:
    """Unknown params are refused whatever the author's model says."""

    @perago.task(name="open", owner_email="a@example.org")
    def body(params: Open) -> Outcome:
        return Outcome(count=params.count)

    with pytest.raises(perago.TaskInputError, match=r"params\.extra"):
        perago.invoke_workspace_free_task(body.__perago_task__, {"params": {"extra": 1}})


def test_a_body_is_given_a_path_and_a_model(tmp_path: Path) -> None:
    """The body sees the workspace's path and validated params; the answer is the result alone."""
    seen: list[object] = []

    def body(workspace: Path, params: Params) -> Outcome:
        seen.extend((workspace, params))
        return Outcome(count=5)

    answer = perago.invoke_workspace_task_body(task_of(body), payload(count=4), tmp_path)
    assert (seen, answer) == ([tmp_path, Params(count=4)], {"result": {"count": 5}})


def test_the_output_of_a_workspace_task_names_the_published_ref() -> None:
    """`{"workspace": …, "result": …}`, the workspace spelled as it came."""
    workspace = perago.WorkspaceInput.model_validate(workspace_payload())
    output = perago.build_workspace_task_output(task_of(idle), workspace, "B", Outcome(count=1))
    assert output == {"workspace": workspace_payload(ref="B"), "result": {"count": 1}}
    assert perago.build_workspace_free_task_output(task_of(idle), {"count": 1}) == {"result": {"count": 1}}


def test_each_form_refuses_the_other_kind_of_task(tmp_path: Path) -> None:
    """A wrong kind of task is a TaskInputError before anything is validated."""
    with pytest.raises(perago.TaskInputError, match="takes no workspace"):
        perago.invoke_workspace_task_body(free_task_of(lambda params: Outcome(count=1)), {}, tmp_path)
    with pytest.raises(perago.TaskInputError, match="takes a workspace"):
        perago.invoke_workspace_free_task(task_of(idle), {})
