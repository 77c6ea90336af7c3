"""Change detection: whatever differs in content, kind or target is seen, and nothing is hashed without need."""

import mmap
import os
import shutil
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perago.attempt import Changes
from perago.workspace import clock_of, scan
from perago.workspace import manifest as hashing
from perago.workspace.manifest import Manifest
from perago.workspace.snapshot import Snapshot, changes_since, take_snapshot
from tests.unit.perago.kit import manifest_entry

FUTURE = 2**62
"""A clock that every file is older than: only the stats count."""

MARKER = ".perago-attempt.json"

Content = bytes | str
Tree = dict[str, Content]
"""A tree as it is meant to be: the content of files, the target of links after `->`."""

few_names = st.sampled_from(["a", "b", ".hidden", "ü\u0301", "new\nline", "dot.", MARKER, "x" * 200])
any_name = st.binary(min_size=1, max_size=20).filter(lambda name: not {0, 47} & {*name} and name not in (b".", b".."))
names = few_names | any_name.map(os.fsdecode)
paths = st.lists(names, min_size=1, max_size=4).map("/".join) | st.lists(few_names, min_size=5, max_size=12).map(
    "/".join
)
contents: st.SearchStrategy[Content] = st.binary(max_size=4) | st.sampled_from(
    ["->a", "->..", "->/etc/hosts", "->missing"]
)
trees = st.dictionaries(paths, contents, max_size=8)


def consistent(tree: Tree) -> Tree:
    """Without what cannot exist beside another path, and without the marker's own place."""
    kept = {path: content for path, content in tree.items() if path.split("/")[0] != MARKER}
    return {path: kept[path] for path in kept if not any(other.startswith(path + "/") for other in kept)}


def write(root: Path, tree: Tree) -> None:
    for path, content in tree.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            (root / path).symlink_to(content.removeprefix("->"))
        else:
            (root / path).write_bytes(content)


