"""Runs tests in a forked process that sees one module with a fault in it. No file is changed.

Everything that costs time to import and is not under test is imported before the fork, once.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType

import aiohttp  # noqa: F401 - imported before the fork, as are the others
import hypothesis  # noqa: F401
import kopf  # noqa: F401
import lakefs_sdk  # noqa: F401
import loguru  # noqa: F401
import pydantic  # noqa: F401
import pytest
import pytest_asyncio  # noqa: F401

from tests.mutants.mutant import ROOT, SOURCES, Mutant

HANG_SECONDS = 120.0
"""A fault may make a test wait forever; nothing here takes a tenth of this."""
UNDER_TEST = ("perago", "perago_operator")
PYTEST_FLAGS = ("-q", "-x", "--no-header", "-p", "no:cacheprovider", "-p", "no:randomly")


@dataclass(frozen=True)
class Trial:
    """A process at work on one mutant, or (None) on the sources as they are."""

    pid: int
    mutant: Mutant | None
    tests: tuple[str, ...]
    deadline: float

    def ended(self) -> int | None:
        """The exit code once it is over: pytest's own, or the negative number of a signal. None while it runs."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > self.deadline:
            os.kill(self.pid, signal.SIGKILL)
        return None


def start(mutant: Mutant | None, tests: tuple[str, ...], log: Path) -> Trial:
    """Fork a process that runs the tests; what they print goes to `log`."""
    assert not any(name.split(".")[0] in UNDER_TEST for name in sys.modules), "imported before the fault was in"
    source = mutant.source() if mutant else None
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        os._exit(_run(mutant, source, tests, log))
    return Trial(pid, mutant, tests, time.monotonic() + HANG_SECONDS)


def _run(mutant: Mutant | None, source: str | None, tests: Sequence[str], log: Path) -> int:
    try:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        for stream in (1, 2):
            os.dup2(descriptor, stream)
        os.chdir(ROOT)
        if mutant is not None and source is not None:
            sys.meta_path.insert(0, _Faulty(mutant, source))
        return int(pytest.main([*PYTEST_FLAGS, *(f"tests/unit/{test}" for test in tests)]))
    except BaseException:  # noqa: BLE001 - a fault that keeps even the import from working was noticed
        return 1


class _Faulty(importlib.abc.MetaPathFinder):
    """Finds one module, with a fault."""

    def __init__(self, mutant: Mutant, source: str) -> None:
        self._mutant = mutant
        self._source = source

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec of the faulty module; None for every other."""
        if fullname != self._mutant.module:
            return None
        loader = _Loader(fullname, str(self._mutant.path), self._source)
        return importlib.util.spec_from_file_location(fullname, self._mutant.path, loader=loader)


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, fullname: str, path: str, source: str) -> None:
        super().__init__(fullname, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        """The faulty source, compiled; never from or to a cache."""
        return compile(self._source, self.path, "exec")


def sources_on_path() -> None:
    """The packages under test come from this checkout."""
    sys.path[:0] = [str(ROOT), *map(str, SOURCES)]
