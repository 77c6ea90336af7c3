"""A whole workspace against a whole listing."""

from pathlib import Path, PurePosixPath

import pytest

import perago
from perago import WorkspaceDownloadFile, WorkspaceUploadFile
from perago.workspace import refuse_unreadable

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
    assert perago.workspace_upload_files(root, DATA) == [
        WorkspaceUploadFile(root / "b.txt", "data/b.txt"),
        WorkspaceUploadFile(root / "b/x", "data/b/x"),
    ]


def test_symlinks_cannot_be_published(root: Path) -> None:
    """Whatever they point to, the error names them, all of them at once, and what to do."""
    (root / "b" / "link").symlink_to("x")
    with pytest.raises(perago.TaskInputError, match=r"^'b/link' is a symlink.*: remove it, or leave it out with "):
        perago.workspace_upload_files(root, DATA)
    (root / "a-link").symlink_to("/")
    with pytest.raises(perago.TaskInputError, match=r"^'a-link'; 'b/link' are symlinks"):
        perago.workspace_upload_files(root, DATA)


def test_files_closed_to_their_owner_cannot_be_published(root: Path) -> None:
    """The mode decides, also for root, who could read them; a file that only its owner can read is published."""
    for name, mode in (("private", 0o600), ("closed", 0o077), ("b/closed", 0)):
        (root / name).touch()
        (root / name).chmod(mode)
    refuse_unreadable(root, ["private"])
    with pytest.raises(perago.TaskInputError, match=r"^'closed'; 'b/closed' cannot be published"):
        refuse_unreadable(root, ["private", "closed", "b/closed"])


def test_downloads_are_the_objects_below_the_prefix(root: Path) -> None:
    """Siblings with the prefix's letters and the marker are left out; sorted by object path."""
    objects = ["data/z", "data2/a", "data/a/b", "data/.perago-attempt.json", "other"]
    assert perago.workspace_download_files(root, DATA, objects) == [
        WorkspaceDownloadFile("data/a/b", root / "a/b"),
        WorkspaceDownloadFile("data/z", root / "z"),
    ]


def test_downloads_are_absolute_whatever_the_workspace_is_written_like(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative folder, and one given as text, name the same files."""
    monkeypatch.chdir(root.parent)
    (file,) = perago.workspace_download_files(root.name, DATA, ["data/a"])
    assert file.local_path == root / "a"


def test_a_listing_that_no_tree_can_hold_is_refused(root: Path) -> None:
    """Before anything is written, naming every object that is in the way."""
    with pytest.raises(perago.TaskInputError, match=r"(?s)'data/\.\./x'.*'data/a/b'"):
        perago.workspace_download_files(root, DATA, ["data/a", "data/a/b", "data/../x", "data/fine"])


def test_of_many_objects_that_are_in_the_way_the_first_are_named(root: Path) -> None:
    """Ten of them, and how many there are beyond."""
    with pytest.raises(perago.TaskInputError, match=r"'data/x//9' .*; and 2 more$") as caught:
        perago.workspace_download_files(root, DATA, [f"data/x//{number:X}" for number in range(12)])
    assert "x//A" not in str(caught.value)


def test_deletes_are_the_objects_that_were_not_uploaded() -> None:
    """Only below the prefix, never the marker's, and only what exists; the disk is not asked."""
    existing = ["data/b/x", "data/gone", "data/also/gone", "data2/x", "data/.perago-attempt.json"]
    uploaded = [WorkspaceUploadFile(Path("/nowhere/x"), "data/b/x"), WorkspaceUploadFile(Path("/nowhere/y"), "data/y")]
    assert perago.workspace_delete_object_paths(DATA, existing, uploaded) == ["data/also/gone", "data/gone"]


def test_a_file_and_a_folder_of_one_name_can_be_deleted() -> None:
    """What no folder can hold may go from the repository."""
    assert perago.workspace_delete_object_paths(DATA, ["data/a/b", "data/a"], []) == ["data/a", "data/a/b"]


@pytest.mark.parametrize("marker", ["data/", "data/sub/", "other/"])
def test_a_folder_marker_is_neither_a_file_nor_deleted(root: Path, marker: str) -> None:
    """An object whose name ends in a slash stands for a folder."""
    assert perago.workspace_download_files(root, DATA, [marker]) == []
    assert perago.workspace_delete_object_paths(DATA, [marker], []) == []


@pytest.mark.parametrize("bad", ["/", "data//", "data/../"])
def test_a_slash_at_the_end_excuses_nothing_else(root: Path, bad: str) -> None:
    """An unsafe path is refused with a slash at its end as without."""
    with pytest.raises(perago.TaskInputError, match="object path"):
        perago.workspace_download_files(root, DATA, [bad])
    with pytest.raises(perago.TaskInputError, match="object path"):
        perago.workspace_delete_object_paths(DATA, [bad], [])


def test_object_paths_may_be_path_objects(root: Path) -> None:
    """A listing of PurePosixPath is as good as one of text."""
    existing = [PurePosixPath("data/a"), PurePosixPath("data2/b")]
    assert perago.workspace_download_files(root, DATA, existing)[0].object_path == "data/a"
    assert perago.workspace_delete_object_paths(DATA, existing, []) == ["data/a"]


def test_a_plan_knows_its_size(root: Path) -> None:
    """Uploads and deletes together, and the bytes to travel."""
    plan = perago.build_workspace_sync_plan(root, DATA, ["data/gone", "data/b.txt"])
    assert (plan.changed_object_count, plan.upload_bytes) == (3, 3)
    assert (len(plan.upload_files), plan.delete_object_paths) == (2, ["data/gone"])


def test_a_plan_for_the_whole_repository_has_plain_paths(root: Path) -> None:
    """With the root as prefix, object paths are file paths."""
    files = perago.workspace_upload_files(root, perago.WorkspaceSpec())
    assert [file.object_path for file in files] == ["b.txt", "b/x"]


def test_what_is_excluded_is_neither_uploaded_nor_deleted(root: Path) -> None:
    """Symlinks among it are in nobody's way; it is downloaded like everything else."""
    spec = perago.WorkspaceSpec(prefix="data", exclude=["b/"])
    (root / "b" / "link").symlink_to("x")
    plan = perago.build_workspace_sync_plan(root, spec, ["data/b/old", "data/old", "b/other"])
    assert [file.object_path for file in plan.upload_files] == ["data/b.txt"]
    assert plan.delete_object_paths == ["data/old"]
    assert [file.object_path for file in perago.workspace_download_files(root, spec, ["data/b/old"])] == ["data/b/old"]
