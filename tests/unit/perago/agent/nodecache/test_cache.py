"""The node cache keeps what was used last, within its bounds and at a bounded cost, and never makes anything fail."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from perago.agent.nodecache.cache import NodeCache, open_cache
from perago.agent.nodecache.folder import Folder, Incoming
from perago.agent.nodecache.room import LEAST_CHARGE, Bounds, Disk, Entry
from perago.agent.nodecache.usage import Usage


class CountingFolder(Folder):
    """Counts how often all entries are looked at."""

    scans = 0

    def entries(self) -> Iterator[Entry]:
        self.scans += 1
        return super().entries()


def name(number: int) -> str:
    """The name of an entry."""
    return f"{number:064x}"


class World:
    """A folder, and the caches of agents that share it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.disk, self.others = 1 << 50, 0
        """The size of the file system, and what others than the cache have on it."""
        self.folder = CountingFolder(root)

    def agent(self, entries: int = 10, keep_free: int = 0) -> NodeCache:
        """The cache of one agent, with room for so many of the smallest entries."""
        usage, bounds = Usage(self.folder.usage), Bounds(entries * LEAST_CHARGE, keep_free)
        return NodeCache(self.folder, usage, bounds, lambda _: self._free())

    def _free(self) -> Disk:
        entries = sum(entry.charge for entry in Folder(self.root).entries())
        return Disk(self.disk, self.disk - self.others - entries)

    def entries(self) -> set[int]:
        """The numbers of all entries."""
        return {int(entry.name, 16) for entry in Folder(self.root).entries()}

    def used_at(self, number: int, moment: int) -> None:
        """An entry was used for the last time at this moment."""
        os.utime(self.folder._entry(name(number)), ns=(moment, moment))


def going_on() -> bool:
    """The transfer is not being given up."""
    return False


