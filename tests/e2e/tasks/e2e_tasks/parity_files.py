"""What people do to the files of a workspace."""

import errno
import mmap
import os
import shutil
import socket
import sqlite3
import subprocess
import tarfile
import tempfile
import zipfile
from pathlib import Path

from pydantic import JsonValue

from e2e_tasks.parity_body import BODIES, body

__all__ = ["BODIES"]


def _new(folder: Path, text: str = "new") -> Path:
    path = folder / "elsewhere.txt"
    path.write_text(text)
    return path


@body
def copy_onto(workspace: Path) -> JsonValue:
    with tempfile.TemporaryDirectory() as scratch:
        return Path(shutil.copy(_new(Path(scratch)), workspace / "data.csv")).name


@body
def copy2_onto(workspace: Path) -> JsonValue:
    with tempfile.TemporaryDirectory() as scratch:
        os.utime(_new(Path(scratch)), (1, 2))
        shutil.copy2(Path(scratch, "elsewhere.txt"), workspace / "data.csv")
    return (workspace / "data.csv").stat().st_mtime


@body
def copytree_onto(workspace: Path) -> JsonValue:
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copytree(workspace / "deep", Path(scratch, "deep"))
        Path(scratch, "deep/er/file.txt").write_text("from a copy")
        shutil.copytree(Path(scratch, "deep"), workspace / "deep", dirs_exist_ok=True)
    return None


@body
def chmod_downloaded(workspace: Path) -> JsonValue:
    (workspace / "tool.sh").chmod(0o750)
    done = subprocess.run([workspace / "tool.sh"], capture_output=True, text=True, check=True)
    return [oct((workspace / "tool.sh").stat().st_mode), done.stdout]


@body
def utime_downloaded(workspace: Path) -> JsonValue:
    os.utime(workspace / "data.csv", ns=(10**18, 10**18))
    return (workspace / "data.csv").stat().st_mtime_ns


@body
def owns_everything(workspace: Path) -> JsonValue:
    """What git asks before it works in a repository."""
    return all(path.lstat().st_uid == os.geteuid() for path in [workspace, *workspace.rglob("*")])


@body
def touch_only(workspace: Path) -> JsonValue:
    for path in ("data.csv", "deep/er/file.txt"):
        (workspace / path).touch()
    return None


@body
def rewrite_the_same(workspace: Path) -> JsonValue:
    path = workspace / "data.csv"
    path.write_bytes(path.read_bytes())
    return None


@body
def rewrite_with_old_times(workspace: Path) -> JsonValue:
    path = workspace / "data.csv"
    facts, text = path.stat(), path.read_text()
    path.write_text(text.swapcase())
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    return path.stat().st_size == facts.st_size


@body
def replace_by_temporary(workspace: Path) -> JsonValue:
    with tempfile.NamedTemporaryFile(dir=workspace, delete=False) as file:
        file.write(b"atomically")
    os.replace(file.name, workspace / "data.csv")  # noqa: PTH105 - what most people write
    return oct((workspace / "data.csv").stat().st_mode & 0o777)


@body
def rename_tree(workspace: Path) -> JsonValue:
    (workspace / "deep").rename(workspace / "renamed")
    return [*sorted(path.name for path in (workspace / "renamed").rglob("*"))]


@body
def move_between_file_systems(workspace: Path) -> JsonValue:
    with tempfile.TemporaryDirectory() as scratch:
        shutil.move(workspace / "data.csv", scratch)
        shutil.move(Path(scratch, "data.csv"), workspace / "moved.csv")
    return (workspace / "moved.csv").read_text()


@body
def delete_tree(workspace: Path) -> JsonValue:
    shutil.rmtree(workspace / "deep")
    return None


@body
def file_takes_a_folders_place(workspace: Path) -> JsonValue:
    shutil.rmtree(workspace / "deep")
    (workspace / "deep").write_text("a file now")
    return None


@body
def folder_takes_a_files_place(workspace: Path) -> JsonValue:
    (workspace / "data.csv").unlink()
    (workspace / "data.csv").mkdir()
    (workspace / "data.csv/part-0").write_text("0")
    return None


@body
def untar(workspace: Path) -> JsonValue:
    """With the program, which sets modes and times of what it replaces."""
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch, "a.tar")
        subprocess.run(["tar", "-C", workspace, "-cf", archive, "deep", "data.csv"], check=True)
        (workspace / "data.csv").write_text("overwritten by tar")
        return subprocess.run(["tar", "-C", workspace, "-xpf", archive], check=False).returncode


@body
def extract_with_python(workspace: Path) -> JsonValue:
    with tempfile.TemporaryDirectory() as scratch:
        with tarfile.open(Path(scratch, "a.tgz"), "w:gz") as archive:
            archive.add(_new(Path(scratch)), "data.csv")
        with tarfile.open(Path(scratch, "a.tgz")) as archive:
            archive.extract("data.csv", workspace)
    return (workspace / "data.csv").read_text()


@body
def unzip(workspace: Path) -> JsonValue:
    with zipfile.ZipFile(workspace / "a.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo("deep/er/file.txt"), "from a zip")
    with zipfile.ZipFile(workspace / "a.zip") as archive:
        archive.extractall(workspace)
    return None


@body
def copy_program_preserves(workspace: Path) -> JsonValue:
    """`cp -p` onto a downloaded file sets mode, owner and times, as `rsync -a` does."""
    with tempfile.TemporaryDirectory() as scratch:
        command = ["cp", "-p", str(_new(Path(scratch))), str(workspace / "data.csv")]
        return subprocess.run(command, check=False).returncode


@body
def edit_in_place(workspace: Path) -> JsonValue:
    command = ["sed", "-i", "s/1/one/", str(workspace / "data.csv")]
    return subprocess.run(command, check=False).returncode


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


@body
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


@body
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


@body
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


@body
def special_files(workspace: Path) -> JsonValue:
    os.mkfifo(workspace / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        os.chdir(workspace)
        listener.bind("socket")
    return None
