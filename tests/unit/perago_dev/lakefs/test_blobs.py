"""Files of bytes: complete under their name, or not there."""

import hashlib
from pathlib import Path

from perago_dev.lakefs.store.blobs import Blobs


def files_below(root: Path) -> list[str]:
    """Names of all files."""
    return sorted(path.name for path in root.rglob("*") if path.is_file())


def test_a_blob_is_named_by_its_content(tmp_path: Path) -> None:
    """SHA-256 names the file, MD5 is what clients see; the same bytes are kept once."""
    blobs = Blobs(tmp_path)
    first, second = blobs.put(b"hello"), blobs.put(b"hello")
    assert first == second == (hashlib.sha256(b"hello").hexdigest(), hashlib.md5(b"hello").hexdigest(), 5)
    assert (files_below(tmp_path), blobs.path(first.digest).read_bytes()) == ([first.digest], b"hello")


def test_pieces_make_one_blob(tmp_path: Path) -> None:
    """However a body is cut, its blob is the same."""
    blobs = Blobs(tmp_path)
    with blobs.receive() as receiver:
        for piece in (b"he", b"", bytearray(b"ll"), memoryview(b"o")):
            receiver.write(piece)
        assert receiver.finish() == blobs.put(b"hello")


def test_a_body_cut_short_leaves_nothing(tmp_path: Path) -> None:
    """Without `finish` there is no blob and no file."""
    with Blobs(tmp_path).receive() as receiver:
        receiver.write(b"half")
    assert files_below(tmp_path) == []


def test_the_next_start_sweeps_what_a_crash_left(tmp_path: Path) -> None:
    """A partial file of a killed process is gone after opening; blobs stay."""
    kept = Blobs(tmp_path).put(b"kept")
    (tmp_path / "partial" / "left").write_bytes(b"half")
    Blobs(tmp_path)
    assert files_below(tmp_path) == [kept.digest]
