"""Kinds of files and trees that people leave in a workspace."""

import errno
import mmap
import os
import socket
import sqlite3
import tempfile
from pathlib import Path

from pydantic import JsonValue

from e2e_tasks.parity_body import alone, body, changes_process


@body
def memory_map_read_then_written(workspace: Path) -> JsonValue:
    with open(workspace / "map.bin", "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        before = memory[0]
        memory[0] = 255
        memory.flush()
    return before


@body
def memory_map_only_written(workspace: Path) -> JsonValue:
    with open(workspace / "map.bin", "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        memory[4096:4100] = b"page"
    return None


@body
def sqlite_file(workspace: Path) -> JsonValue:
    with sqlite3.connect(workspace / "base.sqlite") as base:
        base.execute("pragma journal_mode=wal")
        base.execute("create table t (n)")
        base.executemany("insert into t values (?)", [(number,) for number in range(100)])
    base.close()
    return [*sorted(path.name for path in workspace.glob("base.sqlite*"))]


@body
def hard_link(workspace: Path) -> JsonValue:
    os.link(workspace / "data.csv", workspace / "linked.csv")
    (workspace / "linked.csv").write_text("both")
    return (workspace / "data.csv").read_text()


@alone("FAILED")
def symlinks_left(workspace: Path) -> JsonValue:
    for name in ("latest", "newest"):
        (workspace / name).symlink_to("data.csv")
    return None


@body
def symlinks_removed(workspace: Path) -> JsonValue:
    (workspace / "latest").symlink_to("data.csv")
    (workspace / "latest").write_text("through the link")
    (workspace / "latest").unlink()
    return None


@body
def read_only_file(workspace: Path) -> JsonValue:
    path = workspace / "data.csv"
    path.write_text("read-only")
    path.chmod(0o400)
    try:
        path.open("w").close()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "written"


@body
def read_only_folder(workspace: Path) -> JsonValue:
    (workspace / "locked").mkdir()
    (workspace / "locked/file").write_text("kept")
    (workspace / "locked").chmod(0o500)
    try:
        (workspace / "locked/more").touch()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "written"


@body
def private_file(workspace: Path) -> JsonValue:
    descriptor, name = tempfile.mkstemp(dir=workspace, prefix="private", suffix="")
    os.close(descriptor)
    os.rename(name, workspace / "private")  # noqa: PTH104 - as above
    return oct((workspace / "private").stat().st_mode & 0o777)


@alone("FAILED")
def closed_files_left(workspace: Path) -> JsonValue:
    for name in ("closed-a", "closed-b"):
        (workspace / name).touch(0o200)
    return None


@body
def thousands_of_files(workspace: Path) -> JsonValue:
    for number in range(2000):
        path = workspace / f"many/{number % 20}/{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return None


@body
def deep_tree(workspace: Path) -> JsonValue:
    folder = workspace / "/".join("d" * 10 for _ in range(60))
    folder.mkdir(parents=True)
    (folder / "bottom").write_text("deep")
    return None


@body
def odd_names(workspace: Path) -> JsonValue:
    names = [
        " leading",
        "trailing ",
        "ümläut",
        "e\u0301",
        "é",
        "tab\tname",
        "quote'\"",
        "#%?&=+;,@!$()[]{}~",
        "-rf",
        "😀",
    ]
    for name in [*names, ".hidden", "a" * 255, "back`tick", "new\nline"]:
        (workspace / name).write_text("odd")
    return None


@alone("FAILED")
def impossible_name(workspace: Path) -> JsonValue:
    Path(os.fsdecode(os.fsencode(workspace) + b"/\xff\xfe")).touch()
    return None


@body
def sparse_file(workspace: Path) -> JsonValue:
    with open(workspace / "sparse", "wb") as file:
        file.seek(32 << 20)
        file.write(b"end")
    return (workspace / "sparse").stat().st_size


@body
def empty_folders(workspace: Path) -> JsonValue:
    (workspace / "empty/er").mkdir(parents=True)
    return None


@changes_process
def special_files(workspace: Path) -> JsonValue:
    os.mkfifo(workspace / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        os.chdir(workspace)
        listener.bind("socket")
    return None
