"""The wheel and the source distribution, as hatchling makes them: it writes no time but SOURCE_DATE_EPOCH."""

import sys
from pathlib import Path

from perago_dev.artifacts.plan import Commit
from perago_dev.host import commands


def make(tree: Path, commit: Commit, folder: Path) -> None:
    """Write both into the folder, from the files of the commit in `tree`."""
    build = [
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "--target",
        "wheel",
        "--target",
        "sdist",
        "--directory",
        str(folder),
    ]
    commands.output(build, env={"SOURCE_DATE_EPOCH": str(commit.moment)}, cwd=tree)
