"""Three-way merges of small trees."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perago_dev.lakefs.model.merging import MergeConflictError, Strategy, merge_changes, three_way, two_way
from perago_dev.lakefs.model.tree import apply, entries_from
from tests.unit.perago_dev.lakefs.memory import MemoryRanges, entry, tree_of

contents = st.dictionaries(st.sampled_from("abcd"), st.sampled_from("123"))
strategies: st.SearchStrategy[Strategy] = st.sampled_from(["source-wins", "dest-wins"])


def merged(
    base: dict[str, str], dest: dict[str, str], source: dict[str, str], strategy: Strategy = "default"
) -> set[str]:
    """What a merge results in, as `path=text`."""
    ranges = MemoryRanges()
    trees = tree_of(ranges, base), tree_of(ranges, dest), tree_of(ranges, source)
    result = apply(ranges, trees[1], merge_changes(ranges, trees, strategy))
    texts = {entry(text).digest: text for text in "123"}
    return {f"{path}={texts[found.digest]}" for path, found in entries_from(ranges, result, "")}


def as_set(content: dict[str, str]) -> set[str]:
    """A content in the same form."""
    return {f"{path}={text}" for path, text in content.items()}


@given(base=contents, side=contents)
def test_one_sided_changes_are_taken(base: dict[str, str], side: dict[str, str]) -> None:
    """When only one side changed, the result is that side."""
    assert merged(base, base, side) == merged(base, side, base) == as_set(side)


@given(base=contents, side=contents)
def test_the_same_on_both_sides_is_no_conflict(base: dict[str, str], side: dict[str, str]) -> None:
    """Sides that are alike merge to what they are, and there is nothing to show."""
    assert merged(base, side, side) == as_set(side)


@given(base=contents, dest=contents, source=contents, strategy=strategies)
def test_a_strategy_decides_conflicts_alone(
    base: dict[str, str], dest: dict[str, str], source: dict[str, str], strategy: Strategy
) -> None:
    """Path by path: the side that changed, or the winner where both did."""
    want = {}
    for path in base | dest | source:
        old, ours, theirs = base.get(path), dest.get(path), source.get(path)
        loser_only = theirs == old or (strategy == "dest-wins" and ours != old)
        want[path] = ours if loser_only else theirs
    assert merged(base, dest, source, strategy) == as_set({path: text for path, text in want.items() if text})


@pytest.mark.parametrize(
    ("base", "dest", "source"),
    [
        ({"a": "1"}, {"a": "2"}, {"a": "3"}),
        ({"a": "1"}, {}, {"a": "3"}),
        ({"a": "1"}, {"a": "2"}, {}),
        ({}, {"a": "1"}, {"a": "2"}),
    ],
    ids=["both change", "deleted and changed", "changed and deleted", "both add"],
)
def test_conflicts(base: dict[str, str], dest: dict[str, str], source: dict[str, str]) -> None:
    """A path that became different things on the two sides is a conflict."""
    with pytest.raises(MergeConflictError):
        merged(base, dest, source)


def test_the_diff_names_kinds_and_sizes() -> None:
    """Added, changed, removed and conflict, with the size of the new bytes, or the old where there are none."""
    ranges = MemoryRanges()
    base = tree_of(ranges, {"b": "1", "c": "1", "d": "123"})
    dest = tree_of(ranges, {"b": "1", "c": "7", "d": "123"})
    found = three_way(ranges, base, dest, tree_of(ranges, {"a": "1", "b": "22", "c": "9"}))
    assert [difference[:3] for difference in found] == [
        ("a", "added", 1),
        ("b", "changed", 2),
        ("c", "conflict", 1),
        ("d", "removed", 3),
    ]


def test_two_way_of_a_removal_has_nothing_new() -> None:
    """The removed side alone is known."""
    assert two_way("a", entry("12"), None) == ("a", "removed", 2, None)
