"""Which file systems' times prove that a file was not written to, and what is done where they do not."""

import mmap
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from perago.attempt import Changes
from perago.workspace import manifest as hashing
from perago.workspace import times
from perago.workspace.manifest import Manifest
from perago.workspace.snapshot import changes_since, take_snapshot
from perago.workspace.times import file_system_of, times_prove, type_of_mount
from tests.unit.perago.kit import manifest_entry

MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
24 22 0:22 / /dev/shm rw,nosuid shared:3 master:2 - tmpfs tmpfs rw,size=1g
240 22 0:50 / /with\\040space\\040-\\040dash rw - fuse.sshfs host:/ rw
31 22 0:51 / /broken rw -
"""


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder on a file system in memory, as `volume.medium: Memory` is one."""
    if file_system_of(Path("/dev/shm")) != "tmpfs":
        pytest.skip("/dev/shm is not a tmpfs here")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as place:
        yield Path(place)


@pytest.mark.parametrize(
    ("mount_id", "kind"),
    [("22", "ext4"), ("24", "tmpfs"), ("240", "fuse.sshfs"), ("2", None), ("31", None), (None, None)],
)
def test_a_mount_is_found_by_its_id(mount_id: str | None, kind: str | None) -> None:
    """Whatever optional fields its line has; one that is not there, or says no type, is unknown."""
    assert type_of_mount(MOUNTS, mount_id) == kind


def test_a_file_system_that_is_not_known_proves_nothing(tmp_path: Path) -> None:
    """Neither /proc, nor a folder that is not there."""
    assert file_system_of(Path("/proc")) == "proc"
    assert not times_prove(Path("/proc"))
    assert file_system_of(tmp_path / "missing") is None
    assert not times_prove(tmp_path / "missing")


def test_memory_proves_nothing(memory: Path) -> None:
    """tmpfs does not stamp every write through a map, and trying it shows that."""
    assert not times_prove(memory)
    assert not times._stamps_mapped_writes(memory)
    assert list(memory.iterdir()) == []


def test_a_disk_that_is_trusted_stamps_writes_through_a_map(tmp_path: Path) -> None:
    """What is in the list is seen to do what it is in the list for, where the tests run on it; nothing is left."""
    if file_system_of(tmp_path) in times.RELIABLE:
        assert times._stamps_mapped_writes(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_clock_that_stands_still_is_not_waited_for(tmp_path: Path) -> None:
    """A clock that counts whole seconds, or is behind, leaves the question open."""
    assert times._clock_goes_beyond(0, tmp_path)
    assert not times._clock_goes_beyond(2**62, tmp_path)


def double(path: Path) -> None:
    """Change a file's bytes in place through a map that has read them first, as numpy.memmap does."""
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        for place, byte in enumerate(bytes(memory)):
            memory[place] = byte * 2 % 256
        memory.flush()


def downloaded(root: Path) -> Manifest:
    """A workspace of two files, settled, with the manifest that the agent leaves."""
    for name in ("a", "b"):
        (root / name).write_bytes(b"1234")
        os.utime(root / name, ns=(0, 0))
    return Manifest.of(manifest_entry(root, name) for name in ("a", "b"))


@pytest.mark.parametrize("place", ["memory", "tmp_path"])
@pytest.mark.parametrize("with_manifest", [True, False])
def test_a_change_through_a_map_is_seen_on_every_file_system(
    request: pytest.FixtureRequest, place: str, with_manifest: bool
) -> None:
    """In memory, where times stay as they were, and on a disk."""
    root: Path = request.getfixturevalue(place)
    manifest = downloaded(root)
    times._clock_goes_beyond(max(stat[2] for stat in manifest.stats.values()), root)
    before = take_snapshot(root, manifest if with_manifest else None)
    double(root / "b")
    assert changes_since(before, root) == Changes(modified=("b",))


def test_where_times_prove_nothing_every_content_is_compared(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only content counts there: nothing is taken for unchanged unseen, and nothing unchanged for a change."""
    hashed: list[str] = []
    plain = hashing.hash_file

    def recording(path: Path, known: str | None = None) -> str:
        hashed.append(path.name)
        return plain(path, known)

    before = take_snapshot(memory, downloaded(memory))
    monkeypatch.setattr(hashing, "hash_file", recording)
    assert changes_since(before, memory) == Changes()
    assert sorted(hashed) == ["a", "b"]


@pytest.mark.parametrize(("below", "proves"), [("disk", True), ("memory", False)])
def test_an_overlay_is_tried(tmp_path: Path, below: str, proves: bool) -> None:
    """Its times are as good as those of the file system that takes its writes, which it does not name."""
    if file_system_of(tmp_path) not in times.RELIABLE or os.geteuid() or not shutil.which("unshare"):
        pytest.skip("needs root and a disk to mount an overlay on")
    for name in ("lower", "upper", "mounted"):
        (tmp_path / name).mkdir()
    upper = "true" if below == "disk" else "mount -t tmpfs memory upper"
    script = f"""set -e
        {upper}
        mkdir upper/files upper/work
        mount -t overlay overlay -o lowerdir=lower,upperdir=upper/files,workdir=upper/work mounted
        exec {sys.executable} -c 'from pathlib import Path; from perago.workspace.times import *
print(file_system_of(Path("mounted")), times_prove(Path("mounted")), *Path("mounted").iterdir())'"""
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    if "mount: " in done.stderr or "unshare: " in done.stderr:
        pytest.skip(f"no overlay can be mounted here: {done.stderr}")
    assert (done.stdout.split(), done.stderr) == (["overlay", str(proves)], "")
