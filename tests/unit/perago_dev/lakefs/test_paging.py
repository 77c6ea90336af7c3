"""Pages against the obvious way to make them."""

from collections.abc import Callable, Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from perago_dev.lakefs.model.paging import PageRequest, after_prefix, page

paths = st.text(alphabet="ab/", min_size=1, max_size=5)
listings = st.sets(paths, max_size=30).map(sorted)
prefixes = st.sampled_from(["", "a", "a/", "b/a"])
delimiters = st.sampled_from(["", "/"])


def seeker(listing: Sequence[str]) -> Callable[[str], Iterator[tuple[str, str]]]:
    """Reads a sorted list from a path on."""

    def seek(start: str) -> Iterator[tuple[str, str]]:
        return iter([(path, path) for path in listing if path >= start])

    return seek


def grouped(listing: Sequence[str], prefix: str, delimiter: str) -> list[str]:
    """Everything a listing shows, computed without paging."""
    shown = []
    for path in listing:
        if path.startswith(prefix):
            at = path.find(delimiter, len(prefix)) if delimiter else -1
            shown.append(path if at < 0 else path[: at + len(delimiter)])
    return sorted(set(shown))


@given(listing=listings, prefix=prefixes, delimiter=delimiters, amount=st.integers(1, 4))
def test_pages_together_are_the_whole(listing: list[str], prefix: str, delimiter: str, amount: int) -> None:
    """Following `next_offset` gives every path and group once, in order; only the last page has no more."""
    seen: list[str] = []
    after = ""
    while True:
        part = page(seeker(listing), PageRequest(prefix, after, delimiter, amount))
        seen += [path for path, _ in part.results]
        if not part.has_more:
            break
        assert len(part.results) == amount
        after = part.next_offset()
    assert (seen, part.next_offset()) == (grouped(listing, prefix, delimiter), "")


@given(listing=listings, after=paths, delimiter=delimiters)
def test_after_is_exclusive(listing: list[str], after: str, delimiter: str) -> None:
    """A page begins behind `after`, whether that exists or not; a group that begins before it does not come again."""
    part = page(seeker(listing), PageRequest("", after, delimiter, 100))
    assert [path for path, _ in part.results] == [path for path in grouped(listing, "", delimiter) if path > after]


def test_groups_are_told_from_objects() -> None:
    """A group has no item; a path and a group may differ only by the delimiter."""
    part = page(seeker(["a", "a/b"]), PageRequest("", "", "/", 10))
    assert part.results == [("a", "a"), ("a/", None)]


@given(prefix=st.text(max_size=3), path=st.text(max_size=6))
def test_the_end_of_a_prefix(prefix: str, path: str) -> None:
    """`after_prefix` separates what starts with a prefix from all that comes after it."""
    end = after_prefix(prefix)
    if path.startswith(prefix):
        assert end is None or path < end
    elif path > prefix:
        assert end is not None
        assert path >= end
