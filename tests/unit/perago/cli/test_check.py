"""`perago check`: what is declared, and every problem with its place."""

import json
from pathlib import Path

import pytest

from perago.cli import main
from tests.unit.perago.cli.conftest import GOOD, ModuleMaker


def test_a_good_module_is_described(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    """check prints name, body with its place, workspace, guardrails, params, result and controls, and exits 0."""
    assert main(["check", good]) == 0
    text = capsys.readouterr().out
    for words in ("text.repeat", f"{good}.py:12", "prefix texts", "require_glob *.txt (at least 1)", "factor: int = 2"):
        assert words in text
    assert "concurrent_exec_limit=4" in text


def test_a_good_module_is_described_as_json(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json there is one object, and nothing else, on standard output."""
    assert main(["check", good, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["ok"], answer["task"]["name"], answer["task"]["result"]) == (True, "text.repeat", {"lines": "int"})


BAD = """
from pathlib import Path
from pydantic import BaseModel
import perago

class Params(BaseModel):
    pass

retry = perago.RetryPolicy(count=11)
spec = perago.WorkspaceSpec(prefix="../up", pre=[perago.require_file("/abs")])

@perago.task(name="a/b", owner_email=" ", workspace=spec, colour="red")
def body(workspace: str, params: Params) -> int:
    return 1
"""


def test_every_problem_is_shown_at_once_with_file_and_line(
    module: ModuleMaker, capsys: pytest.CaptureFixture[str]
) -> None:
    """One run of check names all that is wrong, each with the line of the author's code, and exits 1."""
    name = module(BAD)
    assert main(["check", name]) == 1
    errors = capsys.readouterr().err
    for line, words in [
        (9, "RetryPolicy.count must be a whole number"),
        (10, "prefix must be a path inside the repository, not '../up'"),
        (10, "require_file: the path must be relative"),
        (12, "unknown field 'colour'"),
        (12, "owner_email must be"),
        (12, "path separator: 'a/b'"),
        (12, "workspace must be annotated pathlib.Path"),
        (12, "the return value must be annotated"),
    ]:
        assert any(f"{name}.py:{line}: error:" in shown and words in shown for shown in errors.splitlines()), words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("perago.PublishBudget('1', 1, 2, 1, 1, 1)", "PublishBudget.observed_merge_p99_seconds"),
        ("perago.WorkspaceSpec(prefix=5)", "WorkspaceSpec.prefix must be a str, not 5"),
        ("perago.require_glob('a', min_count='1', max_count=0)", "require_glob: min_count"),
    ],
)
def test_check_goes_on_after_a_value_that_it_cannot_use(
    module: ModuleMaker, capsys: pytest.CaptureFixture[str], written: str, words: str
) -> None:
    """A value of the wrong kind is one problem among others, not the end of the check."""
    assert main(["check", module(f"import perago\n{written}\nperago.RetryPolicy(count=99)\n")]) == 1
    errors = capsys.readouterr().err
    assert words in errors
    assert "RetryPolicy.count" in errors


