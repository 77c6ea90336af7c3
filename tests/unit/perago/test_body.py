"""Payload in, JSON out: what a body's caller validates."""

from collections import UserDict
from collections.abc import Callable, Mapping
from functools import partial
from math import inf, nan
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    Json,
    RootModel,
    ValidationError,
    computed_field,
    field_serializer,
    model_validator,
)
from pydantic.dataclasses import dataclass

import perago
from perago.wire.depth import MOST_LEVELS
from tests.builders import nested
from tests.unit.perago.kit import (
    Outcome,
    Params,
    World,
    free_task_of,
    idle,
    payload,
    run_attempt,
    task_of,
    workspace_payload,
)


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


class Bounded(BaseModel):
    """Rules that hold when a value is made, and can be broken afterwards."""

    n: int = Field(ge=0)
    most: int = 10

    @model_validator(mode="after")
    def in_order(self) -> "Bounded":
        if self.n > self.most:
            raise ValueError("n is over the most")
        return self


class Other(BaseModel):
    """Not the declared model, but with its field."""

    count: int = 3


class Square(BaseModel):
    """A model that computes, at both levels, and calls its fields otherwise outside."""

    model_config = ConfigDict(serialize_by_alias=True)
    side: int = Field(2, alias="edge", serialization_alias="length")
    inner: Inner = Inner(size=1)

    @computed_field
    def area(self) -> int:
        return self.side**2


class Point(BaseModel):
    model_config = ConfigDict(frozen=True)
    x: int


class Points(BaseModel):
    several: set[Point]
    text: Json[list[int]] = []


class Swapped(BaseModel):
    """Each field has the other's name as its alias."""

    a: int = Field(1, alias="b")
    b: int = Field(2, alias="a")


@dataclass
class Size:
    width: int


class Sized(BaseModel):
    size: Size


class Counts(RootModel[dict[str, int]]):
    pass


def changed(value: Any, **fields: object) -> Any:
    """The same object with other values in it."""
    for name, field in fields.items():
        setattr(value, name, field)
    return value


SURPRISE = Open.model_validate({"surprise": 2})


def returning(value: object, model: type[BaseModel] = Outcome) -> perago.TaskDefinition:
    """A workspace-free task whose body returns this value, declared to return this model."""

    def body(params):  # type: ignore[no-untyped-def]
        return value

    body.__annotations__ = {"params": Params, "return": model}
    return perago.task(name="sample", owner_email="a@example.org")(body).__perago_task__


def result_of(value: object, model: type[BaseModel] = Outcome) -> Any:
    return perago.invoke_workspace_free_task(returning(value, model), {"params": {}})["result"]


def words(act: Callable[[], object]) -> str:
    """What people read when a model refuses something; the exception itself is pydantic's."""
    with pytest.raises(ValidationError) as caught:
        act()
    return str(perago.result_for_exception(caught.value, max_length=9999).reason_for_incompletion)


@pytest.mark.parametrize(
    "value", [Outcome(count=2), {"count": 2}, {"count": "2"}, Other(count=2), Counts({"count": 2})]
)
def test_a_result_may_be_any_model_or_what_the_model_takes(value: object) -> None:
    """A mapping, or an instance of any class with the same fields, is validated as the output model."""
    assert result_of(value) == {"count": 2}


def test_a_result_goes_out_as_json_by_field_name() -> None:
    """Paths become text and nested models objects; aliases are for what comes in."""
    assert result_of(Rich(), Rich) == {"inner": {"size": 1}, "where": "a/b", "ratio": 0.5, "name": "n"}
    assert result_of({"displayName": "m"}, Rich)["name"] == "m"


def test_computed_fields_go_out() -> None:
    """They are part of the output, and no obstacle to its validation; a serialization alias changes nothing."""
    assert result_of(Square(edge=3), Square) == {"side": 3, "inner": {"size": 1}, "area": 9}


def test_aliases_cannot_mix_up_an_instance() -> None:
    """An instance is read by field names only."""
    assert result_of(Swapped(b=1, a=2), Swapped) == {"a": 1, "b": 2}


def test_another_models_fields_may_be_called_by_alias() -> None:
    """An instance of another class is taken by the names that the output model reads."""

    class Named(BaseModel):
        displayName: str = "other"  # noqa: N815 - the alias of a field of Rich

    assert result_of(Named(), Rich)["name"] == "other"


