"""Declaring a task: what the decorator keeps, what it refuses, and how a module's task is found."""

import functools
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import perago
from tests.unit.perago.kit import Outcome, Params

WORKSPACE = perago.WorkspaceSpec()


def declared(fn: Any, **fields: Any) -> perago.TaskDefinition:
    """The definition of a body of any shape, declared with any fields."""
    decorate: Any = perago.task
    definition = decorate(**{"name": "n", "owner_email": "a@b"} | fields)(fn).__perago_task__
    assert isinstance(definition, perago.TaskDefinition)
    return definition


def refused(fn: Any, **fields: Any) -> str:
    """What the refusal of this declaration says."""
    with pytest.raises(perago.TaskDefinitionError) as caught:
        declared(fn, **fields)
    return str(caught.value)


def with_workspace(workspace: Path, params: Params) -> Outcome:
    return Outcome(count=params.count)


def without_workspace(params: Params) -> Outcome:
    return Outcome(count=params.count)


def test_a_declaration_keeps_all_that_was_said() -> None:
    """The definition is frozen and has the decorator's fields, the body and its models."""
    controls = perago.TaskControls(retry=perago.RetryPolicy(count=1))
    task = declared(with_workspace, workspace=WORKSPACE, description="d", controls=controls)
    assert (task.name, task.owner_email, task.description) == ("n", "a@b", "d")
    assert (task.fn, task.params_model, task.output_model) == (with_workspace, Params, Outcome)
    assert (task.workspace, task.has_workspace, task.controls) == (WORKSPACE, True, controls)
    with pytest.raises(AttributeError):
        task.name = "other"  # type: ignore[misc]


def test_what_is_not_said_has_the_defaults() -> None:
    """No description, no workspace, default controls."""
    task = declared(without_workspace)
    assert (task.description, task.workspace, task.has_workspace) == (None, None, False)
    assert task.controls == perago.TaskControls()


def test_the_decorated_function_is_the_function_itself() -> None:
    """It can be called as before: that is how its author tests it."""

    def body(params: Params) -> Outcome:
        return Outcome(count=params.count + 1)

    decorated = perago.task(name="n", owner_email="a@b")(body)
    assert decorated is body
    assert decorated(params=Params(count=1)) == Outcome(count=2)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": " "}, "name must be a str that is not blank, not ' '"),
        ({"name": None}, "name must be"),
        ({"name": "a/b"}, "path separator: 'a/b'"),
        ({"name": "a\\b"}, "path separator"),
        ({"owner_email": ""}, "owner_email must be"),
        ({"description": 5}, "description must be a str, not 5"),
        ({"colour": "red"}, "unknown field 'colour'"),
        ({"workspace": "/data"}, "workspace must be a WorkspaceSpec, not '/data'"),
        ({"controls": 3}, "controls must be TaskControls, not 3"),
        ({"workspace": WORKSPACE}, "must not have workspace="),
        ({"controls": perago.TaskControls(publish_budget=perago.PublishBudget(1, 1, 2, 1, 1, 1))}, "publish_budget"),
    ],
)
def test_wrong_fields_are_refused_by_name_and_value(fields: dict[str, Any], words: str) -> None:
    """The refusal names the task, the field and the value."""
    text = refused(without_workspace, **fields)
    assert words in text
    assert text.startswith("task ")


def test_all_problems_of_a_declaration_come_at_once() -> None:
    """An author sees everything that is wrong in one go."""
    text = refused(lambda params: 1, name="", owner_email="", x=1, y=2)
    for words in ("'x'", "'y'", "name must", "owner_email must", "plain function declared with def"):
        assert words in text


def test_a_body_without_workspace_field_is_refused() -> None:
    """A body that takes a workspace needs the field."""
    assert "needs workspace=WorkspaceSpec" in refused(with_workspace)


async def asynchronous(params: Params) -> Outcome:
    return Outcome(count=1)


def generating(params: Params) -> Any:
    yield Outcome(count=1)


async def generating_asynchronously(params: Params) -> Any:
    yield Outcome(count=1)


class Callme:
    def __call__(self, params: Params) -> Outcome:
        return Outcome(count=1)