def test_problems_are_listed_as_json(module: ModuleMaker, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json, problems are objects with message, file and line."""
    assert main(["check", module(BAD), "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"] is False
    assert {problem["line"] for problem in answer["problems"]} == {9, 10, 12}


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("app/tasks/features.py", "did you mean 'app.tasks.features'?"),
        ("features.py", "did you mean 'features'?"),
        ("app.tasks:features", "did you mean 'app.tasks'?"),
        ("app/__init__.py", "did you mean 'app'?"),
        ("/elsewhere/features.py", "did you mean 'features', from the folder /elsewhere?"),
        ("../features.py", "did you mean 'features', from the folder "),
        ("a b", "'a b' is not an import path such as 'package.module'\n"),
        ("json.decoder.scan", "'json.decoder' is a module, not a package; leave out '.scan'"),
        ("no_such_module_here", "there is no module 'no_such_module_here'"),
    ],
)
def test_a_target_that_is_no_module_gets_a_hint(
    module: ModuleMaker, capsys: pytest.CaptureFixture[str], target: str, words: str
) -> None:
    """A file's path, a .py name, an entry point and an unknown module are distinguished, and exit with 1."""
    assert main(["check", target]) == 1
    assert words in capsys.readouterr().err


def test_a_module_that_raises_shows_its_own_traceback(module: ModuleMaker, capsys: pytest.CaptureFixture[str]) -> None:
    """The traceback begins in the author's module, not in ours."""
    name = module("import json\n\njson.loads('{')\n")
    assert main(["check", name]) == 1
    errors = capsys.readouterr().err
    assert f"{name}.py" in errors
    assert "JSONDecodeError" in errors
    assert "perago/cli" not in errors
    assert "importlib" not in errors


def test_a_missing_dependency_is_the_modules_problem(module: ModuleMaker, capsys: pytest.CaptureFixture[str]) -> None:
    """A module that imports what is not installed is reported with its own traceback."""
    assert main(["check", module("import not_installed_anywhere\n")]) == 1
    assert "import not_installed_anywhere" in capsys.readouterr().err


OTHER = GOOD.replace("text.repeat", "text.other").replace("def repeat", "def other")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("x = 1\n", ":1: error: module 'NAME' does not declare a task: decorate one function with @perago.task(…)"),
        (GOOD + OTHER, ":12: error: module 'NAME' declares 2 tasks, among them 'text.repeat'; move each into a module"),
        (GOOD + OTHER, ":37: error: module 'NAME' declares 2 tasks, among them 'text.other'"),
    ],
)
def test_zero_or_two_tasks_are_refused(
    module: ModuleMaker, capsys: pytest.CaptureFixture[str], source: str, words: str
) -> None:
    """A module without a task or with two says which it declares, and where."""
    name = module(source)
    assert main(["check", name]) == 1
    assert f"{name}.py{words.replace('NAME', name)}" in capsys.readouterr().err


def test_an_imported_task_is_named_where_there_is_no_other(
    module: ModuleMaker, good: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """For a module that only imports a body, the error says that this does not count."""
    assert main(["check", module(f"from {good} import repeat\n")]) == 1
    assert f"tasks that it imports do not count: 'text.repeat' of {good}" in capsys.readouterr().err


def test_what_a_taskdef_cannot_say_is_found_by_check(module: ModuleMaker, capsys: pytest.CaptureFixture[str]) -> None:
    """A result model that contains itself is refused before it is extracted."""
    source = GOOD.replace("    lines: int\n", "    lines: int\n    inner: 'Report | None' = None\n")
    assert main(["check", module(source)]) == 1
    assert "contains itself" in capsys.readouterr().err


def test_a_plain_task_is_described(module: ModuleMaker, capsys: pytest.CaptureFixture[str]) -> None:
    """A task without workspace says so; a limited glob shows both its counts."""
    assert main(["check", module(GOOD.replace('glob("*.txt")]', 'glob("*.txt", max_count=9)]'))]) == 0
    assert "(at least 1, at most 9)" in capsys.readouterr().out
    free = "from pydantic import BaseModel\nimport perago\nclass P(BaseModel):\n    x: int\n"
    free += '@perago.task(name="free", owner_email="a@b")\ndef body(params: P) -> P:\n    return params\n'
    assert main(["check", module(free)]) == 0
    assert "workspace  none" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("control", "words"),
    [
        (
            "timeout=perago.TimeoutPolicy(seconds=60)",
            "timeout.response_seconds=600, because it is greater than timeout.seconds=60",
        ),
        (
            "timeout=perago.TimeoutPolicy(seconds=700, total_seconds=60)",
            "timeout.seconds=700, because it is greater than timeout.total_seconds=60",
        ),
        (
            "retry=perago.RetryPolicy(delay_seconds=2**31)",
            "retry.delay_seconds=2147483648, because it is greater than 2147483647",
        ),
    ],
)
def test_what_conductor_refuses_is_a_warning(
    module: ModuleMaker, capsys: pytest.CaptureFixture[str], control: str, words: str
) -> None:
    """Numbers that Conductor would not register are warned about, with the field and both values."""
    assert main(["check", module(GOOD.replace("TaskControls(", f"TaskControls({control}, "))]) == 0
    assert f"Conductor refuses {words}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("source", "place", "words"),
    [
        ("class P(:\n", 1, "SyntaxError"),
        ("\nraise KeyboardInterrupt\n", 2, "KeyboardInterrupt while it is imported\n"),
        ("import sys\n\nsys.exit(4)\n", 3, "SystemExit while it is imported: 4"),
        ("import perago\n\nperago.require_glob('a', min=1)\n", 3, "unexpected keyword argument 'min'"),
    ],
)
def test_whatever_a_module_raises_is_shown_at_its_own_line(
    module: ModuleMaker, capsys: pytest.CaptureFixture[str], source: str, place: int, words: str
) -> None:
    """The traceback has no frame of Perago or of the import machinery, and the problem has file and line."""
    name = module(source)
    assert main(["check", name]) == 1
    errors = capsys.readouterr().err
    assert f"{name}.py:{place}: error: module {name!r} raises" in errors
    assert words in errors
    assert "perago/cli" not in errors
    assert "importlib" not in errors