def test_a_set_of_models_and_json_in_text_are_values_like_others() -> None:
    """What pydantic cannot dump to Python's own types is validated by its JSON."""
    assert result_of(Points(several={Point(x=1)}, text="[1]"), Points) == {"several": [{"x": 1}], "text": [1]}


def test_a_mapping_is_validated_once() -> None:
    """A validator that changes a value changes it once, if the body returns plain data."""

    class Doubling(BaseModel):
        n: int

        @model_validator(mode="after")
        def double(self) -> "Doubling":
            self.n *= 2
            return self

    assert result_of({"n": 2}, Doubling) == {"n": 4}


@pytest.mark.parametrize(
    ("value", "model", "line"),
    [
        (None, Outcome, "Outcome: Input should be a valid dictionary or instance of Outcome (got None)"),
        ({}, Outcome, "Outcome.count: Field required (got {})"),
        ({"count": 1, "more": 2}, Outcome, "Outcome.more: Extra inputs are not permitted (got 2)"),
        ({"inner": {"size": 1, "deep": 2}}, Rich, "Rich.inner.deep: Extra inputs are not permitted (got 2)"),
        ({"name": "not the alias"}, Rich, "Rich.name: Extra inputs are not permitted (got 'not the alias')"),
        (Wider(count=1), Outcome, "Outcome.more: Extra inputs are not permitted (got 0)"),
        (SURPRISE, Open, "Open.surprise: Extra inputs are not permitted (got 2)"),
        (Holding(one=SURPRISE), Holding, "Holding.one.surprise: Extra inputs are not permitted (got 2)"),
        (Holding(many=[Open(), SURPRISE]), Holding, "Holding.many.1.surprise: Extra inputs are not permitted (got 2)"),
        ({"one": SURPRISE}, Holding, "Holding.one.surprise: Extra inputs are not permitted (got 2)"),
        (Shy(), Outcome, "Outcome: Input should be a valid dictionary or instance of Outcome (got <Shy instance at"),
        (Outcome.model_construct(count="many"), Outcome, "Outcome.count: Input should be a valid integer"),  # type: ignore[arg-type]
        (Outcome.model_construct(), Outcome, "Outcome.count: Field required"),  # type: ignore[call-arg]
        (changed(Bounded(n=1), n=-5), Bounded, "Bounded.n: Input should be greater than or equal to 0 (got -5)"),
        (changed(Bounded(n=1), most=0), Bounded, "Bounded: n is over the most (got {'most': 0, 'n': 1})"),
        (Bounded.model_construct(n=-7), Bounded, "Bounded.n: Input should be greater than or equal to 0 (got -7)"),
        ({"inner": Inner.model_construct(size="x")}, Rich, "Rich.inner.size: Input should be a valid integer"),  # type: ignore[arg-type]
        ({"many": [{"count": 1}, Open.model_construct(count="x")]}, Holding, "Holding.many.1.count: Input should"),  # type: ignore[arg-type]
        (Sized(size=changed(Size(1), width="x")), Sized, "Sized.size.width: Input should be a valid integer"),
    ],
)
def test_a_result_that_is_not_the_models_is_refused(value: object, model: type[BaseModel], line: str) -> None:
    """Instances are judged by their values as they are now; wrong types, broken rules and unknown keys are named."""
    assert words(lambda: result_of(value, model)).startswith(line)


@pytest.mark.parametrize(
    ("value", "model"),
    [
        (bottomless(), Loose),
        ({"anything": bottomless()}, Loose),
        (Rich(ratio=float("nan")), Rich),
        ({"ratio": float("inf")}, Rich),
        (Rich(where=Path("\udcff")), Rich),
    ],
)
def test_a_result_that_json_cannot_say_is_refused(value: object, model: type[BaseModel]) -> None:
    """Values that contain themselves, NaN, infinity and text that is not Unicode, named by task."""
    with pytest.raises(perago.TaskExecutionError, match="task 'sample': result cannot be written as JSON: "):
        result_of(value, model)


class Anything(BaseModel):
    anything: object = None
    pair: tuple[Any, ...] = ()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"anything": nan}, "result.anything is NaN"),
        ({"anything": {"a": [1, {"b": -inf}]}}, "result.anything.a[1].b is -Infinity"),
        ({"pair": (1, (2, inf))}, "result.pair[1][1] is Infinity"),
        (Rich(ratio=nan), "result.ratio is NaN"),
    ],
)
def test_a_number_that_json_does_not_have_is_named_by_its_place(value: object, words: str) -> None:
    """Also in a field that may be anything, for which pydantic writes null."""
    with pytest.raises(perago.TaskExecutionError) as refused:
        result_of(value, Rich if isinstance(value, Rich) else Anything)
    assert f"result cannot be written as JSON: {words}, which JSON does not have" in str(refused.value)


