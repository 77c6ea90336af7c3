"""A listing is a workspace, or every object that is in the way is named at once."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perago import TaskInputError, WorkspaceSpec
from perago.workspace import workspace_local_paths
from perago.workspace.listing import MOST_NAMED, Listing, Place

ROOT = WorkspaceSpec()
DATA = WorkspaceSpec(prefix="/data/raw/")


def test_a_listing_is_mapped_sorted_and_without_what_is_outside() -> None:
    """A whole listing becomes file paths in the order of its object paths."""
    mapped = workspace_local_paths(DATA, ["data/raw/b", "data/raw/a/x", "data/raw2/z", "data/raw/.perago-attempt.json"])
    assert list(mapped.items()) == [("data/raw/a/x", Path("a/x")), ("data/raw/b", Path("b"))]


@pytest.mark.parametrize(
    "listing", [["a", "a/b"], ["a/b/c", "a"], ["x", "a/b", "a/b/c/d"], ["a", "a-", "a/b"], ["a", "a.txt", "a/b/c"]]
)
def test_an_object_that_is_also_a_folder_is_refused_by_name(listing: list[str]) -> None:
    """No file system holds a file and a directory of one name; the error names both objects."""
    with pytest.raises(TaskInputError, match=r"object path 'a/b.*' also has an object 'a|cannot hold"):
        workspace_local_paths(ROOT, listing)


def test_an_unsafe_path_in_a_listing_is_refused_by_name() -> None:
    """One object that cannot be a file stops the whole listing before anything is written."""
    with pytest.raises(TaskInputError, match=r"'data/raw/\.\./x'"):
        workspace_local_paths(DATA, ["data/raw/fine", "data/raw/../x"])


@given(st.sets(st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("/".join), max_size=8))
def test_a_listing_is_accepted_exactly_when_a_tree_can_hold_it(listing: set[str]) -> None:
    """Refused if and only if some object's path is a folder of another's."""
    clash = any(other.startswith(path + "/") for path in listing for other in listing)
    try:
        accepted = set(workspace_local_paths(ROOT, listing))
    except TaskInputError:
        assert clash
    else:
        assert not clash
        assert accepted == listing


def test_a_folder_marker_is_a_place_of_its_own() -> None:
    """A folder; the prefix itself, and what is outside it, have none."""
    listing = Listing(DATA)
    places = [listing.place(path) for path in ("data/", "data/raw/", "data/raw/a/", "data/raw/a/b")]
    assert places == [None, None, Place("a", is_folder=True), Place("a/b")]
    listing.check()


def test_every_problem_is_named_at_once_with_what_to_do() -> None:
    """Of whatever kind; what is in nobody's way is not."""
    listing = Listing(ROOT)
    for path, size in (("a", 1), ("a-", 1), ("a/b", 1), ("b", 1), ("c/", 5), ("d//e", 1), ("f", 1), ("f/", 0)):
        listing.place(path, size)
    with pytest.raises(TaskInputError) as caught:
        listing.check("Rename them")
    named = str(caught.value)
    assert all(f"object path {path!r}" in named for path in ("a/b", "c/", "d//e", "f/"))
    assert "'b'" not in named
    assert "'a-'" not in named
    assert named.endswith(". Rename them")


def test_more_problems_than_a_message_holds_are_counted() -> None:
    """The first are named, in the order of their paths."""
    listing = Listing(ROOT)
    for number in range(MOST_NAMED + 7):
        listing.place(f"a{number:02}//x")
    with pytest.raises(TaskInputError, match=r"'a09//x' .*; and 7 more$") as caught:
        listing.check()
    assert "a10" not in str(caught.value)


def test_what_is_remembered_does_not_grow_with_the_listing() -> None:
    """Only the objects that the latest one may be below."""
    listing = Listing(ROOT)
    for number in range(1000):
        listing.place(f"a/{number:04}")
    assert len(listing._above) == 1