def add(cache: NodeCache, number: int, size: int = 1) -> bool:
    """Keep an object; whether there was room for it."""
    incoming = cache.create(name(number), size, going_on)
    if incoming is None:
        return False
    os.ftruncate(incoming.descriptor, size)
    cache.keep(incoming, size)
    cache.drop(incoming)
    return True


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An empty cache."""
    return World(tmp_path)


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    """What is logged as a warning."""
    lines: list[str] = []
    handler = logger.add(lines.append, level="WARNING", format="{message}")
    yield lines
    logger.remove(handler)


def test_what_was_not_used_for_longest_goes_first(world: World) -> None:
    """Also when an entry is older than others and was used since."""
    cache = world.agent()
    for number in range(10):
        assert add(cache, number)
        world.used_at(number, 1000 + number)
    descriptor = cache.open(name(0))
    assert descriptor is not None
    cache.used(descriptor, 1)
    assert add(cache, 10)
    assert world.entries() == {0, 2, 3, 4, 5, 6, 7, 8, 9, 10}


def test_an_eviction_makes_as_much_room_as_an_object_needs(world: World) -> None:
    """Not less, and not all there is."""
    cache = world.agent()
    for number in range(10):
        add(cache, number)
        world.used_at(number, 1000 + number)
    assert add(cache, 10, 4 * LEAST_CHARGE)
    assert world.entries() == {4, 5, 6, 7, 8, 9, 10}


def test_not_every_object_looks_at_all_entries(world: World) -> None:
    """One in as many as a tenth of the cache has, at most."""
    folder = world.folder
    usage, bounds = Usage(folder.usage), Bounds(200 * LEAST_CHARGE, 0)
    cache = NodeCache(folder, usage, bounds, lambda _: Disk(1 << 50, 1 << 50))
    for number in range(600):
        assert add(cache, number)
    assert folder.scans <= 400 / 20
    assert len(world.entries()) <= 200


def test_the_bound_holds_for_all_agents_together(world: World) -> None:
    """None of them knows what the others have added."""
    agents = [world.agent() for _ in range(3)]
    for number in range(60):
        assert add(agents[number % 3], number)
        assert len(world.entries()) <= 10


def test_two_agents_that_evict_at_once_do_not_wait_for_each_other(world: World) -> None:
    """The second one does without: the object comes from lakeFS all the same."""
    one, two = world.agent(), world.agent()
    for number in range(10):
        add(one, number)
    inner: list[bool] = []

    def meanwhile() -> bool:
        if not inner:
            inner.append(add(two, 98))
        return False

    incoming = one.create(name(99), 1, meanwhile)
    assert incoming is not None
    assert inner == [False]
    one.drop(incoming)


def test_what_a_dead_agent_had_reserved_is_found_by_the_next_eviction(world: World) -> None:
    """The number was too high since: the room is not lost."""
    cache = world.agent()
    add(cache, 0)
    for _ in range(9):
        assert Usage(world.folder.usage).reserve(LEAST_CHARGE, lambda _: 1 << 60)
    assert add(cache, 1), "counted anew"
    assert world.entries() == {0, 1}


def test_the_cache_makes_way_when_others_fill_the_disk(world: World) -> None:
    """With 20 percent to be left free."""
    cache = world.agent(keep_free=20)
    for number in range(10):
        add(cache, number)
    world.disk, world.others = 100 * LEAST_CHARGE, 74 * LEAST_CHARGE
    assert add(cache, 10)
    assert len(world.entries()) == 6, "of ten, five have gone, and one has come"
    world.others = 80 * LEAST_CHARGE
    assert not add(cache, 11)
    assert world.entries() == set()


def test_a_disk_that_stays_full_is_not_searched_for_every_object(world: World) -> None:
    """There is nothing left that could go."""
    cache = world.agent(keep_free=20)
    add(cache, 0)
    world.others = world.disk
    for number in range(1, 50):
        assert not add(cache, number)
    assert world.folder.scans <= 3


def test_an_eviction_in_vain_is_not_repeated(world: World) -> None:
    """All the room is taken by what others are filling."""
    other, cache = world.agent(), world.agent()
    filling = [other.create(name(number), 1, going_on) for number in range(10)]
    scans = world.folder.scans
    for number in range(20, 50):
        assert not add(cache, number)
    assert world.folder.scans == scans + 1
    assert len(list(world.folder.charges())) == 10, "what found no room has gone"
    for incoming in filling:
        assert incoming is not None
        other.drop(incoming)


def test_a_transfer_that_is_given_up_ends_its_eviction(world: World) -> None:
    """Before anything is evicted."""
    cache = world.agent()
    for number in range(10):
        add(cache, number)
    assert cache.create(name(11), 1, lambda: True) is None
    assert world.entries() == set(range(10))


def test_an_entry_that_is_used_during_an_eviction_stays(world: World) -> None:
    """It is not one of the oldest any more."""
    cache = world.agent()
    for number in range(10):
        add(cache, number)
        world.used_at(number, 1000 + number)

    def meanwhile() -> bool:
        for number in range(9):
            world.used_at(number, 5000)
        return False

    incoming = cache.create(name(11), 1, meanwhile)
    assert incoming is not None
    cache.drop(incoming)
    assert world.entries() == set(range(9))


def test_an_object_that_is_too_large_is_not_kept(world: World) -> None:
    """And drives nothing out."""
    cache = world.agent()
    add(cache, 0)
    assert not add(cache, 1, 6 * LEAST_CHARGE)
    assert world.entries() == {0}


BROKEN = ["open", "create", "entries", "charges", "disk", "used_now", "remove", "keep", "close"]


@pytest.mark.parametrize("broken", BROKEN)
def test_whatever_fails_is_told_once_and_the_cache_is_left_alone(
    world: World, monkeypatch: pytest.MonkeyPatch, warnings: list[str], broken: str
) -> None:
    """No call raises, and a later one finds and keeps nothing."""
    cache = world.agent(2)
    add(cache, 0)
    add(cache, 1)

    def fail(*_: Any) -> Any:
        raise OSError(5, "Input/output error")

    if broken == "used_now":
        monkeypatch.setattr("perago.agent.nodecache.cache.used_now", fail)
    elif broken == "disk":
        monkeypatch.setattr(cache, "_disk", fail)
    else:
        monkeypatch.setattr(Incoming if broken in ("keep", "close") else CountingFolder, broken, fail)
    for _ in range(2):
        descriptor = cache.open(name(0))
        if descriptor is not None:
            cache.used(descriptor, 1)
        add(cache, 2)
        cache.discard(name(1))
    monkeypatch.undo()
    assert warnings == [
        "the node cache fails, so that all further objects come from lakeFS: [Errno 5] Input/output error\n"
    ]
    assert cache.open(name(0)) is None
    assert not add(cache, 3)


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path, warnings: list[str]) -> None:
    """As one does that the platform has not prepared; the attempt goes on."""
    (tmp_path / "file").touch()
    assert open_cache(tmp_path / "file", Bounds(1, 0)) is None
    assert [line for line in warnings if "the node cache cannot be used" in line] == warnings
    assert len(warnings) == 1


def test_what_the_cache_was_good_for_is_logged_at_the_end(world: World) -> None:
    """Objects and bytes."""
    lines: list[str] = []
    handler = logger.add(lines.append, level="INFO", format="{message}")
    cache = world.agent()
    add(cache, 0, 77)
    descriptor = cache.open(name(0))
    assert descriptor is not None
    cache.used(descriptor, 77)
    cache.used(descriptor, 77)
    cache.close()
    logger.remove(handler)
    assert lines == [
        "node cache: 2 objects (154 bytes) found, 1 objects (77 bytes) added, 0 objects (0 bytes) evicted\n"
    ]
