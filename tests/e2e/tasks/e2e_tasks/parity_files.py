"""What people do to the files that were downloaded."""

import os
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from pathlib import Path

from pydantic import JsonValue

from e2e_tasks.parity_body import alone, body


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


@alone("COMPLETED")
def git_commit(workspace: Path) -> JsonValue:
    """The workspace is a repository, which git refuses when it belongs to somebody else."""
    (workspace / "data.csv").write_text("committed")
    when = {f"GIT_{who}_DATE": "2026-01-01T00:00:00Z" for who in ("AUTHOR", "COMMITTER")}
    who = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
    for command in (["add", "data.csv"], ["commit", "--quiet", "--message", "from a body"], ["rev-parse", "HEAD"]):
        done = subprocess.run(
            ["git", "-C", workspace, *who, *command], env=os.environ | when, capture_output=True, text=True, check=False
        )
        if done.returncode:
            return done.stderr
    return done.stdout


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
    """`cp -p` onto a downloaded file sets mode, owner and times."""
    with tempfile.TemporaryDirectory() as scratch:
        command = ["cp", "-p", str(_new(Path(scratch))), str(workspace / "data.csv")]
        return subprocess.run(command, check=False).returncode


@body
def rsync_archive(workspace: Path) -> JsonValue:
    """`rsync -a` replaces what differs by a temporary file, and sets modes, owners and times, those of folders too."""
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copytree(workspace, scratch, dirs_exist_ok=True)
        Path(scratch, "deep/er/file.txt").write_text("synchronised")
        Path(scratch, "tool.sh").chmod(0o750)
        Path(scratch, "data.csv").unlink()
        for changed in (Path(scratch, "deep/er/file.txt"), Path(scratch)):
            os.utime(changed, (1, 2))  # rsync compares seconds: these are of another one than the workspace's
        command = ["rsync", "-a", "--delete", "--itemize-changes", f"{scratch}/", f"{workspace}/"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [done.returncode, done.stdout, done.stderr]


@body
def edit_in_place(workspace: Path) -> JsonValue:
    command = ["sed", "-i", "s/1/one/", str(workspace / "data.csv")]
    return subprocess.run(command, check=False).returncode
