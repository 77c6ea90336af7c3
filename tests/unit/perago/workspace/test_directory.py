"""The attempt's directory: where it is, what marks it, how it is removed."""

import dataclasses
import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from perago import workspace as directory
from tests.unit.perago.kit import FakeAttempt, make_deep


def attempt(**changes: object) -> SimpleNamespace:
    return SimpleNamespace(**dataclasses.asdict(FakeAttempt()) | {"execution_id": "e1"} | changes)


def test_a_directory_is_named_after_task_and_execution(tmp_path: Path) -> None:
    """Values are made safe for a path; a missing one is an AttributeError that names it."""
    assert directory.attempt_workspace_dir(tmp_path, attempt(task_id="../t")) == tmp_path / "task_id=t-exec=e1"
    with pytest.raises(AttributeError, match="execution_id"):
        directory.attempt_workspace_dir(tmp_path, FakeAttempt())


def test_a_prepared_directory_has_its_marker_and_parents(tmp_path: Path) -> None:
    """The marker says whose the directory is, in the contract's fields."""
    owner = directory.WorkspaceOwner("w", 42, "token")
    path = directory.prepare_attempt_workspace(tmp_path / "a" / "b", attempt(), owner)
    marker = json.loads((path / directory.ATTEMPT_WORKSPACE_MARKER).read_text())
    assert marker.pop("started_at").startswith("20")
    assert marker == {
        "workflow_instance_id": "wf-1",
        "task_def_name": "features.build",
        "task_id": "task-1",
        "retry_count": 0,
        "execution_id": "e1",
        "owner_worker_id": "w",
        "owner_pid": 42,
        "owner_token": "token",
    }


def test_a_directory_must_not_exist_yet(tmp_path: Path) -> None:
    """Another execution's directory is never shared."""
    directory.prepare_attempt_workspace(tmp_path, attempt())
    with pytest.raises(FileExistsError):
        directory.prepare_attempt_workspace(tmp_path, attempt())


@pytest.mark.parametrize("error", [OSError(28, "No space left"), MemoryError(), KeyboardInterrupt(), SystemExit(1)])
def test_a_directory_whose_marker_cannot_be_written_is_not_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """A full disk, or an interruption just then, leaves no directory without a marker behind."""

    def failing(*_arguments: object) -> None:
        raise error

    monkeypatch.setattr(Path, "write_text", failing)
    with pytest.raises(type(error)):
        directory.prepare_attempt_workspace(tmp_path, attempt())
    assert list(tmp_path.iterdir()) == []


def test_a_marker_says_what_the_attempt_says(tmp_path: Path) -> None:
    """Only the directory's name needs attributes; others may be missing, or be nothing that JSON knows."""
    bare = SimpleNamespace(task_id="t", execution_id="e", retry_count=Path("7"))
    marker = json.loads(
        (directory.prepare_attempt_workspace(tmp_path, bare) / directory.ATTEMPT_WORKSPACE_MARKER).read_text()
    )
    assert (marker["task_def_name"], marker["retry_count"], marker["task_id"]) == (None, "7", "t")


def test_an_attempt_that_cannot_be_read_makes_no_directory(tmp_path: Path) -> None:
    """An attempt without an id, or one whose attributes raise, leaves nothing on the disk."""

    class Remote:
        task_id = execution_id = "t"

        @property
        def retry_count(self) -> int:
            raise OSError("connection lost")

    for unreadable, error in ((SimpleNamespace(execution_id="e"), AttributeError), (Remote(), OSError)):
        with pytest.raises(error):
            directory.prepare_attempt_workspace(tmp_path / "root", unreadable)
    assert list(tmp_path.iterdir()) == []


def test_folders_may_be_given_as_text(tmp_path: Path) -> None:
    """A root and a directory are taken as str, too."""
    path = directory.prepare_attempt_workspace(str(tmp_path), attempt())
    directory.cleanup_attempt_workspace(str(path))
    assert list(tmp_path.iterdir()) == []


def test_only_an_attempts_directory_is_removed(tmp_path: Path) -> None:
    """A directory that never was an attempt's, a file, and nothing at all are refused and left."""
    (tmp_path / "task_id=t-exec=e").mkdir()
    (tmp_path / "file").touch()
    for path in (tmp_path / "task_id=t-exec=e", tmp_path / "file", tmp_path / "absent"):
        with pytest.raises(FileNotFoundError, match="not an attempt's directory"):
            directory.cleanup_attempt_workspace(path)
    assert (tmp_path / "task_id=t-exec=e").is_dir()