def clear(root: Path) -> None:
    for path in sorted(root.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()


@given(trees.map(consistent), trees.map(consistent))
@settings(max_examples=100, deadline=None)
def test_a_change_is_seen_exactly_when_content_kind_or_target_differ(before: Tree, after: Tree) -> None:
    """For any two trees, the changes are the paths that only one has and those whose content differs."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        write(root, before)
        snapshot = take_snapshot(root)
        clear(root)
        write(root, after)
        assert changes_since(snapshot, root) == difference(before, after)


def difference(before: Tree, after: Tree) -> Changes:
    """What the contract calls a change between two trees."""
    return Changes(
        added=tuple(sorted(after.keys() - before.keys())),
        modified=tuple(sorted(path for path in before.keys() & after.keys() if before[path] != after[path])),
        deleted=tuple(sorted(before.keys() - after.keys())),
    )


def remove(root: Path, tree: Tree, path: str) -> None:
    """Remove what is at a path, below it, or in the way of it."""
    for other in [other for other in tree if f"{path}/".startswith(f"{other}/") or other.startswith(f"{path}/")]:
        (root / other).unlink()
        del tree[other]
    if (root / path).is_dir():
        shutil.rmtree(root / path)


def put(root: Path, tree: Tree, path: str, content: Content) -> None:
    """Make a file or a link at a path, whatever was there: a file, a link, a folder, a file in a folder's place."""
    remove(root, tree, path)
    write(root, {path: content})
    tree[path] = content


def overwrite(root: Path, tree: Tree, path: str, content: Content) -> None:
    """Write into the file that is there, under all its names, and put its times back."""
    if isinstance(tree.get(path), bytes) and isinstance(content, bytes):
        times = (root / path).stat()
        with open(root / path, "r+b") as file:
            file.write(content)
            file.truncate()
        os.utime(root / path, ns=(times.st_atime_ns, times.st_mtime_ns))
        tree |= {other: content for other in tree if (root / other).lstat().st_ino == times.st_ino}


def rename_over(root: Path, tree: Tree, path: str, content: Content) -> None:
    """Rename another file over the one that is there, with the same times."""
    if isinstance(tree.get(path), bytes) and isinstance(content, bytes):
        times = (root / path).stat()
        (root / "aside.tmp").write_bytes(content)
        os.utime(root / "aside.tmp", ns=(times.st_atime_ns, times.st_mtime_ns))
        (root / "aside.tmp").rename(root / path)
        tree[path] = content


def link_over(root: Path, tree: Tree, path: str, content: Content) -> None:
    """Give the file that is there another path's inode."""
    others = [other for other in sorted(tree) if other != path and isinstance(tree[other], bytes)]
    if isinstance(tree.get(path), bytes) and others:
        (root / path).unlink()
        os.link(root / others[0], root / path)
        tree[path] = tree[others[0]]


Mutate = Callable[[Path, Tree, str, Content], None]
mutations: st.SearchStrategy[list[tuple[Mutate, int | str, Content]]] = st.lists(
    st.tuples(
        st.sampled_from(
            [put, overwrite, overwrite, rename_over, link_over, lambda root, tree, path, _: remove(root, tree, path)]
        ),
        st.integers(0, 7) | paths.filter(lambda path: path.split("/")[0] != MARKER),
        contents,
    ),
    max_size=6,
)


@given(trees.map(consistent), mutations, st.booleans())
@settings(max_examples=120, deadline=None)
def test_a_tree_that_is_changed_step_by_step_differs_exactly_in_what_changed(
    before: Tree, steps: list[tuple[Mutate, int | str, Content]], with_manifest: bool
) -> None:
    """In-place writes with times put back, renames, hard links, folders for files and the reverse, in any order."""
    with tempfile.TemporaryDirectory() as place:
        root, after = Path(place), dict(before)
        write(root, before)
        files_only = all(isinstance(content, bytes) for content in before.values())
        known = Manifest.of(manifest_entry(root, path) for path in before) if with_manifest and files_only else None
        snapshot = take_snapshot(root, known)
        for mutate, chosen, content in steps:
            existing = sorted(after) or ["first"]
            mutate(root, after, existing[chosen % len(existing)] if isinstance(chosen, int) else chosen, content)
        assert changes_since(snapshot, root) == difference(before, after)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace with two files and a symlink."""
    write(tmp_path, {"a": b"aaaa", "sub/b": b"bbbb", "link": "->a"})
    return tmp_path


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are hashed from here on."""
    seen: list[str] = []
    plain = hashing.hash_file

    def recording(path: Path, known: str | None = None) -> str:
        seen.append(path.name)
        return plain(path, known)

    monkeypatch.setattr(hashing, "hash_file", recording)
    return seen


def downloaded(root: Path) -> Manifest:
    return Manifest.of(manifest_entry(root, path) for path in ("a", "sub/b"))


def settle(snapshot: Snapshot) -> Snapshot:
    """The snapshot as if the body had started in a later clock tick than the download ended."""
    return Snapshot(snapshot.manifest, FUTURE)


def wait_for_a_tick(root: Path) -> None:
    """Let the file system's clock go on, so that another stamp is a later one."""
    now = clock_of(root)
    while clock_of(root) == now:
        pass


def test_with_a_manifest_nothing_is_read_before_the_body(root: Path, hashed: list[str]) -> None:
    """The first snapshot is the manifest; a file whose stat is unchanged and settled is not read afterwards either."""
    before = downloaded(root)
    hashed.clear()
    (root / "link").unlink()
    assert changes_since(settle(take_snapshot(root, before)), root) == Changes()
    assert hashed == []


def test_what_was_downloaded_before_the_bodys_tick_is_not_read_again(root: Path, hashed: list[str]) -> None:
    """By the file system's own clock, which the snapshot looks at."""
    before = downloaded(root)
    hashed.clear()
    (root / "link").unlink()
    wait_for_a_tick(root)
    assert changes_since(take_snapshot(root, before), root) == Changes()
    assert hashed == []


def test_without_a_manifest_every_file_is_read_once(root: Path, hashed: list[str]) -> None:
    """A download that leaves no manifest is served by hashing, once."""
    before = settle(take_snapshot(root))
    assert sorted(hashed) == ["a", "b"]
    assert changes_since(before, root) == Changes()
    assert sorted(hashed) == ["a", "b"]


def test_a_file_rewritten_in_place_with_its_mtime_put_back_is_seen(root: Path, hashed: list[str]) -> None:
    """Same size, same mtime, same inode: the ctime reveals the change."""
    before = settle(take_snapshot(root))
    times = (root / "a").stat()
    wait_for_a_tick(root)
    overwrite(root, {"a": b"aaaa"}, "a", b"AAAA")
    now = (root / "a").stat()
    assert (now.st_mtime_ns, now.st_size, now.st_ino) == (times.st_mtime_ns, times.st_size, times.st_ino)
    assert changes_since(before, root).modified == ("a",)


def test_a_change_in_the_same_tick_of_a_coarse_clock_is_seen(root: Path) -> None:
    """With stats that cannot differ, a file as young as the body's start is hashed."""
    before = take_snapshot(root)
    with open(root / "a", "r+b") as file:
        file.write(b"AAAA")
    stats = scan(root)
    frozen = Manifest(stats, before.manifest.digests)
    tick = stats["a"][2]
    assert changes_since(Snapshot(frozen, tick), root).modified == ("a",)
    assert changes_since(Snapshot(frozen, tick + 1), root).modified == ()


def test_a_touched_or_rewritten_file_with_its_old_content_is_unchanged(root: Path, hashed: list[str]) -> None:
    """Another stat makes a file doubtful, not changed: its hash decides."""
    before = settle(take_snapshot(root))
    hashed.clear()
    wait_for_a_tick(root)
    (root / "a").unlink()
    (root / "a").write_bytes(b"aaaa")
    (root / "sub" / "b").chmod(0o600)
    assert changes_since(before, root) == Changes()
    assert sorted(hashed) == ["a", "b"]


def test_another_size_is_a_change_without_hashing(root: Path, hashed: list[str]) -> None:
    """What a stat proves need not be read."""
    before = settle(take_snapshot(root))
    hashed.clear()
    (root / "a").write_bytes(b"longer")
    assert changes_since(before, root) == Changes(modified=("a",))
    assert hashed == []


def test_a_swapped_pair_is_seen(root: Path) -> None:
    """Two files that change places keep their stats and change both paths."""
    before = settle(take_snapshot(root))
    (root / "a").rename(root / "t")
    (root / "sub" / "b").rename(root / "a")
    (root / "t").rename(root / "sub" / "b")
    assert changes_since(before, root) == Changes(modified=("a", "sub/b"))


def test_a_file_renamed_over_another_of_the_same_size_and_times_is_seen(root: Path) -> None:
    """Inode and ctime give it away, and its content decides."""
    before = settle(take_snapshot(root))
    times = (root / "a").stat()
    for content, want in ((b"AAAA", Changes(modified=("a",))), (b"aaaa", Changes())):
        rename_over(root, {"a": b"aaaa"}, "a", content)
        assert (root / "a").stat().st_mtime_ns == times.st_mtime_ns
        assert changes_since(before, root) == want


def test_a_hard_link_put_in_a_files_place_is_seen(root: Path) -> None:
    """Two paths of one inode: the path that changed its content is modified, the other is not."""
    before = settle(take_snapshot(root))
    link_over(root, {"a": b"aaaa", "sub/b": b"bbbb"}, "a", b"")
    assert changes_since(before, root) == Changes(modified=("a",))


def test_a_write_through_another_name_of_the_file_is_seen(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A hard link from elsewhere to a file of the workspace changes the file without its path being touched."""
    other = tmp_path_factory.mktemp("other") / "name"
    os.link(root / "a", other)
    before = take_snapshot(root)
    other.write_bytes(b"AAAA")
    assert changes_since(before, root) == Changes(modified=("a",))


def test_a_write_through_a_mapping_is_seen(root: Path) -> None:
    """Memory-mapped writes count like any other."""
    before = take_snapshot(root)
    with open(root / "a", "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        memory[0:1] = b"A"
    assert changes_since(before, root) == Changes(modified=("a",))


def test_a_link_that_points_elsewhere_is_a_change_and_is_never_followed(root: Path) -> None:
    """A symlink's content is its target's text, also where the target does not exist or is a folder outside."""
    before = take_snapshot(root)
    (root / "link").unlink()
    (root / "link").symlink_to("/")
    assert changes_since(before, root) == Changes(modified=("link",))


def test_what_is_neither_file_nor_link_does_not_count(root: Path) -> None:
    """Pipes, sockets and empty directories are not content."""
    before = take_snapshot(root)
    os.mkfifo(root / "pipe")
    (root / "empty").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(root / "s"))
        assert changes_since(before, root) == Changes()


def test_the_marker_is_seen_nowhere_but_below_the_root(root: Path) -> None:
    """The marker at the root is not content; a file with its name in a folder is."""
    before = take_snapshot(root)
    (root / ".perago-attempt.json").write_text("{}")
    (root / "sub" / ".perago-attempt.json").write_text("mine")
    assert changes_since(before, root) == Changes(added=("sub/.perago-attempt.json",))


def test_names_that_are_not_utf8_are_content(root: Path) -> None:
    """A name of arbitrary bytes is seen, and survives the manifest's file."""
    before = take_snapshot(root)
    (Path(os.fsdecode(os.fsencode(root) + b"/\xff\xfe"))).write_text("x")
    (added,) = changes_since(before, root).added
    assert os.fsencode(added) == b"\xff\xfe"


def test_the_clock_is_the_file_systems_own(root: Path) -> None:
    """A file written after the clock was read is stamped no earlier than it."""
    tick = clock_of(root)
    (root / "later").touch()
    assert (root / "later").stat().st_ctime_ns >= tick
    assert take_snapshot(root).started_ns >= tick
