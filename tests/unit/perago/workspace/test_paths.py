"""Object paths and file paths: a bijection on what both can hold, and a clear refusal of the rest."""

import tempfile
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perago import TaskInputError, WorkspaceSpec
from perago.workspace import (
    ATTEMPT_WORKSPACE_MARKER,
    scan,
    workspace_local_path,
    workspace_object_path,
    workspace_object_prefix,
)
from perago.workspace.paths import LONGEST_PATH_BYTES

ROOT = WorkspaceSpec()
DATA = WorkspaceSpec(prefix="/data/raw/")
specs = st.sampled_from([ROOT, DATA])
part = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
odd_part = st.sampled_from(
    ["..", ".", "", "c:", "a\\b", "nul\0", "\udcff", "\n", "x" * 255, "x" * 256, "ü" * 127, "ü" * 128]
)
inner_path = st.lists(part | odd_part, max_size=6).map("/".join)
long_path = st.integers(3800, 3900).map(lambda length: (("x" * 127 + "/") * 31)[:length].rstrip("/"))
any_path = inner_path | long_path | st.builds(lambda path: f"data/raw/{path}", inner_path | long_path)

BAD = ["", "/", "/abs", "a//b", "a/", "./a", "a/.", "..", "a/../b", "a\\b", "C:/x", "a/c:x", "a\0b", "\ud800"]
LONG = ["n" * 256, "ü" * 128, "d/" * 2000 + "f", "a/" + "n" * 300]


def test_prefix_and_object_path_join() -> None:
    """The root's prefix is empty; any other stands before the file's path with one `/` between."""
    assert (workspace_object_prefix(ROOT), workspace_object_prefix(DATA)) == ("", "data/raw")
    assert workspace_object_path(ROOT, "a/b") == "a/b"
    assert workspace_object_path(DATA, PurePosixPath("a/b")) == "data/raw/a/b"


@pytest.mark.parametrize("path", ["a/b", PurePosixPath("a/b"), PureWindowsPath("a\\b"), Path("a/b")])
def test_paths_may_be_path_objects(path: str | PurePath) -> None:
    """Text and every kind of path object, in both directions, written with `/`."""
    assert workspace_object_path(DATA, path) == "data/raw/a/b"
    assert workspace_local_path(ROOT, path) == Path("a/b")


@pytest.mark.parametrize("path", [None, 7, b"a/b"])
def test_what_is_not_a_path_is_a_type_error(path: Any) -> None:
    """Bytes, numbers and None name nothing."""
    with pytest.raises(TypeError):
        workspace_object_path(DATA, path)
    with pytest.raises(TypeError):
        workspace_local_path(DATA, path)


def test_only_objects_below_the_prefix_are_files() -> None:
    """Siblings that share the prefix's letters, the prefix itself and its parents are outside."""
    assert workspace_local_path(DATA, "data/raw/x/y") == Path("x/y")
    for outside in ("data/raw2/x", "data/raw", "data", "other/x", "data/ra/w"):
        assert workspace_local_path(DATA, outside) is None


def test_the_marker_is_no_object_at_the_root_and_an_ordinary_file_below() -> None:
    """The marker's name counts at the workspace root only."""
    assert workspace_local_path(ROOT, ATTEMPT_WORKSPACE_MARKER) is None
    assert workspace_local_path(DATA, f"data/raw/{ATTEMPT_WORKSPACE_MARKER}") is None
    assert workspace_local_path(ROOT, f"sub/{ATTEMPT_WORKSPACE_MARKER}") == Path("sub", ATTEMPT_WORKSPACE_MARKER)


@pytest.mark.parametrize("bad", BAD + LONG)
def test_a_path_that_no_file_can_have_is_refused(bad: str) -> None:
    """Absolute, empty, dotted, backslashed, drive-lettered, over-long or not UTF-8: TaskInputError that names it."""
    with pytest.raises(TaskInputError, match="object path"):
        workspace_local_path(ROOT, bad)
    with pytest.raises(TaskInputError, match="file path"):
        workspace_object_path(ROOT, bad)


LONGEST = "/".join(["x" * 127] * 30) + "x"


@pytest.mark.parametrize("spec", [ROOT, WorkspaceSpec(prefix="p" * 200)])
def test_the_longest_path_is_measured_below_the_prefix(spec: WorkspaceSpec) -> None:
    """3840 bytes below the workspace root fit whatever the prefix, one more does not; both directions agree."""
    assert len(LONGEST) == LONGEST_PATH_BYTES == 3840
    assert workspace_local_path(spec, workspace_object_path(spec, LONGEST)) == Path(LONGEST)
    with pytest.raises(TaskInputError, match="3841 bytes"):
        workspace_object_path(spec, LONGEST + "x")
    with pytest.raises(TaskInputError, match="3841 bytes"):
        workspace_local_path(spec, workspace_object_path(spec, LONGEST) + "x")


@given(specs, any_path)
def test_a_file_system_can_hold_every_accepted_path(spec: WorkspaceSpec, path: str) -> None:
    """What the mapping takes can be written and read back under a workspace root."""
    try:
        local = workspace_local_path(spec, path)
    except TaskInputError:
        return
    if local is not None:
        with tempfile.TemporaryDirectory() as root:
            (root / local).parent.mkdir(parents=True, exist_ok=True)
            (root / local).write_bytes(b"")
            assert list(scan(Path(root))) == [str(local)]


def test_what_lies_outside_the_prefix_need_not_fit_into_a_workspace() -> None:
    """An over-long object outside the prefix does not matter; an unsafe path is refused wherever it is."""
    assert workspace_local_path(DATA, "other/" + "n" * 300) is None
    with pytest.raises(TaskInputError, match="object path"):
        workspace_local_path(DATA, "other/../data/raw/x")


@pytest.mark.parametrize("good", ["n" * 255, "ü" * 127, ".hidden", "...", "a b", "new\nline", "ab:c/1:2", " "])
def test_odd_paths_that_a_file_can_have_are_accepted(good: str) -> None:
    """Hidden, spaced, newlined, and names of exactly 255 bytes are ordinary."""
    assert workspace_local_path(ROOT, good) == Path(good)


@given(specs, any_path)
def test_mapping_is_a_bijection_that_never_leaves_the_root(spec: WorkspaceSpec, path: str) -> None:
    """An accepted object path is recovered from its file path, and the file is inside the workspace."""
    try:
        local = workspace_local_path(spec, path)
    except TaskInputError:
        return
    if local is not None:
        assert workspace_object_path(spec, local) == path
        inside = (Path("/w") / local).parts
        assert inside[:2] == ("/", "w")
        assert ".." not in inside


@given(specs, any_path)
def test_mapping_is_a_bijection_in_the_other_direction(spec: WorkspaceSpec, path: str) -> None:
    """An accepted file path comes back from its object path, the marker aside."""
    try:
        object_path = workspace_object_path(spec, path)
    except TaskInputError:
        return
    assert workspace_local_path(spec, object_path) == (None if path == ATTEMPT_WORKSPACE_MARKER else Path(path))
