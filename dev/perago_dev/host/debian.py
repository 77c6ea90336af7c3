"""Debian root file systems, built with debootstrap, for the node image and the product's images."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from perago_dev.host import commands

SUITE = "bookworm"
PACKAGES_OF = f"{SUITE} 2026-11"
"""Part of the key of every image made here: raise the month to have all machines take Debian's current packages.

Debian's mirrors hold one version of each package, so a month is what can be pinned; until it is raised an image stays.
"""
_NOT_KEPT = ("var/cache/apt/archives", "var/lib/apt/lists", "var/log")


def bootstrap(root: Path, packages: Sequence[str], log: Path, architecture: str = "") -> None:
    """Fill the empty folder `root` with a minimal Debian and `packages`. Needs root. Raises CommandFailed.

    Another architecture than this machine's, as Debian calls it, needs a machine that can run its programs.
    """
    options = [f"--include={','.join(packages)}", *([f"--arch={architecture}"] if architecture else [])]
    commands.run(["debootstrap", "--variant=minbase", *options, SUITE, str(root)], log=log)
    for name in _NOT_KEPT:
        for left in (root / name).iterdir():
            if left.is_dir():
                shutil.rmtree(left)
            else:
                left.unlink()
