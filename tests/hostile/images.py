"""Every file in every layer of the images of a release, built from sources beside which a secret lies."""

import gzip
import io
import shutil
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from perago_dev.images import dockerfiles, image_store
from perago_dev.source import REPOSITORY

Place = tuple[str, bytes]
NAMES = ("operator", "runner")
BESIDE = (".env", ".git/config", ".netrc", "kubeconfig", "operator.env", "docs/keys.txt")
"""Where developers keep keys: none of it belongs in a build."""
PACKED = b"\x1f\x8b"
TAR, TAR_AT = b"ustar", 257


def image_files(folder: Path, secret: str, references: Sequence[str]) -> Iterator[Place]:
    """The files of the built images, and of those that come out differently with the secret beside their sources."""
    sources, archive = folder / "sources", folder / "images.tar"
    try:
        changed = [
            dockerfiles.build(sources / f"Dockerfile.{name}", sources, name)
            for name in changed_by(secret, REPOSITORY, sources)
        ]
        image_store.archive([*references, *changed], archive)
        with archive.open("rb") as file:
            yield from unpacked_files("the images", file)
    finally:
        archive.unlink(missing_ok=True)
        shutil.rmtree(sources)


def changed_by(secret: str, repository: Path, sources: Path) -> list[str]:
    """The images that copy a secret which lies beside their sources; `sources` is a copy where it lies there."""
    for name in NAMES:
        dockerfile = repository / f"Dockerfile.{name}"
        for source in (dockerfile.name, *dockerfiles.copied(dockerfile.read_text())):
            _copy(repository / source, sources / source)
    plain = _tags(sources)
    for path in BESIDE:
        (sources / path).parent.mkdir(parents=True, exist_ok=True)
        (sources / path).write_text(secret)
    return [name for name, tag in _tags(sources).items() if tag != plain[name]]


def _tags(sources: Path) -> dict[str, str]:
    """The digest of all that goes into each image."""
    return {name: dockerfiles.content_tag(sources / f"Dockerfile.{name}", sources, {}) for name in NAMES}


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def unpacked_files(where: str, file: IO[bytes]) -> Iterator[Place]:
    """The files of an archive, of the archives in it, and so on; a file that is none is its own content."""
    head = file.read(TAR_AT + len(TAR))
    file.seek(0)
    if head.startswith(PACKED):
        yield from unpacked_files(where, io.BytesIO(gzip.GzipFile(fileobj=file).read()))
    elif head[TAR_AT:] == TAR:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            for member in archive:
                if member.isreg() and (inner := archive.extractfile(member)) is not None:
                    yield from unpacked_files(f"{where}/{member.name}", inner)
    else:
        yield where, file.read()
