"""A whole workspace against a whole listing."""

from pathlib import Path

import pytest

import perago
from perago import WorkspaceDownloadFile, WorkspaceUploadFile

DATA = perago.WorkspaceSpec(prefix="data")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "b").mkdir()
    (tmp_path / "empty").mkdir()
    for name, text in {"b/x": "12", "b.txt": "3", ".perago-attempt.json": "{}"}.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_uploads_are_all_files_sorted_by_object_path(root: Path) -> None:
    """Files under the prefix's name; no marker, no empty directory."""
    assert perago.workspace_upload_files(DATA, root) == [
        WorkspaceUploadFile(root / "b.txt", "data/b.txt"),
        WorkspaceUploadFile(root / "b/x", "data/b/x"),
    ]


def test_a_symlink_cannot_be_published(root: Path) -> None:
    """Whatever it points to, the error names it."""
    (root / "b" / "link").symlink_to("x")
    with pytest.raises(perago.TaskInputError, match="'b/link' is a symlink"):
        perago.workspace_upload_files(DATA, root)


def test_downloads_are_the_objects_below_the_prefix(root: Path) -> None:
    """Siblings with the prefix's letters and the marker are left out; sorted by object path."""
    objects = ["data/z", "data2/a", "data/a/b", "data/.perago-attempt.json", "other"]
    assert perago.workspace_download_files(DATA, root, objects) == [
        WorkspaceDownloadFile("data/a/b", root / "a/b"),
        WorkspaceDownloadFile("data/z", root / "z"),
    ]


def test_a_listing_that_no_tree_can_hold_is_refused(root: Path) -> None:
    """Before anything is written, naming the object."""
    with pytest.raises(perago.TaskInputError, match="'data/a/b'"):
        perago.workspace_download_files(DATA, root, ["data/a", "data/a/b"])


def test_deletes_are_the_objects_whose_files_are_gone(root: Path) -> None:
    """Only below the prefix, never the marker's."""
    objects = ["data/b/x", "data/gone", "data/also/gone", "data2/x", "data/.perago-attempt.json"]
    assert perago.workspace_delete_object_paths(DATA, root, objects) == ["data/also/gone", "data/gone"]


def test_a_plan_knows_its_size(root: Path) -> None:
    """Uploads and deletes together, and the bytes to travel."""
    plan = perago.build_workspace_sync_plan(DATA, root, ["data/gone", "data/b.txt"])
    assert (plan.changed_object_count, plan.upload_bytes) == (3, 3)
    assert (len(plan.upload_files), plan.delete_object_paths) == (2, ["data/gone"])


def test_a_plan_for_the_whole_repository_has_plain_paths(root: Path) -> None:
    """With the root as prefix, object paths are file paths."""
    files = perago.workspace_upload_files(perago.WorkspaceSpec(), root)
    assert [file.object_path for file in files] == ["b.txt", "b/x"]
