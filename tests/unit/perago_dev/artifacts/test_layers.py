"""Layers and archives: the same contents are the same bytes, whenever and in whichever order they were written."""

import gzip
import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

from perago_dev.artifacts import layers

MOMENT = 1_000_000


def entry(name: str, time: float, kind: bytes = tarfile.REGTYPE, **more: object) -> tarfile.TarInfo:
    """An entry of a builder's tar, with a time and an owner's name."""
    info = tarfile.TarInfo(name)
    info.mtime, info.type, info.uname, info.gname = time, kind, "builder", "builders"
    for field, value in more.items():
        setattr(info, field, value)
    return info


def write(path: Path, entries: Sequence[tarfile.TarInfo], content: bytes = b"x = 1\n") -> Path:
    """A tar with these entries, in which each regular file has the same content."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for info in entries:
            info.size = len(content) if info.isreg() else 0
            tar.addfile(info, io.BytesIO(content) if info.isreg() else None)
    return path


def built(time: float) -> list[tarfile.TarInfo]:
    """What a build at this time has written."""
    return [
        entry(".", time, tarfile.DIRTYPE, mode=0o755),
        entry("./opt", time, tarfile.DIRTYPE, mode=0o755, uid=0),
        entry("./opt/b.py", time, mode=0o644, uid=65532),
        entry("./opt/a", time, tarfile.LNKTYPE, linkname="./opt/b.py"),
        entry("./opt/link", time, tarfile.SYMTYPE, linkname="b.py"),
        entry("./opt/old", 5, mode=0o755, pax_headers={"SCHILY.xattr.user.a": "b", "atime": str(time)}),
    ]


def members(path: Path) -> list[tarfile.TarInfo]:
    """The entries of a tar."""
    with tarfile.open(path, "r:") as tar:
        return tar.getmembers()


def test_two_builds_are_the_same_bytes(tmp_path: Path) -> None:
    """At other times, in another order."""
    first = write(tmp_path / "1", built(MOMENT + 1.5))
    files = built(MOMENT + 99)
    second = write(tmp_path / "2", [files[2], *reversed(files[3:]), *files[:2]])
    for archive in (first, second):
        layers.normalised(archive, archive.with_suffix(".plain"), MOMENT)
    assert first.read_bytes() != second.read_bytes()
    assert first.with_suffix(".plain").read_bytes() == second.with_suffix(".plain").read_bytes()


def test_what_an_image_needs_stays(tmp_path: Path) -> None:
    """Modes, owners by number, links and extended attributes; a hard link comes after its file."""
    layers.normalised(write(tmp_path / "1", built(MOMENT + 1)), tmp_path / "2", MOMENT)
    found = members(tmp_path / "2")
    assert [info.name for info in found] == ["opt", "opt/b.py", "opt/link", "opt/old", "opt/a"]
    folder, source, link, old, hard = found
    assert (folder.mode, source.mode, source.uid, old.mode) == (0o755, 0o644, 65532, 0o755)
    assert (link.linkname, hard.linkname) == ("b.py", "opt/b.py")
    assert old.pax_headers == {"SCHILY.xattr.user.a": "b"}
    assert {(info.uname, info.gname) for info in found} == {("", "")}


def test_all_times_are_the_commits(tmp_path: Path) -> None:
    """Whether the clock of the build was ahead of the commit's or behind it."""
    layers.normalised(write(tmp_path / "1", built(MOMENT + 1)), tmp_path / "2", MOMENT)
    assert {info.mtime for info in members(tmp_path / "2")} == {MOMENT}


def test_sources_keep_the_time_to_which_compiled_files_refer(tmp_path: Path) -> None:
    """Python would compile a library whose time was changed again at each start."""
    layers.normalised(write(tmp_path / "1", built(MOMENT + 1)), tmp_path / "2", MOMENT, sources_keep_their_times=True)
    assert {info.name for info in members(tmp_path / "2") if info.mtime != MOMENT} == {"opt/b.py"}


def test_what_was_mounted_is_left_out(tmp_path: Path) -> None:
    """However its path is written; what is in the same folder stays."""
    layers.normalised(write(tmp_path / "1", built(MOMENT)), tmp_path / "2", MOMENT, left_out=["/opt/old", "/etc/no"])
    assert [info.name for info in members(tmp_path / "2")] == ["opt", "opt/b.py", "opt/link", "opt/a"]


def test_compressed_bytes_tell_no_name_and_no_time(tmp_path: Path) -> None:
    """The header of gzip has a place for both; digest and size are those of the result."""
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"content" * 100)
    first, second = (layers.compressed(tmp_path / name, tmp_path / f"{name}.gz") for name in ("a", "b"))
    packed = (tmp_path / "a.gz").read_bytes()
    assert first == second
    assert (first.digest, first.size) == (layers.digest_of(tmp_path / "a.gz"), len(packed))
    assert packed[3:8] == b"\0\0\0\0\0"
    assert gzip.decompress(packed) == b"content" * 100


def test_layers_are_read_however_they_are_stored(tmp_path: Path) -> None:
    """Docker saves them plain, podman compressed."""
    for stored in (b"plain tar", gzip.compress(b"plain tar")):
        layers.unpacked(io.BytesIO(stored), tmp_path / "layer")
        assert (tmp_path / "layer").read_bytes() == b"plain tar"
