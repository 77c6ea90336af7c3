"""The task container's log: Perago's lines, and an author's logging as in any script."""

import subprocess
import sys
from pathlib import Path

import pytest

BEGIN = """
import logging, sys
from perago.taskside.log import log_our_own
log_our_own()
"""
AUTHOR = """
import perago
from pydantic import BaseModel

class Params(BaseModel):
    n: int

class Result(BaseModel):
    n: int

def helper(n: int) -> int:
    return [][n]

@perago.task(name="t", owner_email="a@example.com")
def body(params: Params) -> Result:
    return Result(n=helper(params.n))
"""
FAIL = """
from functools import partial
from perago.run import Stopwatch, ended, run_without_workspace
from author import body
definition = body.__perago_task__
ended(definition, 500, partial(run_without_workspace, definition, {"params": {"n": 3}}, Stopwatch()))
"""


def logged(script: str, folder: Path | None = None) -> str:
    """What a process of its own writes to standard error: logging is the process's."""
    command = [sys.executable, "-c", BEGIN + script]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60, cwd=folder).stderr


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


def test_what_perago_logs_is_written_once() -> None:
    """Also when the author has configured the root logger, whose handlers do not repeat it."""
    text = logged('logging.basicConfig(format="MINE %(message)s"); logging.getLogger("perago").info("ours")')
    assert text.endswith("INFO perago: ours\n")
    assert text.count("ours") == 1


def test_a_traceback_shows_the_authors_frames_alone(tmp_path: Path) -> None:
    """The frames that led to the body say nothing to its author."""
    (tmp_path / "author.py").write_text(AUTHOR)
    lines = [line.strip() for line in logged(FAIL, tmp_path).splitlines()]
    frames = [line.split(", ")[-1] for line in lines if line.startswith("File ")]
    assert frames == ["in body", "in helper"]
    assert lines[-1] == "IndexError: list index out of range"