def test_a_null_and_the_word_for_a_nan_are_values_like_others() -> None:
    """In a field that may be anything, too."""
    assert result_of({"anything": {"a": None, "b": "NaN", "c": 1e308}}, Anything)["anything"] == {
        "a": None,
        "b": "NaN",
        "c": 1e308,
    }


def test_what_a_serializer_makes_of_a_nan_counts() -> None:
    """The author has said what is meant."""

    class Written(BaseModel):
        a: float = nan

        @field_serializer("a")
        def _written(self, value: float) -> float | None:
            return None if value != value else value

    assert result_of({"a": nan}, Written) == {"a": None}


@pytest.mark.parametrize(("levels", "taken"), [(MOST_LEVELS - 2, True), (MOST_LEVELS - 1, False), (250, False)])
def test_a_result_has_as_many_levels_as_can_be_recorded(levels: int, taken: bool) -> None:
    """The output around it and the result itself are two of them."""
    value = {"anything": nested(levels)}
    if taken:
        assert result_of(value, Anything)["anything"] == nested(levels)
    else:
        with pytest.raises(perago.TaskExecutionError, match="more than 100 levels"):
            result_of(value, Anything)


@pytest.mark.parametrize(
    ("params", "lines"),
    [
        (
            {"count": "x"},
            r"Params.count: Input should be a valid integer, unable to parse string as an integer (got 'x')",
        ),
        ({"other": 1}, "Params.other: Extra inputs are not permitted (got 1)"),
        (None, "Params: Input should be a valid dictionary or instance of Params (got None)"),
        (
            {"other": 1, "count": None},
            "Params.count: Input should be a valid integer (got None)\n"
            "Params.other: Extra inputs are not permitted (got 1)",
        ),
    ],
)
def test_params_are_refused_a_line_for_each_problem(params: object, lines: str) -> None:
    """Model, field, pydantic's own message, and the value; in an order that does not depend on the payload's."""
    assert words(lambda: perago.invoke_workspace_free_task(returning(None), {"params": params})) == lines


def test_a_long_value_is_shortened(tmp_path: Path) -> None:
    """A value of a megabyte does not become the reason."""
    attempt = payload(count="x" * 1_000_000)
    assert len(words(lambda: perago.invoke_workspace_task_body(task_of(idle), attempt, tmp_path))) < 300


def test_a_value_that_its_model_hides_is_not_shown() -> None:
    """`hide_input_in_errors` holds for what people are told, too."""

    class Login(BaseModel):
        model_config = ConfigDict(hide_input_in_errors=True)
        token: int

    assert words(lambda: Login.model_validate({"token": "s3cret"})).endswith("as an integer")


def test_a_model_that_allows_more_is_closed_nevertheless() -> None:
    """Unknown params are refused whatever the author's model says."""

    @perago.task(name="open", owner_email="a@example.org")
    def body(params: Open) -> Outcome:
        return Outcome(count=params.count)

    task = body.__perago_task__
    assert words(lambda: perago.invoke_workspace_free_task(task, {"params": {"extra": 1}})).startswith("Open.extra: ")


def test_a_body_is_given_a_path_and_a_model(tmp_path: Path) -> None:
    """The body sees the workspace's path and validated params; the answer is the result alone."""
    seen: list[object] = []

    def body(workspace: Path, params: Params) -> Outcome:
        seen.extend((workspace, params))
        return Outcome(count=5)

    for directory in (tmp_path, str(tmp_path)):
        answer = perago.invoke_workspace_task_body(task_of(body), payload(count=4), directory)
        assert answer == {"result": {"count": 5}}
    assert seen == [tmp_path, Params(count=4)] * 2


@pytest.mark.parametrize("kind", [MappingProxyType, UserDict])
def test_a_payload_may_be_any_mapping(tmp_path: Path, kind: Callable[[object], Mapping[str, Any]]) -> None:
    """At each level."""
    attempt = kind({"workspace": kind(workspace_payload()), "params": kind({"count": 4})})
    assert perago.invoke_workspace_task_body(task_of(idle), attempt, tmp_path) == {"result": {"count": 4}}
    free = free_task_of(lambda params: Outcome(count=params.count))
    assert perago.invoke_workspace_free_task(free, kind({"params": kind({"count": 3})})) == {"result": {"count": 3}}


