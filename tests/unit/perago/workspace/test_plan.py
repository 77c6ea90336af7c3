"""Comparison by stats: certain, doubtful, unchanged."""

from hypothesis import given
from hypothesis import strategies as st

from perago.attempt import Changes
from perago.workspace.plan import Comparison, Stat, compare

small = st.integers(0, 2)
stats = st.tuples(small, small, small, small, st.sampled_from(["file", "symlink"]))
states = st.dictionaries(st.sampled_from("abcd"), stats, max_size=4)
OLD: Stat = (1, 10, 10, 7, "file")


def test_an_old_equal_stat_is_unchanged_and_a_young_one_doubtful() -> None:
    """A stat stamped in the tick in which the body started, or later, proves nothing."""
    assert compare({"a": OLD}, {"a": OLD}, 11) == Comparison(Changes(), ())
    assert compare({"a": OLD}, {"a": OLD}, 10) == Comparison(Changes(), ("a",))


def test_another_size_or_kind_is_certain_and_anything_else_doubtful() -> None:
    """Size and kind prove a change; times and inode only raise a doubt."""
    assert compare({"a": OLD}, {"a": (2, *OLD[1:])}, 11).changes.modified == ("a",)
    assert compare({"a": OLD}, {"a": (*OLD[:4], "symlink")}, 11).changes.modified == ("a",)
    for other in ((1, 11, 10, 7, "file"), (1, 10, 11, 7, "file"), (1, 10, 10, 8, "file")):
        assert compare({"a": OLD}, {"a": other}, 11) == Comparison(Changes(), ("a",))


def test_hashes_decide_what_is_doubtful() -> None:
    """A doubtful path is modified when its hash differs; the rest of the changes stay."""
    comparison = Comparison(Changes(added=("n",), modified=("m",), deleted=("d",)), ("a", "z"))
    decided = comparison.decided({"a": "1", "z": "1"}, {"a": "2", "z": "1"})
    assert decided == Changes(added=("n",), modified=("a", "m"), deleted=("d",))


def test_changes_are_true_when_there_are_any_and_know_what_has_to_travel() -> None:
    """Uploads are what was added or modified, sorted together."""
    assert not Changes()
    assert Changes(deleted=("a",))
    assert Changes(added=("c", "z"), modified=("b",), deleted=("a",)).uploads == ("b", "c", "z")


def stamped(size: int, mtime: int, ctime: int, tick: int) -> Stat:
    """A stat as a file system with a clock this coarse stamps it; the inode stays."""
    return size, mtime // tick * tick, ctime // tick * tick, 7, "file"


@given(
    tick=st.sampled_from([1, 4, 1_000]),
    written=st.integers(0, 5_000),
    pause=st.integers(0, 2_000),
    body=st.integers(0, 2_000),
    touched=st.booleans(),
)
def test_no_clock_is_too_coarse(tick: int, written: int, pause: int, body: int, touched: bool) -> None:
    """A file of the same size, inode and mtime that was written after the body started is never taken for unchanged,
    and one that was not touched is hashed only if it is as young as the tick in which the body started."""
    started = written + pause
    before = stamped(4, written, written, tick)
    after = stamped(4, written, started + body if touched else written, tick)
    doubtful = compare({"a": before}, {"a": after}, started // tick * tick).doubtful
    assert doubtful == (("a",) if touched or written // tick == started // tick else ())


@given(stamps=st.integers(0, 5_000), set_back=st.integers(1, 5_000))
def test_a_clock_that_is_set_back_hides_nothing(stamps: int, set_back: int) -> None:
    """Files that seem to come from the future are doubtful: whatever the clock did, they are hashed."""
    stat = stamped(4, stamps, stamps, 1)
    assert compare({"a": stat}, {"a": stat}, stamps - set_back).doubtful == ("a",)


@given(states, states, st.integers(0, 4))
def test_every_path_is_in_exactly_one_place(before: dict[str, Stat], after: dict[str, Stat], started: int) -> None:
    """Added, deleted, certainly modified, doubtful or unchanged: one of them, and each list sorted."""
    comparison = compare(before, after, started)
    changes = comparison.changes
    lists = (changes.added, changes.modified, changes.deleted, comparison.doubtful)
    assert [tuple(sorted(paths)) for paths in lists] == list(lists)
    assert set(changes.added) == after.keys() - before.keys()
    assert set(changes.deleted) == before.keys() - after.keys()
    common = before.keys() & after.keys()
    assert {*changes.modified, *comparison.doubtful} <= common
    unchanged = common - {*changes.modified, *comparison.doubtful}
    assert unchanged == {path for path in common if before[path] == after[path] and after[path][2] < started}
