"""Archives whose bytes follow from what is in them, and not from when, where or in which order it was written."""

import gzip
import hashlib
import shutil
import tarfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import IO

EXTENDED_ATTRIBUTE = "SCHILY.xattr."
COMPRESSION = 6


def normalised(
    archive: Path, target: Path, moment: int, *, sources_keep_their_times: bool = False, left_out: Collection[str] = ()
) -> None:
    """Write a plain tar again: in the order of its names, without names of owners, and with one time for all.

    Sources of Python may keep theirs, where compiled files beside them refer to it. Paths may be left out.
    """
    gone = {"", ".", *(path.strip("/") for path in left_out)}
    with tarfile.open(archive, "r:") as before, tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as after:
        for member in sorted((entry for entry in before if _name(entry.name) not in gone), key=_order):
            kept = sources_keep_their_times and member.name.endswith(".py")
            content = before.extractfile(member) if member.isreg() else None
            after.addfile(_plain(member, member.mtime if kept else moment), content)


def _order(member: tarfile.TarInfo) -> tuple[bool, str]:
    """By name, and a hard link after the file that it names."""
    return member.islnk(), _name(member.name)


def _name(name: str) -> str:
    return name.removeprefix("./")


def _plain(member: tarfile.TarInfo, time: float) -> tarfile.TarInfo:
    plain = member.replace(name=_name(member.name), mtime=int(time), uname="", gname="", deep=False)
    plain.linkname = _name(member.linkname) if member.islnk() else member.linkname
    attributes = member.pax_headers.items()
    plain.pax_headers = {name: value for name, value in sorted(attributes) if name.startswith(EXTENDED_ATTRIBUTE)}
    return plain


@dataclass(frozen=True)
class Written:
    """A file that was written: its digest in hexadecimal, and its size."""

    digest: str
    size: int


def compressed(source: Path, target: Path) -> Written:
    """Compress a file, without a name or a time in the result."""
    with (
        source.open("rb") as plain,
        target.open("wb") as sink,
        gzip.GzipFile(filename="", mode="wb", compresslevel=COMPRESSION, fileobj=sink, mtime=0) as packed,
    ):
        shutil.copyfileobj(plain, packed)
    return Written(digest_of(target), target.stat().st_size)


def unpacked(source: IO[bytes], target: Path) -> None:
    """Write a layer as a plain tar, however it is stored."""
    packed = source.read(2) == b"\x1f\x8b"
    source.seek(0)
    with target.open("wb") as sink:
        shutil.copyfileobj(gzip.GzipFile(fileobj=source) if packed else source, sink)


def digest_of(file: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
