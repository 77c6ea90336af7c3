"""The task container's log: Perago's lines, and an author's logging as in any script."""

import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

from perago.result import JsonObject
from perago.run import ended
from perago.taskside.log import log_our_own
from tests.unit.perago.kit import idle, task_of

BEGIN = """
import logging, sys
from perago.taskside.log import log_our_own
log_our_own()
"""


def logged(script: str) -> str:
    """What a process of its own writes to standard error: logging is the process's."""
    command = [sys.executable, "-c", BEGIN + script]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stderr


def test_the_authors_basic_config_takes_effect() -> None:
    """Level and format are theirs, as when the module is run by `perago run`."""
    text = logged(
        'logging.basicConfig(level="DEBUG", format="MINE %(message)s"); logging.getLogger("x").debug("hello")'
    )
    assert text == "MINE hello\n"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ('logging.getLogger("x").warning("plain")', "plain\n"),
        (
            'from loguru import logger; logger.remove(); logger.add(sys.stderr, format="{message}"); logger.info("l")',
            "l\n",
        ),
        ('print("printed", file=sys.stderr)', "printed\n"),
    ],
)
def test_what_the_author_writes_arrives_as_it_is(script: str, said: str) -> None:
    """logging without any configuration, loguru, and print."""
    assert logged(script) == said


@pytest.fixture
def own_log(capfd: pytest.CaptureFixture[str]) -> Iterator[logging.Logger]:
    """Perago's logger as the task side sets it up; put back afterwards."""
    log = logging.getLogger("perago")
    level, propagate, handlers = log.level, log.propagate, list(log.handlers)
    log_our_own()
    yield log
    log.setLevel(level)
    log.propagate, log.handlers = propagate, handlers


def test_what_perago_logs_is_written_once(own_log: logging.Logger, capfd: pytest.CaptureFixture[str]) -> None:
    """The handlers of the root logger, which are the author's, do not get it a second time."""
    theirs = logging.StreamHandler(sys.__stderr__)
    logging.getLogger().addHandler(theirs)
    try:
        own_log.info("ours")
    finally:
        logging.getLogger().removeHandler(theirs)
    assert [line.split(" ", 2)[2] for line in capfd.readouterr().err.splitlines()] == ["INFO perago: ours"]


def test_a_traceback_shows_the_authors_frames_alone(own_log: logging.Logger, capfd: pytest.CaptureFixture[str]) -> None:
    """The frames that led to the body say nothing to its author."""

    def body() -> JsonObject:
        raise KeyError("b")

    ended(task_of(idle), 500, body)
    lines = [line.strip() for line in capfd.readouterr().err.splitlines()]
    frames = [line.split(", ")[-1] for line in lines if line.startswith("File ")]
    assert frames == ["in body"]
    assert lines[-1] == "KeyError: 'b'"