def test_the_workspace_is_validated_before_params(tmp_path: Path) -> None:
    """A wrong workspace stops the body as wrong params do, and first."""
    ran: list[object] = []

    def body(workspace: Path, params: Params) -> Outcome:
        ran.append(params)
        return Outcome(count=1)

    for workspace in ({"junk": 1}, None, workspace_payload(ref=" ")):
        attempt = payload(count="x") | {"workspace": workspace}
        said = words(partial(perago.invoke_workspace_task_body, task_of(body), attempt, tmp_path))
        assert said.startswith("WorkspaceInput")
        assert "Params" not in said
    assert ran == []


@pytest.mark.parametrize("kind", [dict, MappingProxyType, perago.WorkspaceInput.model_validate])
def test_the_output_of_a_workspace_task_names_the_published_ref(kind: Callable[[object], Any]) -> None:
    """`{"workspace": …, "result": …}`, the workspace spelled as it came, whether it is validated already or not."""
    for workspace in (workspace_payload(), old_workspace()):
        output = perago.build_workspace_task_output(task_of(idle), kind(workspace), "B", Other(count=1))
        assert output == {"workspace": workspace | {"ref": "B"}, "result": {"count": 1}}


def old_workspace() -> dict[str, str]:
    return {"repository": "repo", "branch": "main", "ref_type": "commit", "ref": "A"}


@pytest.mark.parametrize(
    ("workspace", "ref", "result"),
    [({"junk": 1}, "B", {"count": 1}), (old_workspace(), " ", {"count": 1}), (old_workspace(), "B", {"count": "x"})],
)
def test_an_output_is_validated_in_each_part(workspace: Any, ref: str, result: object) -> None:
    """Workspace, published ref and result: whatever is wrong is pydantic's ValidationError."""
    with pytest.raises(ValidationError):
        perago.build_workspace_task_output(task_of(idle), workspace, ref, result)


def test_each_form_refuses_the_other_kind_of_task(tmp_path: Path) -> None:
    """A wrong kind of task is a TaskInputError before anything is validated."""
    free = free_task_of(lambda params: Outcome(count=1))
    with pytest.raises(perago.TaskInputError, match="'plain' takes no workspace"):
        perago.invoke_workspace_task_body(free, {}, tmp_path)
    with pytest.raises(perago.TaskInputError, match="'plain' takes no workspace"):
        perago.build_workspace_task_output(free, {}, "", None)
    with pytest.raises(perago.TaskInputError, match=r"'features\.build' takes a workspace"):
        perago.invoke_workspace_free_task(task_of(idle), {})
    with pytest.raises(perago.TaskInputError, match=r"'features\.build' takes a workspace"):
        perago.build_workspace_free_task_output(task_of(idle), None)


def test_only_what_a_step_needs_is_read_of_a_definition(tmp_path: Path) -> None:
    """Building an output needs the kind of the task and its output model, whatever else there is."""
    with_workspace: Any = SimpleNamespace(has_workspace=True, output_model=Outcome)
    without: Any = SimpleNamespace(has_workspace=False, output_model=Outcome)
    output = perago.build_workspace_task_output(with_workspace, workspace_payload(), "B", {"count": 1})
    assert output["result"] == perago.build_workspace_free_task_output(without, {"count": 1})["result"] == {"count": 1}
    free: Any = SimpleNamespace(
        has_workspace=False, params_model=Params, output_model=Outcome, fn=lambda params: {"count": params.count}
    )
    assert perago.invoke_workspace_free_task(free, {"params": {"count": 2}}) == {"result": {"count": 2}}


@pytest.mark.parametrize("more", [{}, {"workspace": None}, {"workspace": None, "name": "n"}])
def test_a_definition_without_the_workspace_that_it_claims_is_refused(tmp_path: Path, more: dict[str, Any]) -> None:
    """A TaskInputError, whatever is missing; nothing is run."""
    claiming: Any = SimpleNamespace(has_workspace=True, output_model=Outcome, params_model=Params, **more)
    with pytest.raises(perago.TaskInputError, match="has no WorkspaceSpec"):
        perago.invoke_workspace_task_body(claiming, payload(), tmp_path)
    with pytest.raises(perago.TaskInputError, match="has no WorkspaceSpec"):
        run_attempt(claiming, tmp_path, World())
    for wrong in (perago.invoke_workspace_free_task, perago.build_workspace_free_task_output):
        with pytest.raises(perago.TaskInputError, match="takes a workspace"):
            wrong(claiming, {})
