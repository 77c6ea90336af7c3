"""How large the node cache may be, and what goes first: the decisions, as tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perago.agent.nodecache.room import LEAST_CHARGE, Bounds, Disk, Entry, Oldest, charge

KIB = 1024


@pytest.mark.parametrize(
    ("size", "counts"),
    [(0, 16 * KIB), (1, 16 * KIB), (16 * KIB, 16 * KIB), (16 * KIB + 1, 20 * KIB), (1 << 30, 1 << 30)],
)
def test_an_object_counts_its_blocks_and_its_share_of_an_inode(size: int, counts: int) -> None:
    """A million empty objects are no small cache."""
    assert charge(size) == counts


@pytest.mark.parametrize(("size", "kept"), [(500 * KIB, True), (501 * KIB, False), (2000 * KIB, False)])
def test_an_object_of_more_than_half_the_cache_is_not_kept(size: int, kept: bool) -> None:
    """It would drive out what others use."""
    assert Bounds(1000 * KIB, 0).worth_keeping(size) is kept


@pytest.mark.parametrize(
    ("used", "free", "room"),
    [
        (0, 1000, 100),  # the limit is what counts
        (90, 1000, 100),
        (0, 250, 50),  # 200 of 1000 stay free
        (40, 210, 50),
        (40, 200, 40),  # nothing more
        (40, 190, 30),  # others have filled the disk: some of it has to go
        (40, 100, 0),
    ],
)
def test_the_cache_leaves_a_share_of_the_disk_free(used: int, free: int, room: int) -> None:
    """Of 1000 bytes a fifth, whoever has used the rest."""
    assert Bounds(100, 20).room(used, Disk(1000, free)) == room


@pytest.mark.parametrize(
    ("needed", "room", "goal"), [(5, 100, 90), (10, 100, 90), (30, 100, 70), (100, 100, 0), (101, 100, 90)]
)
def test_an_eviction_makes_place_for_an_object_and_for_some_more(needed: int, room: int, goal: int) -> None:
    """For one that can never fit, no more is evicted than for a small one."""
    assert Bounds(100, 0).goal(needed, room) == goal


@given(st.lists(st.integers(0, 50), max_size=60), st.integers(1, 70))
def test_the_oldest_are_those_that_were_not_used_for_longest(times: list[int], most: int) -> None:
    """In their order, and no more of them than are wanted."""
    oldest = Oldest(most)
    for number, used in enumerate(times):
        oldest.add(Entry(used, LEAST_CHARGE, str(number)))
    assert [entry.used_ns for entry in oldest] == sorted(times)[:most]
