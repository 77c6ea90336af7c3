"""What is searched for secrets is found and unpacked: outputs, layers of images, crash dumps."""

import gzip
import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from perago.wire.kept_output import output_metadata
from perago_dev.source import REPOSITORY
from tests.hostile.dumps import FIND, FOLDERS, dump_name
from tests.hostile.images import changed_by, unpacked_files
from tests.hostile.places import unpacked


def test_what_is_packed_is_unpacked_before_it_is_searched() -> None:
    """Outputs stand in statuses and commits as the base64 of what gzip has packed."""
    (packed,) = output_metadata({"result": "secret" * 10_000}).values()
    assert any(b"secretsecret" in inner for inner in unpacked(f'{{"outputGzip": "{packed}"}}'))
    assert list(unpacked("H4sIAAAAAAAA" + "A" * 40)) == []


def test_an_image_is_read_file_by_file_whatever_it_is_packed_in() -> None:
    """Layers are archives in an archive, as they are or packed; some files are packed again, and links are empty."""
    layer = _archive({"app/task.py": b"first", "docs/a.gz": gzip.compress(b"second")})
    image = _archive({"one/layer.tar": layer, "two.tar": gzip.compress(layer), "config.json": b"third"})
    assert list(unpacked_files("image", io.BytesIO(image))) == [
        ("image/one/layer.tar/app/task.py", b"first"),
        ("image/one/layer.tar/docs/a.gz", b"second"),
        ("image/two.tar/app/task.py", b"first"),
        ("image/two.tar/docs/a.gz", b"second"),
        ("image/config.json", b"third"),
    ]


def test_a_secret_beside_the_sources_is_in_no_image(tmp_path: Path) -> None:
    """What a Dockerfile copies is named part by part."""
    assert changed_by("secret", REPOSITORY, tmp_path) == []


def test_an_image_that_copies_everything_is_noticed(tmp_path: Path) -> None:
    """It is then built with the secret, and searched."""
    (tmp_path / "repository" / "docs").mkdir(parents=True)
    (tmp_path / "repository" / "Dockerfile.operator").write_text("COPY docs docs\n")
    (tmp_path / "repository" / "Dockerfile.runner").write_text("COPY Dockerfile.operator ./\n")
    assert changed_by("secret", tmp_path / "repository", tmp_path / "sources") == ["operator"]


def _archive(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "nowhere"
        archive.addfile(link)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("core\n", "core*"),
        ("/var/crash/%e.%p.dump", "*.*.dump*"),
        ("|/usr/lib/systemd/systemd-coredump %P %u", "core*"),
    ],
)
def test_a_dump_is_looked_for_by_the_name_that_the_kernel_gives_it(pattern: str, name: str) -> None:
    """Whatever the kernel hands to a program is found in the folder where that program keeps it."""
    assert dump_name(pattern) == name


def test_dumps_are_told_from_other_files_by_what_they_are(tmp_path: Path) -> None:
    """The same command as on a node, in one folder."""
    head = b"\x7fELF" + bytes(12)
    for name, kind in (("core", b"\4\0"), ("core.so", b"\3\0"), ("other", b"\4\0")):
        (tmp_path / name).write_bytes(head + kind + bytes(20_000))
    (tmp_path / "core.small").write_bytes(head + b"\4\0")
    command = FIND.replace("$mounts -xdev", str(tmp_path))
    found = subprocess.run(["sh", "-c", command, "find", "core*", *FOLDERS], capture_output=True, text=True, check=True)
    assert found.stdout.split() == [str(tmp_path / "core")]
