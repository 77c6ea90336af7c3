"""What git knows of this checkout, and a folder with the files of a commit and nothing else."""

import tempfile
from pathlib import Path

from perago_dev.artifacts.plan import Commit
from perago_dev.host import commands
from perago_dev.source import REPOSITORY


def _git(*arguments: str) -> str:
    return commands.output(["git", "-C", str(REPOSITORY), *arguments])


def head() -> Commit:
    """The commit that is checked out."""
    return Commit(
        id=_git("rev-parse", "HEAD").strip(),
        moment=int(_git("show", "--no-patch", "--format=%ct", "HEAD")),
        pyproject=_git("show", "HEAD:pyproject.toml"),
        chart=_git("show", "HEAD:charts/perago/Chart.yaml"),
        changelog=_git("show", "HEAD:CHANGELOG.md"),
    )


def uncommitted() -> tuple[str, ...]:
    """The files that differ from the commit, or that are neither in it nor ignored."""
    return tuple(row[3:] for row in _git("status", "--porcelain").splitlines())


def export(commit: Commit, folder: Path) -> None:
    """Write the files of the commit into a folder, with its time."""
    with tempfile.NamedTemporaryFile(suffix=".tar") as archive:
        _git("archive", "--format=tar", f"--output={archive.name}", commit.id)
        commands.output(["tar", "-C", str(folder), "-xf", archive.name])
