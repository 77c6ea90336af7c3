"""The manifest's file, and hashing: streamed, parallel, never following a link."""

import contextlib
import hashlib
import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perago import TaskInputError
from perago.workspace import scan
from perago.workspace.manifest import (
    BATCH_FILES,
    Manifest,
    ManifestEntry,
    ManifestWriter,
    entry_for,
    hash_file,
    hash_paths,
    hash_symlink,
    new_digest,
)

numbers = st.integers(0, 2**63 - 1)
entries = st.builds(
    ManifestEntry,
    st.text(min_size=1, max_size=20),
    st.tuples(numbers, numbers, numbers, numbers, st.just("file")),
    st.binary(min_size=32, max_size=32).map(bytes.hex),
)


@given(st.lists(entries, unique_by=lambda entry: entry.path, max_size=20))
def test_a_manifest_comes_back_from_its_file(
    tmp_path_factory: pytest.TempPathFactory, rows: list[ManifestEntry]
) -> None:
    """Any names, newlines and lone surrogates included, any numbers and hashes are read as they were written."""
    path = tmp_path_factory.mktemp("manifest") / "m"
    manifest = Manifest.of(rows)
    manifest.write(path)
    assert Manifest.read(path) == manifest


@pytest.mark.parametrize("count", [0, 1, BATCH_FILES - 1, BATCH_FILES, BATCH_FILES + 1, 2 * BATCH_FILES])
def test_a_manifest_of_any_number_of_files_is_whole(tmp_path: Path, count: int) -> None:
    """Full, partial and empty last batches are all written."""
    rows = [ManifestEntry(f"f{number}", (number, 1, 2, 3, "file"), "00") for number in range(count)]
    Manifest.of(rows).write(tmp_path / "m")
    assert len(Manifest.read(tmp_path / "m").stats) == count


def test_a_link_in_the_manifests_place_is_not_followed(tmp_path: Path) -> None:
    """The task may write where the agent leaves the manifest; what its link leads to is not touched."""
    (tmp_path / "theirs").write_text("precious")
    (tmp_path / "m").symlink_to("theirs")
    Manifest().write(tmp_path / "m")
    assert (tmp_path / "theirs").read_text() == "precious"
    assert Manifest.read(tmp_path / "m") == Manifest()


def test_a_pipe_in_the_manifests_place_is_removed(tmp_path: Path) -> None:
    """Opening it would wait for a reader for ever."""
    os.mkfifo(tmp_path / "m")
    Manifest().write(tmp_path / "m")
    assert Manifest.read(tmp_path / "m") == Manifest()


@pytest.mark.parametrize("count", [0, 1, BATCH_FILES, 2 * BATCH_FILES + 1])
def test_an_unfinished_manifest_is_refused(tmp_path: Path, count: int) -> None:
    """A writer left by an error leaves a file that cannot be read as whole, however much of it is on disk."""
    with contextlib.suppress(RuntimeError), ManifestWriter(tmp_path / "m") as writer:
        for number in range(count):
            writer.add(ManifestEntry(f"f{number}", (1, 2, 3, 4, "file"), "00"))
        raise RuntimeError
    with pytest.raises(TaskInputError, match="cannot be used"):
        Manifest.read(tmp_path / "m")


@pytest.mark.parametrize("text", ["", "{}", "[]\n[]", "not json\n", '{"version": 99}\n{"files": 0}\n', "\xff"])
def test_what_is_no_manifest_is_refused_by_name(tmp_path: Path, text: str) -> None:
    """An empty, foreign or future file is a TaskInputError that names the file."""
    (tmp_path / "m").write_bytes(text.encode("latin-1"))
    with pytest.raises(TaskInputError, match=f"{tmp_path}/m cannot be used"):
        Manifest.read(tmp_path / "m")


def test_an_entry_is_made_from_a_files_stat(tmp_path: Path) -> None:
    """The walk's facts of a file are the entry's."""
    (tmp_path / "f").write_bytes(b"abc")
    entry = entry_for("f", (tmp_path / "f").stat(), hash_file(tmp_path / "f"))
    assert entry == ManifestEntry("f", scan(tmp_path)["f"], hashlib.sha256(b"abc").hexdigest())
    assert new_digest().name == "sha256"


def test_hashing_does_not_load_a_file(tmp_path: Path) -> None:
    """64 MiB are hashed with less than 4 MiB of memory."""
    with open(tmp_path / "big", "wb") as file:
        file.truncate(64 << 20)
    tracemalloc.start()
    digest = hash_file(tmp_path / "big")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert digest == hashlib.sha256(bytes(64 << 20)).hexdigest()
    assert peak < 4 << 20


def test_a_links_hash_is_its_targets_text(tmp_path: Path) -> None:
    """The link is not followed, and hashing a link's path as a file is an error rather than a read outside."""
    (tmp_path / "link").symlink_to("/etc/hostname")
    assert hash_symlink(tmp_path / "link") == hashlib.sha256(b"/etc/hostname").hexdigest()
    with pytest.raises(OSError, match="symbolic link"):
        hash_file(tmp_path / "link")


@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_many_files_are_hashed_each_to_its_own_path(tmp_path: Path, count: int) -> None:
    """Whatever the number of threads, each path gets its own file's hash."""
    for number in range(count):
        (tmp_path / str(number)).write_bytes(b"%d" % number)
    stats = scan(tmp_path)
    want = {str(number): hashlib.sha256(b"%d" % number).hexdigest() for number in range(count)}
    assert hash_paths(tmp_path, stats, stats) == want


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """A file that vanished is not taken for an empty one."""
    with pytest.raises(FileNotFoundError):
        hash_paths(tmp_path, {"a": (0, 0, 0, 0, "file")}, ["a"])
