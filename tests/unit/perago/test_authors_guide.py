"""The author's guide holds what it says: its modules are written, its commands run, its snippets executed."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import perago
from perago.errors import TaskDefinitionError
from perago.taskside.invalid import invalid_task
from tests.unit.perago.kit import Outcome, Params, World, idle, payload, run_attempt, task_of, writing

GUIDE = Path(__file__).parents[3] / "docs" / "authors-guide.md"
FENCE = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = FENCE.findall(GUIDE.read_text())
SNIPPETS = [text for kind, file, text in BLOCKS if kind == "python" and not file]
CONSOLES = [text for kind, _, text in BLOCKS if kind == "console"]
PYTHON = "".join(text for kind, _, text in BLOCKS if kind == "python")
STATUS = dict(re.findall(r"^\| (.+?) \| `(\w+)`[^|]*\|", GUIDE.read_text(), re.MULTILINE))
DECLARING = (perago.WorkspaceSpec, perago.TaskControls, perago.RetryPolicy, perago.TimeoutPolicy)
LIMITING = (perago.ExecutionLimits, perago.PublishBudget)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reader's folder, with every file of the guide."""
    folder = tmp_path_factory.mktemp("guide")
    for _, file, text in BLOCKS:
        if file:
            (folder / file).write_text(text)
    return folder


def run(command: str, folder: Path) -> str:
    """What a command prints in the reader's folder; `perago` is this interpreter's."""
    shown = re.sub(r"^perago ", f"{sys.executable} -m perago.cli ", command)
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(shown, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def steps(console: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with what it is said to print."""
    parts = re.split(r"^\$ (.*)\n", console, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def test_commands_print_what_the_guide_says(folder: Path) -> None:
    """One after the other, line by line; a last line of dots stands for the rest."""
    for command, said in (step for console in CONSOLES for step in steps(console)):
        printed = run(command, folder)
        if said.endswith("...\n"):
            assert printed.startswith(said.removesuffix("...\n")), command
        else:
            assert printed == said, command


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
def test_snippets_run(snippet: str) -> None:
    """Each declaration of the guide is accepted, and its assertions hold."""
    prelude = "import perago\nfrom pathlib import Path\nfrom pydantic import BaseModel, Field\n"
    exec(compile(prelude + snippet, str(GUIDE), "exec"), {"__name__": "guide"})


def test_the_tests_of_the_guide_pass(folder: Path) -> None:
    """The reader's own pytest run is green."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


@pytest.mark.parametrize("made", [*DECLARING, *LIMITING], ids=lambda made: made.__name__)
def test_every_field_of_a_declaration_has_an_example(made: type) -> None:
    """Each value that an author may give is given in some example."""
    fields = inspect.signature(made).parameters
    assert [name for name in fields if f"{name}=" not in PYTHON] == []
    assert f"perago.{made.__name__}(" in PYTHON


GUARDRAILS = ("require_file", "require_dir", "require_glob", "forbid_glob")


@pytest.mark.parametrize("name", [*GUARDRAILS, "TaskFailed", "TaskTerminalError"])
def test_every_guardrail_and_failure_has_an_example(name: str) -> None:
    """So have the functions that declare and the exceptions that a body raises."""
    assert f"perago.{name}(" in PYTHON


@pytest.mark.parametrize("field", ["name", "owner_email", "description", "workspace", "controls"])
def test_every_field_of_a_task_has_an_example(field: str) -> None:
    """As the decorator takes it."""
    assert re.search(rf"@perago\.task\(((?!\ndef ).)*\b{field}=", PYTHON, re.DOTALL)


def raising(error: BaseException) -> perago.TaskDefinition:
    """A task whose body raises."""

    def body(_workspace: Path, _params: Params) -> Outcome:
        raise error

    return task_of(body)


ABSENT = perago.require_file("absent")
ENDINGS = [
    ("the body returned a valid result", task_of(writing), {}, {}),
    ("`TaskFailed`, or any other exception", raising(perago.TaskFailed("x")), {}, {}),
    ("`TaskFailed`, or any other exception", raising(KeyError("x")), {}, {}),
    ("`TaskTerminalError`", raising(perago.TaskTerminalError("x")), {}, {}),
    ("params that the model refuses", task_of(idle), {"count": "many"}, {}),
    ("`pre` guardrail", task_of(idle, pre=[ABSENT]), {}, {}),
    ("`post` guardrail", task_of(idle, post=[ABSENT]), {}, {}),
    ("the target branch moved on", task_of(writing), {}, {"fail_at": {"publish": perago.PublishFenceError("x")}}),
    ("the target branch moved on", task_of(writing), {}, {"stale_from_fence": 1}),
]


@pytest.mark.parametrize(("row", "task", "params", "world"), ENDINGS, ids=range(len(ENDINGS)))
def test_attempts_end_as_the_table_says(
    row: str, task: perago.TaskDefinition, params: dict[str, Any], world: dict[str, Any], tmp_path: Path
) -> None:
    """The status in the guide's row is the core's."""
    (said,) = (status for what, status in STATUS.items() if what.startswith(row))
    assert run_attempt(task, tmp_path, World(**world), payload(**params)).status == said


def test_an_unusable_module_ends_as_the_table_says() -> None:
    """A retry would find the same module."""
    (said,) = (status for what, status in STATUS.items() if what.startswith("the module is missing"))
    assert invalid_task(TaskDefinitionError("x")).status == said
