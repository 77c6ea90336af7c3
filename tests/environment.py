"""The environment beside the tests: when it is up, and that nobody restarts its servers under a test that uses them."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from perago_dev import environment
from perago_dev.environment import DEFAULT_NAME, Environment
from perago_dev.host.locks import exclusive, shared

UP = "PERAGO_ENV_UP"
"""Names a file that holds the exit code of `up` once it has ended; unset where the environment was up before."""


def name() -> str:
    """The environment that `PERAGO_ENV` names, once it is up; the test fails when `up` has failed."""
    if path := os.environ.get(UP):
        while not Path(path).exists():
            time.sleep(0.2)
        code = Path(path).read_text().strip()
        if code != "0":
            text = f"the environment did not come up: `up` ended with {code}, see what it printed"
            pytest.fail(text, pytrace=False)
    return os.environ.get("PERAGO_ENV", DEFAULT_NAME)


def of_this_run() -> Environment | None:
    """The environment that has been brought up for this run of all tests, if this is one."""
    return environment.load(name()) if UP in os.environ else None


@contextmanager
def undisturbed(tmp_path_factory: pytest.TempPathFactory, testrun_uid: str, *, alone: bool = False) -> Iterator[None]:
    """In this block no test of another worker restarts the servers; `alone`: nor does any rely on them."""
    lock = tmp_path_factory.getbasetemp().parent / f"environment-{testrun_uid}.lock"
    with exclusive(lock, "the environment's servers") if alone else shared(lock):
        yield
