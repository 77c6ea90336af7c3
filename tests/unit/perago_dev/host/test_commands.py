"""Other programs: their output, their failures, and their end when they are not wanted any more."""

import threading
from pathlib import Path

import pytest

from perago_dev.errors import CommandFailed, Stopped
from perago_dev.host import commands
from perago_dev.host.stopping import stopping
from perago_dev.host.together import together


def test_output_is_what_the_program_wrote() -> None:
    """Standard input goes in, standard output comes back."""
    assert commands.output(["cat"], stdin="words") == "words"


def test_failure_carries_command_code_and_last_words() -> None:
    """The error says what ran, how it ended and what it said."""
    with pytest.raises(CommandFailed, match=r"(?s)sh -c.*exit code 3.*no luck"):
        commands.output(["sh", "-c", "echo no luck >&2; exit 3"])


def test_failure_shows_only_its_own_part_of_the_log(tmp_path: Path) -> None:
    """A log that is appended to holds older runs, which are not shown."""
    log = tmp_path / "log"
    commands.run(["echo", "older"], log=log)
    with pytest.raises(CommandFailed) as failed:
        commands.run(["sh", "-c", "echo newer; false"], log=log)
    assert "newer" in str(failed.value)
    assert "older" not in str(failed.value)


def test_absent_program_does_not_succeed() -> None:
    """A program that is not installed is a no, not an error."""
    assert not commands.succeeds(["no-such-program-at-all"])


def test_slow_program_does_not_succeed() -> None:
    """A program that takes longer than it may is a no."""
    assert not commands.succeeds(["sleep", "60"], timeout=0.05)


def test_first_failure_stops_the_others_and_is_the_one_raised() -> None:
    """The block waits for a long step, and raises the failure of another, which is the cause."""
    running = threading.Event()

    def wait_long() -> str:
        running.set()
        return commands.output(["sleep", "600"])

    def fail() -> None:
        running.wait()
        with together() as inner:
            inner.start(lambda: commands.output(["sh", "-c", "sleep 0.2; echo the cause >&2; exit 1"]))

    def both() -> None:
        with together() as group:
            long = group.start(wait_long)
            group.start(fail)
            long()

    with pytest.raises(CommandFailed, match="the cause"):
        both()


def test_stopped_is_a_failure_of_a_command() -> None:
    """Who catches failures of commands catches those that were stopped, too."""
    assert issubclass(Stopped, CommandFailed)


def test_nothing_begins_while_steps_are_stopped() -> None:
    """A thread that goes on to its next program finds that it is not wanted any more."""
    with stopping(), pytest.raises(Stopped):
        commands.output(["true"])
    assert commands.output(["echo", "again"]) == "again\n"


def test_absent_program_is_named() -> None:
    """A program that is not installed is a failure that names it."""
    with pytest.raises(CommandFailed, match="no-such-program is not installed"):
        commands.output(["no-such-program"])
