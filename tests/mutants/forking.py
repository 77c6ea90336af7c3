"""Runs a suite in a process of its own, which forks once per mutant where the faulty module is first imported.

Whatever comes before that import (pytest, its plugins, modules that do not need the faulty one) is done once for all
mutants of a suite; libraries are imported once for all suites. No file is changed: a forked process gets the module
from a loader with the faulty source, and the first process goes on with the module as it is.
"""

import ctypes
import gc
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import select
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Final

import pytest

from tests.mutants.mutant import ROOT, SOURCES, Mutant
from tests.mutants.suite import HUNG, PASSED, Suite, Trial, Verdict, verdict_of

LIBRARIES: Final = (
    "aiohttp.web",
    "hypothesis.strategies",
    "kopf",
    "kubernetes.client",
    "kubernetes.config",
    "lakefs_sdk.api.refs_api",
    "loguru",
    "prometheus_client",
    "pydantic",
    "pytest_asyncio",
    "xdist.remote",
)
"""What takes long to import and is not under test."""
UNDER_TEST: Final = ("perago", "perago_operator")
HANG_SECONDS: Final = 60.0
"""After this, tests count as hanging: no selection of them takes a tenth of it. Time without a processor is free."""
PYTEST_FLAGS: Final = (
    "-q",
    "-x",
    "--no-header",
    "--tb=native",  # the others parse the test's source
    "--assert=plain",
    "--capture=sys",  # in memory: the forked processes must not share a file
    "-p",
    "no:cacheprovider",
)
PR_SET_PDEATHSIG: Final = 1


def prepare(cache: Path) -> None:
    """Import the libraries, and let the packages under test come from this checkout; to be called once, first.

    What they compile to is kept in the folder `cache`, so that it is compiled once whatever the environment says.
    """
    sys.path[:0] = [str(ROOT), *map(str, SOURCES)]
    for library in LIBRARIES:
        importlib.import_module(library)
    assert not any(name.split(".")[0] in UNDER_TEST for name in sys.modules), "imported before a fault can be in it"
    sys.dont_write_bytecode, sys.pycache_prefix = False, str(cache)
    gc.freeze()


def start(suite: Suite, folder: Path) -> int:
    """Fork a process that runs the suite; its results and logs go to the folder. Returns its process id."""
    return _fork() or os._exit(_run(suite, folder))


def trials_of(suite: Suite, folder: Path, code: int) -> list[Trial]:
    """What the process of a suite has found; `code` is its exit code."""
    trials = [_trial(suite, mutant, folder / f"{number}") for number, mutant in enumerate(suite.mutants)]
    if code != PASSED:
        trials.append(Trial(None, suite.tests, Verdict.RED, 0.0, _log(folder / "log")))
    return trials


def _trial(suite: Suite, mutant: Mutant, result: Path) -> Trial:
    if not result.exists():
        return Trial(mutant, suite.tests, Verdict.UNCLEAR, 0.0, "the tests could not be started")
    code, seconds = json.loads(result.read_text())
    hang = f"the tests were ended after {HANG_SECONDS:.0f} s: they wait without an end for what the fault prevents\n"
    return Trial(
        mutant, suite.tests, verdict_of(code), seconds, hang * (code == HUNG) + _log(result.with_suffix(".log"))
    )


def _log(log: Path) -> str:
    return log.read_text(errors="replace")[-3000:] if log.exists() else ""


def _fork() -> int:
    """`os.fork`; the new process ends with this one."""
    sys.stdout.flush()
    if pid := os.fork():
        return pid
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    gc.freeze()  # pytest collects garbage at its end: only what is new is looked at
    return 0


def _run(suite: Suite, folder: Path) -> int:
    """pytest's exit code, of the suite's own process and of each that it forks."""
    tests = (f"tests/unit/{test}" for test in suite.tests)
    try:
        folder.mkdir()
        _print_to(folder / "log")
        os.chdir(ROOT)
        forking = _ForkingFinder(suite, folder)
        sys.meta_path.insert(0, forking)
        return int(pytest.main([*PYTEST_FLAGS, f"--basetemp={folder / 'tmp'}", *tests], plugins=[forking]))
    except BaseException as error:  # noqa: BLE001 - the edge of a forked process, which must not go on as its parent
        sys.stderr.write(f"{error!r}\n")
        return int(pytest.ExitCode.INTERNAL_ERROR)


def _print_to(log: Path) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for stream in (1, 2):
        os.dup2(descriptor, stream)


class _ForkingFinder(importlib.abc.MetaPathFinder):
    """Finds the faulty module in the forked processes; in the suite's own process it finds nothing, but forks them.

    As a plugin of pytest it sees to it that they are forked before the first test runs, also where a test would import
    the module: what a test has begun, its temporary directory for example, cannot be shared.
    """

    def __init__(self, suite: Suite, folder: Path) -> None:
        self._suite = suite
        self._folder = folder
        self._done = False

    def pytest_collection_finish(self) -> None:
        """All test modules are imported."""
        importlib.import_module(self._suite.module)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec of the faulty module, or None for every other and without a fault."""
        if fullname != self._suite.module or self._done:
            return None
        self._done = True
        for number, mutant in enumerate(self._suite.mutants):
            if self._is_forked(self._folder / f"{number}"):
                return _faulty(mutant)
        return None if self._suite.baseline else os._exit(PASSED)

    def _is_forked(self, result: Path) -> bool:
        """True in a new process. In this one False, once that has ended and its result is written."""
        if pid := _fork():
            result.write_text(json.dumps(ended(pid)))
            return False
        _print_to(result.with_suffix(".log"))
        return True


def ended(pid: int) -> tuple[int, float]:
    """Wait for a process; its exit code and the seconds of CPU time that it and its processes took.

    The code is the negative number of the signal where one ended it, also for a hang.
    """
    descriptor, began = os.pidfd_open(pid), time.monotonic()
    try:
        while not select.select([descriptor], [], [], 1.0)[0]:
            if time.monotonic() - began - _seconds_without_a_processor(pid) > HANG_SECONDS:
                os.kill(pid, signal.SIGKILL)
    finally:
        os.close(descriptor)
    _, status, usage = os.wait4(pid, 0)
    return os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime


def _seconds_without_a_processor(pid: int) -> float:
    """How long the process could have run and was not let, so that a busy machine is not taken for a hang."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except OSError:  # it has just ended, or this kernel does not count
        return 0.0


def _faulty(mutant: Mutant) -> importlib.machinery.ModuleSpec | None:
    loader = _Loader(mutant.module, str(mutant.path), mutant.source())
    return importlib.util.spec_from_file_location(mutant.module, mutant.path, loader=loader)


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, fullname: str, path: str, source: str) -> None:
        super().__init__(fullname, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        """The faulty source, compiled; never from or to a cache."""
        return compile(self._source, self.path, "exec")
