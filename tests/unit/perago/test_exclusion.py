"""What is never published: the patterns of .gitignore, and nothing that excludes by mistake."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import perago
from perago.exclusion import exclusion
from tests.unit.perago.kit import Outcome, Params, World, run_attempt

PATTERNS = ["scratch", "cache/", "*.tmp", "!keep.tmp", "/top.log", "runs/latest", "a/**/z"]


@pytest.mark.parametrize(
    ("path", "excluded"),
    [
        ("scratch", True),
        ("deep/scratch/x/y", True),
        ("scratch2", False),
        ("cache/x", True),
        ("deep/cache/x", True),
        ("cache", False),
        ("deep/x.tmp", True),
        ("deep/keep.tmp", False),
        ("scratch/keep.tmp", False),
        ("top.log", True),
        ("deep/top.log", False),
        ("runs/latest", True),
        ("runs/latest/x", True),
        ("deep/runs/latest", False),
        ("a/b/c/z", True),
        ("a/z", True),
        ("z", False),
    ],
)
def test_a_pattern_means_what_it_means_in_gitignore(path: str, excluded: bool) -> None:
    """At any depth unless it has a slash, folders with all that is in them; the last match counts, in folders too."""
    assert exclusion(PATTERNS)(path) is excluded


@pytest.mark.parametrize("pattern", ["", "  ", "a\nb", "a\0", "#x", "!", "a\\", "foo[", "/", 7])
def test_what_excludes_nothing_is_refused_by_name(pattern: Any) -> None:
    """Where it is declared, not after the body has worked."""
    with pytest.raises(perago.TaskDefinitionError) as caught:
        perago.WorkspaceSpec(exclude=["*.tmp", pattern])
    assert repr(pattern) in str(caught.value)


def test_patterns_are_a_list() -> None:
    """A single pattern would be taken for its letters."""
    with pytest.raises(perago.TaskDefinitionError, match="exclude must be a list of patterns"):
        perago.WorkspaceSpec(exclude="*.tmp")  # type: ignore[arg-type]


def test_a_declaration_without_patterns_loads_no_library() -> None:
    """It would be a tenth of the import."""
    code = "import perago, sys; perago.WorkspaceSpec(); print('pathspec' in sys.modules)"
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "False\n"


def excluding_task(exclude: list[str], *names: str) -> perago.TaskDefinition:
    """A task whose body writes these files, changes and deletes `in.txt`, and leaves a symlink to the newest."""

    def body(workspace: Path, params: Params) -> Outcome:
        for name in names:
            (workspace / name).parent.mkdir(exist_ok=True)
            (workspace / name).write_text("new")
        (workspace / "latest").symlink_to("out.txt")
        return Outcome(count=0)

    spec = perago.WorkspaceSpec(exclude=exclude)
    return perago.task(name="excluding", owner_email="a@example.org", workspace=spec)(body).__perago_task__


def test_what_is_excluded_is_no_change(tmp_path: Path) -> None:
    """Neither a scratch file, nor a changed file that the repository has, nor a symlink."""
    world = World(files={"in.txt": "old", "old.tmp": "old"})
    task = excluding_task(["*.tmp", "scratch/", "latest"], "out.txt", "scratch/x", "old.tmp")
    assert run_attempt(task, tmp_path, world).status == "COMPLETED"
    changes = world.executions[0].changes
    assert changes is not None
    assert (changes.added, changes.modified, changes.deleted) == (("out.txt",), (), ())


def test_an_attempt_that_changed_only_what_is_excluded_has_changed_nothing(tmp_path: Path) -> None:
    """No branch is made, and the output names the input ref."""
    world = World()
    assert run_attempt(excluding_task(["*"], "out.txt", "in.txt"), tmp_path, world).status == "COMPLETED"
    assert "stage" not in world.calls
