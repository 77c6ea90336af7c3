"""Logs go to standard error, and no key goes with them."""

import json
import logging
from collections.abc import Iterator

import pytest
from loguru import logger

from perago_operator import logs, settings


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    handlers = logging.root.handlers[:]
    yield
    logging.root.handlers[:] = handlers
    logger.remove()


def configure(**given: str) -> None:
    """Configure logging from variables."""
    variables = {"PERAGO_RUNNER_IMAGE": "x"} | {f"PERAGO_{name.upper()}": value for name, value in given.items()}
    logs.configure(settings.read(variables))


def test_text_has_a_time_in_utc_and_a_level(capsys: pytest.CaptureFixture[str]) -> None:
    """A line each."""
    configure()
    logger.warning("watch out")
    line = capsys.readouterr().err
    assert line.split()[0].endswith("Z")
    assert "WARNING" in line
    assert line.endswith("watch out\n")


def test_json_is_an_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """For log collectors."""
    configure(log_json="true")
    logger.info("hello")
    assert json.loads(capsys.readouterr().err)["record"]["message"] == "hello"


def test_what_is_less_severe_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    """The level of the settings."""
    configure(log_level="ERROR")
    logger.warning("not so bad")
    assert capsys.readouterr().err == ""


def test_libraries_log_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    """With their name before the message."""
    configure()
    logging.getLogger("kopf.reactor").error("%s broke", "something")
    assert "kopf.reactor: something broke" in capsys.readouterr().err


def test_a_traceback_shows_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    """A variable may hold a key."""
    configure()
    secret = "".join(("hid", "den"))
    try:
        raise ValueError(f"{len(secret)} characters")
    except ValueError:
        logger.exception("failed")
    text = capsys.readouterr().err
    assert "6 characters" in text
    assert "hidden" not in text
