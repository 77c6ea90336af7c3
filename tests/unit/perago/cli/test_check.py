"""`perago check`: what is declared, and every problem with its place."""

import json

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
        ("app.tasks:features", "not an import path"),
        ("no_such_module_here", "there is no module 'no_such_module_here'"),
    ],
)
def test_a_target_that_is_no_module_gets_a_hint(
    module: ModuleMaker, capsys: pytest.CaptureFixture[str], target: str, words: str
) -> None:
    """A file's path, a .py name, an entry point and an unknown module are told apart, and exit 1."""
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


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("x = 1\n", "declares none"),
        (GOOD + GOOD.replace("text.repeat", "text.other").replace("def repeat", "def other"), "'text.other', 'text.re"),
    ],
)
def test_zero_or_two_tasks_are_refused(
    module: ModuleMaker, capsys: pytest.CaptureFixture[str], source: str, words: str
) -> None:
    """A module without a task or with two says which it declares."""
    assert main(["check", module(source)]) == 1
    assert words in capsys.readouterr().err


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


def test_a_timeout_that_conductor_refuses_is_a_warning(module: ModuleMaker, capsys: pytest.CaptureFixture[str]) -> None:
    """A response time-out above the whole time-out is warned about; Conductor would not register it."""
    source = GOOD.replace("TaskControls(", "TaskControls(timeout=perago.TimeoutPolicy(seconds=60), ")
    assert main(["check", module(source)]) == 0
    assert "response_seconds=600 above seconds=60" in capsys.readouterr().out
