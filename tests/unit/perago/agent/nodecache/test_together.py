"""Agents of several pods in one node cache, each of which may die at any system call: what always holds."""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from perago.agent.nodecache import usage as usages
from perago.agent.nodecache.cache import NodeCache
from perago.agent.nodecache.folder import Folder
from perago.agent.nodecache.room import LEAST_CHARGE, Bounds, Disk
from perago.agent.nodecache.usage import Usage
from tests.unit.perago.agent.nodecache.lockstep import Agent, stepwise

ROOM = 6
"""The smallest entries that fit at once."""
LIMIT = ROOM * LEAST_CHARGE
OBJECTS = 8
AGENTS = 3


def name(number: int) -> str:
    """The name of an object's entry."""
    return f"{number % 2:02x}{number:062x}"


def size(number: int) -> int:
    """From one to three of the smallest entries."""
    return LEAST_CHARGE * (number % 3 + 1)


def content(number: int) -> bytes:
    """What distinguishes an object from others; the rest of it are zeros."""
    return b"object %d" % number


def opened(root: Path) -> NodeCache:
    """The cache as a new agent opens it."""
    folder = Folder(root)
    return NodeCache(folder, Usage(folder.usage), Bounds(LIMIT, 0), lambda _: Disk(1 << 50, 1 << 50))


def fetch(cache: NodeCache, number: int) -> bool:
    """As a download does with one object: from the cache, or into it. Whether it is an entry now."""
    found = cache.open(name(number))
    if found is not None:
        assert os.pread(found, 100, 0).rstrip(b"\0") == content(number)
        cache.used(found, size(number))
        os.close(found)
        return True
    incoming = cache.create(name(number), size(number), lambda: False)
    if incoming is None:
        return False
    os.ftruncate(incoming.descriptor, size(number))
    os.write(incoming.descriptor, content(number))
    if number != OBJECTS - 1:  # the last one is never verified
        cache.keep(incoming, size(number))
    cache.drop(incoming)
    return number != OBJECTS - 1


def attempt(root: Path, objects: list[int]) -> Callable[[], None]:
    """An agent that fetches these, one after another."""

    def work() -> None:
        cache = opened(root)
        for number in objects:
            if number < 0:
                cache.discard(name(-number))
            else:
                fetch(cache, number)
        cache.close()

    return work


@dataclass
class Node:
    """A cache's folder, as one sees it from outside."""

    root: Path

    def entries(self) -> dict[str, bytes]:
        """Each entry's whole content, by name."""
        objects = self.root / "1" / "objects"
        return {path.parent.name + path.name: path.read_bytes() for path in objects.rglob("*") if path.is_file()}

    def check(self) -> None:
        """Entries are whole, and together within the bound."""
        entries = self.entries()
        whole = {name(number): content(number).ljust(size(number), b"\0") for number in range(OBJECTS - 1)}
        assert entries.items() <= whole.items()
        assert sum(map(len, entries.values())) <= LIMIT


objects = st.lists(st.integers(-2, OBJECTS - 1), min_size=1, max_size=6)


@given(st.lists(objects, min_size=AGENTS, max_size=AGENTS), st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_entries_are_whole_and_within_the_bound_whoever_dies_when(work: list[list[int]], data: st.DataObject) -> None:
    """Whatever agents do at once; and afterwards, the next one finds a cache that works."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(usages, "PAUSE_SECONDS", 0)
        node = Node(Path(folder))
        with stepwise():
            agents = [Agent(attempt(node.root, objects)) for objects in work]
            for agent in agents:
                agent.begin()
            random = data.draw(st.randoms(use_true_random=False))
            deaths = data.draw(st.sets(st.integers(0, 250), max_size=2))
            moment = 0
            while living := [agent for agent in agents if not agent.over]:
                agent, moment = random.choice(living), moment + 1
                if moment in deaths:
                    agent.die()
                    event("an agent died")
                else:
                    for _ in range(random.choice((1, 1, 3, 10, 30))):
                        if not agent.over:
                            agent.step()
                node_exists = (node.root / "1" / "objects").exists()
                if node_exists:
                    node.check()
        cache = opened(node.root)
        assert list((node.root / "1" / "incoming").iterdir()) == []
        for number in range(OBJECTS - 1):
            assert fetch(cache, number)
            node.check()
        cache.close()