def test_a_circular_import_is_shown_as_such(module: ModuleMaker, capsys: pytest.CaptureFixture[str]) -> None:
    """Both modules are in the traceback, and Python's own words say what it is."""
    first = module("x = 1\n")
    second = module(f"from {first} import y\n")
    Path(f"{first}.py").write_text(f"import {second}\ny = 1\n")
    assert main(["check", first]) == 1
    errors = capsys.readouterr().err
    assert f"{second}.py:1: error" in errors
    assert "circular import" in errors


def test_a_modules_traceback_is_part_of_the_json(module: ModuleMaker, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json, all is in the one object: nothing goes to standard error."""
    name = module("1 / 0\n")
    assert main(["check", name, "--json"]) == 1
    printed = capsys.readouterr()
    answer = json.loads(printed.out)
    assert (answer["problems"][0]["line"], printed.err) == (1, "")
    assert answer["traceback"].startswith("Traceback")


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("f: 'Callable[[int], int]'", "params: no JSON schema of Params.f: Cannot generate a JsonSchema"),
        ("f: 'Nowhere'", "params: no JSON schema of Params.f: `Params` is not fully defined"),
    ],
)
def test_a_field_that_has_no_schema_is_named(
    module: ModuleMaker, capsys: pytest.CaptureFixture[str], field: str, words: str
) -> None:
    """A model that pydantic cannot describe is a problem of the task, with its field, not an internal traceback."""
    source = "from collections.abc import Callable\n" + GOOD.replace("    factor: int", f"    {field}\n    factor: int")
    name = module(source)
    assert main(["check", name]) == 1
    assert f"{name}.py:14: error: task 'text.repeat': {words}" in capsys.readouterr().err


def test_defaults_and_absences_are_described(module: ModuleMaker, capsys: pytest.CaptureFixture[str]) -> None:
    """A default factory, a model without fields, a description and no limits all have words of their own."""
    source = (
        GOOD.replace("    lines: int\n", "    pass\n")
        .replace("lines=lines", "")
        .replace("    factor: int", "    tags: list[str] = Field(default_factory=list)\n    factor: int")
    )
    source = source.replace("ExecutionLimits(concurrent_exec_limit=4)", "ExecutionLimits()")
    assert main(["check", module(source.replace('name="text', 'description="repeats", name="text'))]) == 0
    text = capsys.readouterr().out
    for words in ("\n  repeats\n", "tags: list[str] = list()", "result     no fields", "limits     none"):
        assert words in text


def test_paths_are_shown_from_here(module: ModuleMaker, capsys: pytest.CaptureFixture[str]) -> None:
    """A problem's file is named as seen from the current folder; with --json, in full."""
    name = module(BAD)
    main(["check", name])
    assert capsys.readouterr().err.startswith(f"{name}.py:9: error: ")
    main(["check", name, "--json"])
    assert json.loads(capsys.readouterr().out)["problems"][0]["file"] == str(Path.cwd() / f"{name}.py")
