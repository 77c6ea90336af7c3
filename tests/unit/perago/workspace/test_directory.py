"""The attempt's directory: where it lies, what marks it, how it goes."""

import dataclasses
import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from perago import workspace as directory
from tests.unit.perago.kit import FakeAttempt


def attempt(**changes: object) -> SimpleNamespace:
    return SimpleNamespace(**dataclasses.asdict(FakeAttempt()) | {"execution_id": "e1"} | changes)


def test_a_directory_is_named_after_task_and_execution(tmp_path: Path) -> None:
    """Values are made safe for a path; a missing one is an AttributeError that names it."""
    assert directory.attempt_workspace_dir(tmp_path, attempt(task_id="../t")) == tmp_path / "task_id=t-exec=e1"
    with pytest.raises(AttributeError, match="execution_id"):
        directory.attempt_workspace_dir(tmp_path, FakeAttempt())  # type: ignore[arg-type]


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


def test_a_directory_whose_marker_cannot_be_written_is_not_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk leaves no directory without a marker behind."""

    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        directory.prepare_attempt_workspace(tmp_path, attempt())
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


def test_locked_folders_are_unlocked_for_removal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A removal that is refused is tried once more after the owner's rights were given back."""
    path = directory.prepare_attempt_workspace(tmp_path, attempt())
    (path / "a").mkdir(mode=0)
    plain, refusals = shutil.rmtree, [PermissionError("locked")]

    def refusing_once(tree: Path) -> None:
        if refusals:
            raise refusals.pop()
        assert (path / "a").stat().st_mode & 0o700 == 0o700
        plain(tree)

    monkeypatch.setattr("perago.workspace.directory.shutil.rmtree", refusing_once)
    directory.cleanup_attempt_workspace(path)
    assert not path.exists()


def test_safe_cleanup_says_whether_the_directory_is_gone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What goes wrong is logged with its traceback and not raised."""
    path = directory.prepare_attempt_workspace(tmp_path, attempt())
    assert directory.cleanup_attempt_workspace_safely(path, attempt()) is True
    assert directory.cleanup_attempt_workspace_safely(path, attempt()) is False
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
    """Three hundred levels are no recursion."""
    path = tmp_path.joinpath(*["d"] * 300)
    path.mkdir(parents=True)
    (path / "f").touch()
    assert list(directory.scan(tmp_path)) == ["d/" * 300 + "f"]
