"""Runs other programs, with output to a log file or a string, their last lines on failure, and no orphans.

The kernel sends each child SIGTERM when this process dies for any reason. No child uses a proxy for our own servers.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from weakref import WeakSet

from perago_dev.errors import CommandFailed, Stopped
from perago_dev.host import proxies
from perago_dev.host.stopping import check

TAIL_LINES = 25
_children: set[subprocess.Popen[bytes]] = set()
_stopped: WeakSet[subprocess.Popen[bytes]] = WeakSet()


def tied(command: Sequence[str]) -> list[str]:
    """`command` so that it gets SIGTERM when its parent ends; unchanged where util-linux is not installed."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--", *command] if setpriv else list(command)


def tail(text: str, lines: int = TAIL_LINES) -> str:
    """The last lines of `text`, without the blank ones."""
    return "\n".join([line for line in text.splitlines() if line.strip()][-lines:])


def _environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    return {**os.environ, **proxies.exempted(os.environ), **(extra or {})}


def _failure(command: Sequence[str], code: int, output: str, log: Path | None = None) -> CommandFailed:
    where = f" (full output: {log})" if log else ""
    return CommandFailed(f"{' '.join(command)[:300]}\nended with exit code {code}{where}:\n{tail(output)}")


def _started(command: Sequence[str], **settings: Any) -> "subprocess.Popen[bytes]":
    """The running child. Raises CommandFailed if the program is not installed, Stopped if nothing may start now."""
    check()
    if shutil.which(command[0]) is None:
        raise CommandFailed(f"{command[0]} is not installed")
    return subprocess.Popen(tied(command), **settings)


def _finish(process: "subprocess.Popen[bytes]", stdin: bytes | None) -> tuple[bytes, bytes]:
    """Wait for a child, which `stop_children` can stop in the meantime."""
    _children.add(process)
    try:
        written, complaints = process.communicate(stdin)
    finally:
        _children.discard(process)
    if process in _stopped:
        raise Stopped("stopped because another step failed")
    return written or b"", complaints or b""


def stop_children() -> None:
    """Ask every program that is running for another thread to stop; their callers see a failure."""
    for process in list(_children):
        _stopped.add(process)
        process.terminate()


def run(
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: bytes | None = None,
) -> None:
    """Run to the end with all output appended to `log`. Raises CommandFailed."""
    log.parent.mkdir(parents=True, exist_ok=True)
    source = subprocess.PIPE if stdin is not None else subprocess.DEVNULL
    with log.open("ab") as sink:
        begin = sink.tell()
        process = _started(command, stdin=source, stdout=sink, stderr=sink, env=_environment(env), cwd=cwd)
        _finish(process, stdin)
    if process.returncode:
        written = log.read_bytes()[begin:].decode(errors="replace")
        raise _failure(command, process.returncode, written, log)


def output(
    command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None, stdin: str | None = None
) -> str:
    """Standard output of a command that succeeds. Raises CommandFailed with what it wrote to standard error."""
    source = subprocess.PIPE if stdin is not None else subprocess.DEVNULL
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = _started(command, stdin=source, **pipes, env=_environment(env), cwd=cwd)
    written, complaints = _finish(process, None if stdin is None else stdin.encode())
    if process.returncode:
        raise _failure(command, process.returncode, (complaints or written).decode(errors="replace"))
    return written.decode()


def succeeds(command: Sequence[str], *, env: Mapping[str, str] | None = None, timeout: float | None = None) -> bool:
    """Whether the command ends with exit code 0 within `timeout` seconds; also False if it is not installed."""
    if shutil.which(command[0]) is None:
        return False
    try:
        done = subprocess.run(
            tied(command), stdin=subprocess.DEVNULL, capture_output=True, env=_environment(env), timeout=timeout
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