def test_an_attempts_directory_is_removed_with_all_that_is_in_it(tmp_path: Path) -> None:
    """Also what a crashed process left, known by its marker alone; links are removed, not followed."""
    outside = tmp_path / "outside"
    outside.mkdir()
    left = tmp_path / "left"
    left.mkdir()
    (left / directory.ATTEMPT_WORKSPACE_MARKER).write_text("{}")
    (left / "link").symlink_to(outside)
    directory.cleanup_attempt_workspace(left)
    assert (left.exists(), outside.is_dir()) == (False, True)


def test_locked_folders_do_not_keep_a_directory(tmp_path: Path) -> None:
    """A body that takes its own rights away from folders is cleaned up after."""
    path = directory.prepare_attempt_workspace(tmp_path, attempt())
    (path / "a" / "b").mkdir(parents=True)
    (path / "a" / "b" / "f").touch()
    (path / "a" / "b").chmod(0)
    (path / "a").chmod(0)
    directory.cleanup_attempt_workspace(path)
    assert not path.exists()


def test_a_refused_removal_goes_on_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the plain way is refused, as to a user without root's rights, each folder is unlocked and emptied."""
    path, outside = directory.prepare_attempt_workspace(tmp_path, attempt()), tmp_path / "outside"
    outside.mkdir(mode=0o750)
    (path / "a" / "b" / "c").mkdir(parents=True)
    (path / "a" / "b" / "door").symlink_to(outside)
    (path / "a" / "b").chmod(0)

    def refusing(_tree: Path) -> None:
        raise PermissionError("locked")

    monkeypatch.setattr("perago.workspace.directory.shutil.rmtree", refusing)
    directory.cleanup_attempt_workspace(path)
    assert (path.exists(), outside.stat().st_mode & 0o777) == (False, 0o750)


def test_a_removal_that_failed_half_way_can_be_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory whose marker is gone already is still known to have been an attempt's."""
    path = directory.prepare_attempt_workspace(tmp_path, attempt())

    def failing(tree: Path) -> None:
        (tree / directory.ATTEMPT_WORKSPACE_MARKER).unlink(missing_ok=True)
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr("perago.workspace.directory.shutil.rmtree", failing)
        broken.setattr("perago.workspace.directory._remove_flattened", failing)
        assert directory.cleanup_attempt_workspace_safely(path, attempt()) is False
    assert directory.cleanup_attempt_workspace_safely(path, attempt()) is True
    assert directory.cleanup_attempt_workspace_safely(path, attempt()) is False


@pytest.mark.parametrize("name", ["d", "deep"])
def test_no_tree_is_too_deep_to_be_removed(tmp_path: Path, name: str) -> None:
    """Neither the stack nor the longest path of the system is a limit: a body can make deeper trees than both."""
    path = directory.prepare_attempt_workspace(tmp_path, attempt())
    make_deep(path, name)
    directory.cleanup_attempt_workspace(path)
    assert list(tmp_path.iterdir()) == []


def test_safe_cleanup_says_whether_the_directory_is_gone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What goes wrong is logged with its traceback and not raised."""
    path = directory.prepare_attempt_workspace(tmp_path, attempt())
    assert directory.cleanup_attempt_workspace_safely(path, attempt()) is True
    assert directory.cleanup_attempt_workspace_safely(path, attempt()) is False
    assert directory.cleanup_attempt_workspace_safely(path, object()) is False
    assert "FileNotFoundError" in caplog.text


def test_owners_differ_and_are_known_while_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each owner has its own token; registering and unregistering are idempotent."""
    monkeypatch.setenv("PERAGO_WORKER_ID", "from-environment")
    one, two = directory.new_workspace_owner("w"), directory.new_workspace_owner()
    assert (one.worker_id, two.worker_id, one.pid) == ("w", "from-environment", os.getpid())
    assert one.token != two.token
    directory.register_active_workspace_owner(one)
    directory.register_active_workspace_owner(one)
    assert directory.active_workspace_owner_tokens() == {one.token}
    directory.unregister_active_workspace_owner(one)
    directory.unregister_active_workspace_owner(one)
    assert directory.active_workspace_owner_tokens() == frozenset()


def test_a_deep_tree_is_walked(tmp_path: Path) -> None:
    """Three hundred levels do not cause recursion."""
    path = tmp_path.joinpath(*["d"] * 300)
    path.mkdir(parents=True)
    (path / "f").touch()
    assert list(directory.scan(tmp_path)) == ["d/" * 300 + "f"]