@pytest.mark.parametrize(
    "fn",
    [
        asynchronous,
        generating,
        generating_asynchronously,
        Callme(),
        Callme,
        functools.partial(without_workspace),
        lambda params: Outcome(count=1),
        len,
    ],
)
def test_only_a_plain_synchronous_function_is_a_body(fn: object) -> None:
    """Coroutines, generators, classes, callables, partials and lambdas are refused."""
    assert "plain" in refused(fn)


def default(params: Params = Params()) -> Outcome:  # noqa: B008
    return Outcome(count=1)


def keyword_only(*, params: Params) -> Outcome:
    return Outcome(count=1)


def positional_only(params: Params, /) -> Outcome:
    return Outcome(count=1)


def variadic(*params: Params) -> Outcome:
    return Outcome(count=1)


def keywords(params: Params, **more: int) -> Outcome:
    return Outcome(count=1)


def nothing() -> Outcome:
    return Outcome(count=1)


def other_name(parameters: Params) -> Outcome:
    return Outcome(count=1)


def other_order(params: Params, workspace: Path) -> Outcome:
    return Outcome(count=1)


def too_many(workspace: Path, params: Params, more: int) -> Outcome:
    return Outcome(count=1)


@pytest.mark.parametrize(
    ("fn", "words"),
    [
        (default, "'params' must not have a default"),
        (keyword_only, "must be an ordinary one"),
        (positional_only, "must be an ordinary one"),
        (variadic, "'\\*params"),
        (keywords, "'\\*\\*more"),
        (nothing, "must take (workspace, params) or (params), not ()"),
        (other_name, "not (parameters)"),
        (other_order, "not (params, workspace)"),
        (too_many, "not (workspace, params, more)"),
    ],
)
def test_only_the_two_shapes_of_parameters_are_bodies(fn: object, words: str) -> None:
    """`workspace` and `params`, or `params`; positional or keyword; without defaults."""
    assert words.replace("\\", "") in refused(fn)


def untyped(params):  # type: ignore[no-untyped-def]
    return Outcome(count=1)


def wrong_types(params: dict[str, int]) -> int:
    return 1


def bare_models(params: BaseModel) -> BaseModel:
    return params


def optional_models(params: Params | None) -> Outcome | None:
    return None


@pytest.mark.parametrize("fn", [untyped, wrong_types, bare_models, optional_models])
def test_params_and_return_are_annotated_with_model_classes(fn: object) -> None:
    """Both problems are said at once."""
    text = refused(fn)
    assert "params must be annotated with a pydantic model class" in text
    assert "the return value must be annotated" in text


def text_workspace(workspace: str, params: Params) -> Outcome:
    return Outcome(count=1)


def unknown_annotation(params: "NoSuchModel") -> Outcome:  # type: ignore[name-defined]  # noqa: F821
    return Outcome(count=1)


def test_workspace_is_annotated_with_path() -> None:
    """pathlib.Path itself, not a text."""
    assert "must be annotated pathlib.Path, not <class 'str'>" in refused(text_workspace, workspace=WORKSPACE)


def test_an_annotation_that_cannot_be_resolved_is_named() -> None:
    """The missing name stands in the refusal."""
    assert "'NoSuchModel' is not defined" in refused(unknown_annotation)


@pytest.mark.parametrize("annotation", ["Path.NoSuch", "list[", "int | 'x'", "1 / 0", "Params.model_fields['x']"])
def test_an_annotation_that_breaks_is_a_wrong_declaration(annotation: str) -> None:
    """Whatever happens while the author's annotation is evaluated is a TaskDefinitionError of this task."""

    def body(params):  # type: ignore[no-untyped-def]
        return params

    body.__annotations__ = {"params": annotation, "return": Outcome}
    assert refused(body).startswith("task 'n': body: an annotation cannot be resolved: ")


SAMPLE = """
from __future__ import annotations
from pydantic import BaseModel
import perago

class Params(BaseModel):
    x: int

@perago.task(name="{name}", owner_email="a@b")
def {body}(params: Params) -> Params:
    return params
"""

