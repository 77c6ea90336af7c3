"""Debian root file systems made with debootstrap: the ground of the node image and of the product's images."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from perago_dev import commands

SUITE = "bookworm"
_NOT_KEPT = ("var/cache/apt/archives", "var/lib/apt/lists", "var/log")


def bootstrap(root: Path, packages: Sequence[str], log: Path) -> None:
    """Fill the empty folder `root` with a minimal Debian and `packages`. As root. Raises CommandFailed."""
    include = f"--include={','.join(packages)}"
    commands.run(["debootstrap", "--variant=minbase", include, SUITE, str(root)], log=log)
    for name in _NOT_KEPT:
        for left in (root / name).iterdir():
            if left.is_dir():
                shutil.rmtree(left)
            else:
                left.unlink()
