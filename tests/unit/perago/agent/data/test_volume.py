"""The tree on the volume: nothing in it leads the agent out of it; space is counted."""

import errno
import os
from pathlib import Path

import pytest

from perago.agent.data import volume
from perago.agent.data.volume import AttemptVolume, Space, Tree, UnreadableFile, VolumeFull
from perago.attempt import TaskExecutionContext
from perago.errors import TaskInputError
from perago.wire import CurrentAttempt

ATTEMPT = CurrentAttempt(
    status="IN_PROGRESS", task_type="t", workflow_instance_id="w", task_id="t", reference_task_name="r", seq=1
)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    (tmp_path / "root").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "key").write_text("secret")
    return Tree(str(tmp_path / "root"))


def write(tree: Tree, path: str, data: bytes = b"x") -> None:
    descriptor = tree.create(path)
    volume.write_all(descriptor, memoryview(data), path)
    os.close(descriptor)


def test_files_are_made_with_their_folders(tree: Tree, tmp_path: Path) -> None:
    """And may be read again."""
    write(tree, "a/b/c", b"content")
    assert (tmp_path / "root/a/b/c").read_bytes() == b"content"
    descriptor = tree.open_for_reading("a/b/c")
    assert os.read(descriptor, 100) == b"content"
    os.close(descriptor)


@pytest.mark.parametrize("path", ["link", "folder/key"])
def test_no_symlink_is_followed(tree: Tree, tmp_path: Path, path: str) -> None:
    """Neither as the file nor on the way, for reading and for writing."""
    (tmp_path / "root/link").symlink_to("../outside/key")
    (tmp_path / "root/folder").symlink_to("../outside")
    with pytest.raises(TaskInputError, match="symlink"):
        tree.open_for_reading(path)
    with pytest.raises(TaskInputError):
        tree.create(path)
    assert (tmp_path / "outside/key").read_text() == "secret"


def test_a_file_that_is_there_is_not_written_over(tree: Tree, tmp_path: Path) -> None:
    """The agent makes every file itself; one that is there was put there by the task."""
    (tmp_path / "root/f").write_text("the task's")
    with pytest.raises(TaskInputError, match="'f'"):
        tree.create("f")
    assert (tmp_path / "root/f").read_text() == "the task's"


def test_a_folder_that_is_made_meanwhile_is_used(tmp_path: Path) -> None:
    """Two downloads may need it at the same time."""
    root = os.open(tmp_path, os.O_RDONLY)
    for _ in range(2):
        volume._make_folder(root, "folder")
    os.close(root)
    assert (tmp_path / "folder").is_dir()


def test_a_write_that_the_system_cuts_short_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until every byte is written."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:3]))
    descriptor = os.open(tmp_path / "f", os.O_WRONLY | os.O_CREAT)
    volume.write_all(descriptor, memoryview(b"ten bytes."), "f")
    os.close(descriptor)
    assert (tmp_path / "f").read_bytes() == b"ten bytes."


def test_the_manifest_lies_beside_the_workspace(tmp_path: Path) -> None:
    """Each execution has its own, and none is published."""
    first, second = (
        AttemptVolume(tmp_path, TaskExecutionContext(ATTEMPT, execution_id), 0) for execution_id in ("u-1", "u-2")
    )
    assert first.manifest.parent == second.manifest.parent == tmp_path
    assert first.manifest != second.manifest


def test_only_regular_files_are_read(tree: Tree, tmp_path: Path) -> None:
    """A pipe would hang, a folder has no bytes."""
    os.mkfifo(tmp_path / "root/pipe")
    (tmp_path / "root/folder").mkdir()
    for path in ("pipe", "folder"):
        with pytest.raises(TaskInputError, match=path):
            tree.open_for_reading(path)


@pytest.mark.parametrize(("first", "second"), [("a", "a/b"), ("a/b", "a")])
def test_a_file_and_a_folder_by_one_name_are_told(tree: Tree, first: str, second: str) -> None:
    """In either order the second is named."""
    write(tree, first)
    with pytest.raises(TaskInputError, match=second):
        tree.create(second)


def test_a_missing_file_is_named(tree: Tree) -> None:
    """What the task says it changed must be there."""
    with pytest.raises(TaskInputError, match="'gone'"):
        tree.open_for_reading("gone")


def test_a_root_that_is_a_symlink_is_refused(tmp_path: Path) -> None:
    """The attempt's directory is made by the task."""
    (tmp_path / "real").mkdir()
    (tmp_path / "root").symlink_to("real")
    with pytest.raises(TaskInputError, match="attempt directory"):
        Tree(str(tmp_path / "root"))


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.EACCES, UnreadableFile),
        (errno.ENOSPC, VolumeFull),
        (errno.EDQUOT, VolumeFull),
        (errno.ELOOP, TaskInputError),
        (errno.ENAMETOOLONG, TaskInputError),
    ],
)
def test_each_error_of_the_file_system_has_a_meaning(number: int, kind: type[Exception]) -> None:
    """And names the file."""
    error = volume._meaning(OSError(number, "why"), "a/b")
    assert type(error) is kind
    assert "'a/b'" in str(error)


def test_space_ends_at_the_volumes_size() -> None:
    """The object that no longer fits is named, with the size."""
    space = Space(limit=10, free=1000)
    space.plan(10, "a")
    with pytest.raises(VolumeFull, match=r"10 bytes.*'b'"):
        space.plan(1, "b")


def test_space_ends_at_what_is_free() -> None:
    """Also when the volume's size is not known."""
    with pytest.raises(VolumeFull, match="free"):
        Space(limit=0, free=5).plan(6, "a")