ModuleMaker = Callable[[str], str]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleMaker]:
    """Writes a module and returns its import path."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(source: str) -> str:
        name = f"task_sample_{len(list(tmp_path.glob('*.py')))}_{abs(hash(source))}"
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
        return name

    yield make
    for name in [name for name in sys.modules if name.startswith("task_sample_")]:
        del sys.modules[name]


def test_a_modules_task_is_loaded(module: ModuleMaker) -> None:
    """Postponed annotations are resolved; another name for the same task does not count twice."""
    name = module(SAMPLE.format(name="one", body="run") + "alias = run\n")
    assert perago.load_module_task(name).name == "one"


def test_a_task_that_was_only_imported_does_not_count(module: ModuleMaker) -> None:
    """A module may use another module's body; it declares its own task alone."""
    other = module(SAMPLE.format(name="other", body="run"))
    own = module(
        f"from {other} import run as helper\n"
        + SAMPLE.replace("from __future__ import annotations", "").format(name="own", body="run")
    )
    assert perago.load_module_task(own).name == "own"
    with pytest.raises(perago.TaskDefinitionError, match="it declares none"):
        perago.load_module_task(module(f"from {other} import run\n"))


PROXY = """
class Proxy:
    def __getattr__(self, name):
        raise RuntimeError("working outside of a request")
    __class__ = property(__getattr__)

request = Proxy()
"""


def test_a_modules_other_values_are_left_alone(module: ModuleMaker) -> None:
    """A lazy proxy that cannot be used at import does not keep the module's task from being found."""
    assert perago.load_module_task(module(SAMPLE.format(name="one", body="run") + PROXY)).name == "one"


WRAPPED = """
import functools
def timed(fn):
    @functools.wraps(fn)
    def wrapper(*arguments, **named):
        return fn(*arguments, **named)
    return wrapper
"""


@pytest.mark.parametrize("above", [True, False])
def test_a_body_may_be_wrapped_above_or_below_its_declaration(module: ModuleMaker, above: bool) -> None:
    """A decorator that keeps the signature (`functools.wraps`) does not hide the task or its models."""
    line = "\n@perago" if above else "\ndef {"
    source = SAMPLE.replace(line, f"\n@timed{line}").replace("import annotations", "import annotations" + WRAPPED)
    task = perago.load_module_task(module(source.format(name="one", body="run")))
    assert perago.invoke_workspace_free_task(task, {"params": {"x": 3}}) == {"result": {"x": 3}}


def test_zero_or_two_tasks_are_refused(module: ModuleMaker) -> None:
    """The refusal names the tasks that are there."""
    two = SAMPLE.format(name="b", body="b") + SAMPLE.replace("from __future__ import annotations", "").format(
        name="a", body="a"
    )
    with pytest.raises(perago.TaskDefinitionError, match="exactly one task; it declares 'a', 'b'"):
        perago.load_module_task(module(two))
    with pytest.raises(perago.TaskDefinitionError, match="exactly one task; it declares none"):
        perago.load_module_task(module("x = 1"))


@pytest.mark.parametrize("target", ["a/b", "a:b", "a.py", "pkg/mod.py", "a..b", ".a", "", "1a", "a b", "pkg.mod.py"])
def test_a_target_is_an_import_path(target: str) -> None:
    """Paths, entry points and file names are refused before anything is imported."""
    with pytest.raises(perago.TaskDefinitionError, match="not an import path"):
        perago.load_module_task(target)


@pytest.mark.parametrize("raising", ["raise OSError('boom')", "import sys; sys.exit('boom')", "import boom_not_there"])
def test_a_module_that_cannot_be_imported_says_why(module: ModuleMaker, raising: str) -> None:
    """Whatever the module raises is the cause of a TaskDefinitionError with its class and text."""
    with pytest.raises(perago.TaskDefinitionError, match=r"cannot be imported: .*boom") as caught:
        perago.load_module_task(module(raising))
    assert caught.value.__cause__ is not None


def test_a_module_with_a_wrong_declaration_is_refused_with_that(module: ModuleMaker) -> None:
    """The declaration's own refusal is not wrapped in another."""
    with pytest.raises(perago.TaskDefinitionError, match=r"^task ' ': name must"):
        perago.load_module_task(module(SAMPLE.format(name=" ", body="run")))
