"""A folder of task modules to which the command is pointed."""

import itertools
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

GOOD = '''
from pathlib import Path
from pydantic import BaseModel, Field
import perago

class Params(BaseModel):
    factor: int = Field(2, description="what lines are repeated by")

class Report(BaseModel):
    lines: int

@perago.task(
    name="text.repeat",
    owner_email="a@example.org",
    workspace=perago.WorkspaceSpec(prefix="/texts", pre=[perago.require_glob("*.txt")]),
    controls=perago.TaskControls(limits=perago.ExecutionLimits(concurrent_exec_limit=4)),
)
def repeat(workspace: Path, params: Params) -> Report:
    """Repeats every text."""
    lines = 0
    for path in sorted(workspace.glob("*.txt")):
        text = path.read_text() * params.factor
        lines += text.count("\\n")
        path.write_text(text)
    return Report(lines=lines)
'''

_numbers = itertools.count()

ModuleMaker = Callable[[str], str]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleMaker:
    """Writes a module with this source and returns its import path; never the same one twice."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(source: str = GOOD) -> str:
        name = f"perago_sample_{next(_numbers)}"
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
        return name

    return make


@pytest.fixture
def good(module: ModuleMaker) -> str:
    """A module with one writable task."""
    return module(GOOD)
