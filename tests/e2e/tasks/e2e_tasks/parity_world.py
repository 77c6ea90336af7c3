"""What a body finds around its workspace: processes, a user, a home, a clock, a log; and how it fails."""

import getpass
import grp
import json
import locale
import logging
import multiprocessing
import os
import pwd
import socket
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import JsonValue

import perago
from e2e_tasks.parity_body import alone, body, changes_process


@changes_process
def working_folder(workspace: Path) -> JsonValue:
    os.chdir(workspace)
    Path("relative.txt").write_text("relative")
    return subprocess.run(["ls", "deep"], capture_output=True, text=True, check=True).stdout


@body
def threads(workspace: Path) -> JsonValue:
    started = [threading.Thread(target=(workspace / f"t{number}").write_text, args=("t",)) for number in range(8)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    return None


def _square(number: int) -> int:
    return number * number


@changes_process
def processes(workspace: Path) -> JsonValue:
    """A pool needs semaphores in /dev/shm, and pipes."""
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return pool.map(_square, range(5))


@changes_process
def shared_memory(workspace: Path) -> JsonValue:
    """More than the 64 MiB that containers usually get."""
    from multiprocessing import shared_memory as shared

    memory = shared.SharedMemory(create=True, size=80 << 20)
    assert memory.buf is not None
    try:
        memory.buf[:: 1 << 20] = bytes([1]) * 80
        memory.buf[-1] = 7
        return memory.buf[-1]
    finally:
        memory.close()
        memory.unlink()


@body
def user(workspace: Path) -> JsonValue:
    """Whatever the names are, there are some, and they agree."""
    name = getpass.getuser()
    account = pwd.getpwuid(os.getuid())
    return [
        os.environ["USER"] == os.environ["LOGNAME"] == name == account.pw_name,
        bool(grp.getgrgid(os.getgid()).gr_name),
        subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip() == name,
        (workspace / "data.csv").owner() == name,
    ]


@body
def home(workspace: Path) -> JsonValue:
    """Caches of matplotlib and others are below it."""
    cache = Path.home() / ".config" / "parity"
    cache.mkdir(parents=True)
    (cache / "fontlist.json").write_text("{}")
    return [Path("~").expanduser() == Path.home(), (cache / "fontlist.json").exists()]


@body
def host_name(workspace: Path) -> JsonValue:
    """The one body that has to differ, so that the comparison is known to notice."""
    (workspace / "data.csv").write_text(socket.gethostname())
    return socket.gethostname()


@body
def temporary_folder(workspace: Path) -> JsonValue:
    with tempfile.NamedTemporaryFile() as file:
        return [Path(file.name).parent == Path(tempfile.gettempdir()), os.environ["TMPDIR"] == tempfile.gettempdir()]


@body
def locale_and_encoding(workspace: Path) -> JsonValue:
    (workspace / "text.txt").write_text("grüße")
    shown = subprocess.run([sys.executable, "-c", "print('grüße')"], capture_output=True, check=True).stdout
    return [locale.getpreferredencoding(), sys.getfilesystemencoding(), shown.decode().strip()]


@changes_process
def time_zones(workspace: Path) -> JsonValue:
    return [_clock("XST-5:30"), _clock("Europe/Berlin"), time.strftime("%H:%M", time.gmtime(0))]


def _clock(zone: str) -> str:
    os.environ["TZ"] = zone
    time.tzset()
    return time.strftime("%H:%M %Z", time.localtime(0))


@body
def named_zones(workspace: Path) -> JsonValue:
    """Python reads the system's names, or those of the package tzdata."""
    summer = datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    return [summer.isoformat(), summer.astimezone(ZoneInfo("Asia/Kolkata")).isoformat()]


@changes_process
def own_logging(workspace: Path) -> JsonValue:
    logging.basicConfig(level=logging.DEBUG, format="MINE %(message)s")
    root = logging.getLogger()
    return [
        logging.getLevelName(root.level),
        [str(handler.formatter._fmt) for handler in root.handlers if handler.formatter],
    ]


@body
def mask_of_new_files(workspace: Path) -> JsonValue:
    (workspace / "plain").touch()
    (workspace / "folder").mkdir()
    return [oct((workspace / name).stat().st_mode & 0o777) for name in ("plain", "folder")]


@alone("COMPLETED")
def marker_spoiled(workspace: Path) -> JsonValue:
    (workspace / ".perago-attempt.json").write_text(json.dumps({"mine": True}))
    (workspace / "deep/.perago-attempt.json").write_text("an ordinary file here")
    return None


@alone("FAILED_WITH_TERMINAL_ERROR")
def terminal_error(workspace: Path) -> JsonValue:
    (workspace / "data.csv").unlink()
    raise perago.TaskTerminalError("the data cannot be used")


@alone("FAILED")
def missing_file(workspace: Path) -> JsonValue:
    return (workspace / "not-there.csv").read_text()
