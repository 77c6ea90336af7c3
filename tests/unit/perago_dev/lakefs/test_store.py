"""The writing thread and its readers."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from perago_dev.lakefs.ops import commits, objects, repositories
from perago_dev.lakefs.store.state import State
from perago_dev.lakefs.store.store import Store
from tests.unit.perago_dev.lakefs.memory import entry


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with repository `repo` and a clock that stands still."""
    opened = Store(tmp_path, clock=lambda: 1_700_000_000 * 10**9)
    yield opened
    opened.close()


def make_repository(state: State) -> None:
    """Repository `repo` with its branch `main`."""
    repositories.create(state, repositories.NewRepository("repo", "local://repo"))


def tags(state: State) -> list[str]:
    """All tags of `repo`."""
    repo = state.repository("repo")
    return [name for name, _ in state.tags_from(repo.id, "")] if repo else []


async def test_a_failed_job_undoes_itself_alone(store: Store) -> None:
    """Jobs that share a commit do not share a fate."""
    await store.write(make_repository)

    def fail(state: State) -> None:
        repositories.create_tag(state, "repo", "lost", "main")
        raise ValueError("no")

    def tag(name: str) -> Callable[[State], object]:
        return lambda state: repositories.create_tag(state, "repo", name, "main")

    jobs = [tag("t0"), tag("t1"), tag("t2"), fail, tag("t3"), tag("t4")]
    answers = await asyncio.gather(*[store.write(job) for job in jobs], return_exceptions=True)
    assert [isinstance(answer, ValueError) for answer in answers] == [False] * 3 + [True] + [False] * 2
    assert store.read(tags) == [f"t{n}" for n in range(5)]


async def test_a_canceled_caller_does_not_stop_the_writer(store: Store) -> None:
    """A client that leaves while its job waits costs nobody else anything."""
    leaving = asyncio.ensure_future(store.write(make_repository))
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert await store.write(lambda state: state.now()) == 1_700_000_000


async def test_a_reader_sees_one_moment(store: Store) -> None:
    """What is written while a reader looks does not reach it, and does not wait for it."""
    await store.write(make_repository)

    def look(state: State) -> tuple[list[str], list[str]]:
        before = tags(state)
        writing = asyncio.run_coroutine_threadsafe(
            store.write(lambda other: repositories.create_tag(other, "repo", "new", "main")), loop
        )
        writing.result(timeout=30)
        return before, tags(state)

    loop = asyncio.get_running_loop()
    assert await store.walk(look) == ([], [])
    assert store.read(tags) == ["new"]


async def test_reopening_finds_everything(tmp_path: Path) -> None:
    """Committed and uncommitted state are there after closing."""
    first = Store(tmp_path)
    await first.write(make_repository)
    await first.write(lambda state: objects.put(state, ("repo", "main", "a"), entry("1")))
    made = await first.write(lambda state: commits.commit(state, "repo", "main", commits.Order("c")))
    await first.write(lambda state: objects.put(state, ("repo", "main", "b"), entry("2")))
    first.close()
    second = Store(tmp_path)
    assert second.read(lambda state: objects.find(state, "repo", made.id, "a")) == entry("1")
    assert second.read(lambda state: objects.find(state, "repo", "main", "b")) == entry("2")
    second.close()


async def test_ids_differ_though_the_clock_stands_still(store: Store) -> None:
    """Two commits with the same facts on different parents are two commits."""
    await store.write(make_repository)
    order = commits.Order("c", allow_empty=True)
    made = [await store.write(lambda state: commits.commit(state, "repo", "main", order)) for _ in range(3)]
    assert len({commit.id for commit in made}) == 3
