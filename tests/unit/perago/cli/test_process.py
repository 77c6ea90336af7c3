"""The process around a command: standard output is the answer alone, and a signal ends it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from perago.cli import main
from perago.cli.process import STOPPING, stoppable
from tests.unit.perago.cli.conftest import ModuleMaker

NOISY = """
import os, subprocess, sys
import perago
from pydantic import BaseModel

def noise():
    print("printed")
    sys.stdout.write("written\\n")
    os.write(1, b"raw\\n")
    subprocess.run(["echo", "child"])

class Params(BaseModel):
    pass

noise()

@perago.task(name="noisy", owner_email="a@example.org")
def body(params: Params) -> Params:
    noise()
    return params
"""


@pytest.fixture(autouse=True)
def default_handlers() -> Iterator[None]:
    """Signals as in the foreground of a shell: background jobs of a script start with some of them ignored."""
    before = {number: signal.getsignal(number) for number in STOPPING}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def empty_input(tmp_path: Path) -> str:
    """A payload without parameters."""
    (tmp_path / "in.json").write_text('{"params": {}}')
    return str(tmp_path / "in.json")


@pytest.mark.parametrize("command", ["check", "extract", "extract --kubernetes --image x", "run --input in.json"])
def test_standard_output_is_the_answer_alone(
    module: ModuleMaker, empty_input: str, capfd: pytest.CaptureFixture[str], command: str
) -> None:
    """Whatever the module, its body and its child processes print goes to standard error."""
    assert main([*command.split(), module(NOISY), "--json"]) == 0
    printed = capfd.readouterr()
    assert json.loads(printed.out)["ok"] is True
    for words in ("printed", "written", "raw", "child"):
        assert printed.err.count(words) == (2 if command.startswith("run") else 1)


@pytest.mark.parametrize("closing", ["os.close(1)", "sys.stdout.close()", "os.close(2)", "sys.stdout = None"])
def test_a_body_that_closes_its_output_does_not_close_ours(module: ModuleMaker, tmp_path: Path, closing: str) -> None:
    """The answer is still printed, the body's failure in it."""
    source = NOISY.replace("    noise()\n    return", f"    {closing}\n    raise KeyError('gone')\n    return")
    (tmp_path / "in.json").write_text('{"params": {}}')
    command = [sys.executable, "-m", "perago.cli", "run", module(source), "--input", "in.json", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout)["result"]["reasonForIncompletion"] == "'gone'"


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_ends_the_command(
    module: ModuleMaker, empty_input: str, capsys: pytest.CaptureFixture[str], name: str, code: int
) -> None:
    """The attempt core takes it for the body's own failure, yet there is no result: the exit code is the signal's."""
    source = NOISY.replace(
        "    noise()\n    return", f"    import signal; signal.raise_signal(signal.{name})\n    return"
    )
    before = signal.getsignal(signal.SIGTERM)
    assert main(["run", module(source), "--input", empty_input]) == code
    printed = capsys.readouterr()
    assert (printed.out, f"perago: stopped by {name}" in printed.err) == ("", True)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_body_that_goes_on_after_a_signal_is_stopped_all_the_same(module: ModuleMaker, empty_input: str) -> None:
    """At its end, at the latest."""
    source = NOISY.replace(
        "    noise()\n    return",
        "    import contextlib, signal\n    with contextlib.suppress(KeyboardInterrupt):\n"
        "        signal.raise_signal(signal.SIGINT)\n    return",
    )
    assert main(["run", module(source), "--input", empty_input]) == 130


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_that_was_ignored_at_the_start_stays_ignored(module: ModuleMaker, empty_input: str, name: str) -> None:
    """Ctrl-C in a terminal is not meant for a script's background jobs, and `nohup` and `trap ''` are obeyed."""
    source = NOISY.replace(
        "    noise()\n    return", f"    import signal; signal.raise_signal(signal.{name})\n    return"
    )
    signal.signal(signal.Signals[name], signal.SIG_IGN)
    assert main(["run", module(source), "--input", empty_input]) == 0


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 7)])
def test_a_forked_child_of_the_author_takes_signals_as_without_perago(sent: signal.Signals, code: int) -> None:
    """SIGTERM ends it, as an exception would be lost in a pool of processes; Ctrl-C is Python's; the parent goes on."""
    ready, waiting = os.pipe()
    with stoppable():
        child = os.fork()
        if child == 0:
            try:
                os.write(waiting, b".")
                while True:  # `signal.pause` would miss a signal that came just before it
                    time.sleep(0.1)
            except KeyboardInterrupt:
                os._exit(7)
            finally:
                os._exit(0)
        os.read(ready, 1)
        os.kill(child, sent)
        _, status = os.waitpid(child, 0)
    os.close(ready)
    os.close(waiting)
    assert os.waitstatus_to_exitcode(status) == code


def test_a_signal_that_reaches_a_forked_child_at_once_is_not_lost() -> None:
    """Python forgets what arrives before the child has come to itself; on one processor the parent is quicker."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        with stoppable():
            assert {_code_of_a_child_killed_at_once() for _ in range(20)} == {-signal.SIGTERM}
    finally:
        os.sched_setaffinity(0, allowed)


def _code_of_a_child_killed_at_once() -> int:
    child = os.fork()
    if child == 0:
        time.sleep(1)
        os._exit(0)
    os.kill(child, signal.SIGTERM)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_forked_child_keeps_the_handler_that_its_author_set() -> None:
    """Children inherit it as without Perago, and it stays the parent's as well."""
    with stoppable():
        signal.signal(signal.SIGTERM, lambda *_: os._exit(9))
        assert _code_of_a_child_that_raises(signal.SIGTERM) == 9


def _code_of_a_child_that_raises(number: signal.Signals) -> int:
    child = os.fork()
    if child == 0:
        try:
            signal.raise_signal(number)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_signal_while_the_module_is_imported_is_no_problem_of_the_module(
    module: ModuleMaker, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command ends without a message about the module."""
    assert main(["check", module("import signal\nsignal.raise_signal(signal.SIGINT)\n")]) == 130
    assert capsys.readouterr().err == "perago: stopped by SIGINT\n"


def test_a_reader_that_goes_away_is_no_error(module: ModuleMaker, tmp_path: Path) -> None:
    """`perago extract … | head` ends without a traceback: here the pipe is closed before the command writes."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "perago.cli", "extract", module(NOISY.replace("noise()\n\n@", "@"))]
    done = subprocess.run(command, cwd=tmp_path, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """On standard output, with exit code 0."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("perago 0.")
