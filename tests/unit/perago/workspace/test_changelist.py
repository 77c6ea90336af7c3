"""The list of changes comes back as it was written, in flat memory; what is no list is refused."""

import tempfile
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perago.attempt import Changes
from perago.errors import TaskInputError
from perago.workspace.changelist import LONGEST_LINE_BYTES, ChangeList, write_changes

paths = st.lists(st.text(st.characters(), min_size=1, max_size=8), max_size=5).map(tuple)


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """A descriptor of a file."""
    with path.open("rb") as file:
        yield file.fileno()


@contextmanager
def listed(*lines: bytes) -> Iterator[int]:
    """A descriptor of a file of these lines."""
    with tempfile.TemporaryFile() as file:
        file.writelines(line + b"\n" for line in lines)
        file.flush()
        yield file.fileno()


def header(added: object = 0, modified: object = 0, deleted: object = 0, version: int = 1) -> bytes:
    text = f'{{"version": {version}, "added": {added}, "modified": {modified}, "deleted": {deleted}}}'
    return text.encode()


@given(added=paths, modified=paths, deleted=paths)
def test_a_list_comes_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    added: tuple[str, ...],
    modified: tuple[str, ...],
    deleted: tuple[str, ...],
) -> None:
    """Any names, newlines and lone surrogates included, as often as it is read."""
    path = tmp_path_factory.mktemp("changes") / "list"
    write_changes(path, Changes(added, modified, deleted))
    with opened(path) as descriptor:
        changes = ChangeList(descriptor)
        checked: list[str] = []
        changes.check(checked.append)
        assert (changes.added, changes.modified, changes.deleted) == (len(added), len(modified), len(deleted))
        assert checked == [*added, *modified, *deleted]
        for _ in range(2):
            assert tuple(changes.uploads()) == added + modified
            assert tuple(changes.deletions()) == deleted


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [b"[]"],
        [b"\xff"],
        [b"[" * 100_000],
        [header(version=2)],
        [b'{"version": 1, "added": 0}'],
        [header(added=-1)],
        [header(added="true"), b'"a"'],
        [header(added=10**30)],
        [header(added='"1"'), b'"a"'],
        [header(added=2), b'"a"'],
        [header(added=1), b'"a"', b'"b"'],
        [header(deleted=1), b"1"],
        [header(added=1), b'"' + b"a" * LONGEST_LINE_BYTES + b'"'],
    ],
    ids=range(14),
)
def test_what_is_no_list_is_refused(lines: list[bytes]) -> None:
    """Foreign, broken and future files, and numbers that are not those of the paths."""
    with (
        listed(*lines) as descriptor,
        pytest.raises(TaskInputError, match="list of changed files cannot be used"),
    ):
        ChangeList(descriptor).check(str)


@pytest.mark.parametrize("paths", [(), (b'"' + b"a" * LONGEST_LINE_BYTES + b'"',)], ids=["missing", "too long"])
def test_a_line_without_an_end_is_told(paths: tuple[bytes, ...]) -> None:
    """Whether it was cut off or goes on too long; as JSON it would make no sense either way."""
    with listed(header(added=1), *paths) as descriptor, pytest.raises(TaskInputError, match="is missing, or too long"):
        ChangeList(descriptor).check(str)


def test_a_path_that_may_not_be_published_stops_the_check() -> None:
    """With the exception of whoever knows; deletions count."""

    def refuse(path: str) -> None:
        raise TaskInputError(f"not {path}")

    with listed(header(deleted=1), b'"gone"') as descriptor, pytest.raises(TaskInputError, match="not gone"):
        ChangeList(descriptor).check(refuse)


def test_uploads_and_deletions_are_read_side_by_side() -> None:
    """Neither moves the other's place."""
    with listed(header(added=2, deleted=2), b'"a"', b'"b"', b'"c"', b'"d"') as descriptor:
        changes = ChangeList(descriptor)
        changes.check(str)
        assert list(zip(changes.uploads(), changes.deletions(), strict=True)) == [("a", "c"), ("b", "d")]


def test_a_list_is_not_written_through_what_lies_at_its_name(tmp_path: Path) -> None:
    """The body may have put a link there."""
    (tmp_path / "list").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        write_changes(tmp_path / "list", Changes(("a",)))
    assert not (tmp_path / "elsewhere").exists()


def test_memory_does_not_grow_with_the_list(tmp_path: Path) -> None:
    """Neither where it is written nor where it is read."""
    changes = Changes(deleted=tuple(f"folder/{number:060}" for number in range(20_000)))
    tracemalloc.start()
    try:
        write_changes(tmp_path / "list", changes)
        with opened(tmp_path / "list") as descriptor:
            ChangeList(descriptor).check(len)
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()
