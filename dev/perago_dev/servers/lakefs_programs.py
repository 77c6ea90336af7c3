"""Builds lakeFS and its command line, lakectl, from their pinned Go module.

The pins are `dev/lakefs-server/go.mod` and `go.sum`. It does not know where the programs will run.
"""

import re
from pathlib import Path

from perago_dev.errors import EnvironmentProblem
from perago_dev.host import cache, toolchain
from perago_dev.host.progress import step
from perago_dev.source import DEV

SOURCE = DEV / "lakefs-server"
MODULE = "github.com/treeverse/lakefs"
PACKAGES = (f"{MODULE}/cmd/lakefs", f"{MODULE}/cmd/lakectl")


def version() -> str:
    """The pinned version of lakeFS, e.g. `1.84.0`."""
    pin = re.search(rf"{MODULE} v(\S+)", (SOURCE / "go.mod").read_text())
    if pin is None:
        raise EnvironmentProblem(f"{SOURCE / 'go.mod'} does not pin {MODULE}")
    return pin[1]


def cached() -> Path:
    """The folder with `lakefs` and `lakectl`, built if it is not in the cache."""
    digest = cache.key(cache.tree_key(SOURCE, [SOURCE]), *PACKAGES)
    return cache.entry("lakefs", digest, _build)


def _build(folder: Path) -> None:
    flags = f"-s -w -X {MODULE}/pkg/version.Version={version()}"
    with step(f"building lakeFS {version()} from source", "about 5 minutes the first time, on 2 cores"):
        toolchain.build(folder, SOURCE, PACKAGES, flags, "lakefs")
