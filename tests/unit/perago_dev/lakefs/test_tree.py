"""Trees against a plain dictionary."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perago_dev.lakefs.model import tree as trees
from perago_dev.lakefs.model.tree import EMPTY, apply, differences, entries_from, lookup
from tests.unit.perago_dev.lakefs.memory import MemoryRanges, entry, tree_of

paths = st.text(alphabet="ab/é\U0001f600", min_size=1, max_size=4)
contents = st.dictionaries(paths, st.sampled_from(["1", "2", "3"]), max_size=40)
changes = st.dictionaries(paths, st.sampled_from(["1", "9", None]), max_size=20)


@pytest.fixture(autouse=True, scope="module")
def _small_ranges() -> Iterator[None]:
    """Ranges of about three entries, so that small examples have many of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trees, "RANGE_ENTRIES", 3)
        yield


@given(old=contents, new=changes)
def test_applying_is_what_it_is_to_a_dictionary(old: dict[str, str], new: dict[str, str | None]) -> None:
    """The tree after changes holds what a dictionary would, in order."""
    ranges = MemoryRanges()
    changed = [(path, entry(text) if text is not None else None) for path, text in sorted(new.items())]
    result = apply(ranges, tree_of(ranges, old), changed)
    want = {path: text for path, text in (old | new).items() if text is not None}
    assert list(entries_from(ranges, result, "")) == [(path, entry(text)) for path, text in sorted(want.items())]


@given(old=contents, new=contents)
def test_equal_contents_have_equal_ids(old: dict[str, str], new: dict[str, str]) -> None:
    """Whatever the way to a content, its tree is the same."""
    ranges = MemoryRanges()
    steps = dict.fromkeys(old) | new
    changed = [(path, entry(text) if text is not None else None) for path, text in sorted(steps.items())]
    assert apply(ranges, tree_of(ranges, old), changed).identity() == tree_of(ranges, new).identity()


@given(left=contents, right=contents)
def test_differences_are_those_of_dictionaries(left: dict[str, str], right: dict[str, str]) -> None:
    """Each path that differs comes once, in order, with both sides."""
    ranges = MemoryRanges()
    found = list(differences(ranges, tree_of(ranges, left), tree_of(ranges, right)))
    want = sorted(path for path in left | right if left.get(path) != right.get(path))
    assert [path for path, _, _ in found] == want


@given(content=contents, start=paths)
def test_reading_from_a_path(content: dict[str, str], start: str) -> None:
    """Reading begins at the first path not before the given one, and looking up agrees with it."""
    ranges = MemoryRanges()
    tree = tree_of(ranges, content)
    assert [path for path, _ in entries_from(ranges, tree, start)] == sorted(path for path in content if path >= start)
    assert (lookup(ranges, tree, start) is not None) == (start in content)


def test_a_change_touches_its_range_alone() -> None:
    """One change in 20,000 paths saves one range, and two ranges suffice to see the difference."""
    ranges = MemoryRanges()
    old = tree_of(ranges, {f"{number:06}": "x" for number in range(20_000)})
    ranges.saved.clear()
    new = apply(ranges, old, [("010000", entry("y"))])
    ranges.loaded.clear()
    assert [path for path, _, _ in differences(ranges, old, new)] == ["010000"]
    assert (len(ranges.saved), len(ranges.loaded), len(old.refs) > 4000) == (1, 2, True)


def test_times_do_not_make_a_difference() -> None:
    """The same bytes uploaded later are the same content; another type is not."""
    assert entry("x", mtime=1).same_as(entry("x", mtime=2))
    assert entry("x", mtime=1).identity() == entry("x", mtime=2).identity()
    assert not entry("x").same_as(entry("x", content_type="text/plain"))


def test_the_empty_tree_has_an_id() -> None:
    """Deleting everything leads back to it."""
    ranges = MemoryRanges()
    full = tree_of(ranges, {"a": "1"})
    assert apply(ranges, full, [("a", None)]).identity() == EMPTY.identity()
