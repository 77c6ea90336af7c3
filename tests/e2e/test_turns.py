"""Attempts that publish to one branch at the same time, on real pods."""

import time

import pytest

from tests.e2e.flow import Flow
from tests.e2e.repository import SMALL, Repository
from tests.kubectl import Object

pytestmark = pytest.mark.cluster


def racing(flow: Flow, repository: Repository, count: int, seconds: float) -> list[Object]:
    """The statuses of so many attempts of different tasks whose bodies end together, so many seconds from now."""
    workspace, moment = repository.workspace(), time.time() + seconds
    names = [f"{repository.name}-{number}" for number in range(count)]
    given = [{"workspace": workspace, "params": {"name": name, "at": moment}} for name in names]
    flow.cluster.apply([flow.attempt(name, "adds", one) for name, one in zip(names, given, strict=True)])
    ended = [flow.cluster.finished(name)["status"] for name in names]
    flow.assert_nothing_left(repository, *names)
    return ended


def test_of_attempts_from_one_commit_exactly_one_publishes(flow: Flow, repository: Repository) -> None:
    """Their files do not conflict, so lakeFS would let all of them land; the others find that the branch has moved."""
    before = repository.head()
    statuses = racing(flow, repository, 3, 8)
    assert sorted(status["outcome"]["reason"] for status in statuses) == ["Completed"] + 2 * ["PublishFenceError"]
    (winner,) = [status for status in statuses if status["outcome"]["status"] == "COMPLETED"]
    assert repository.commit("main").parents == [before]
    assert winner["workspace"]["publishedRef"] == repository.head()
    added = winner["outcome"]["output"]["result"]["name"]
    assert set(repository.files()) == {*SMALL, added}
    for status in statuses:
        assert status["turn"]["returned"] == {key: status["turn"]["granted"][key] for key in ("execution", "number")}
    assert all("waitingForTurn" in status["timings"] for status in statuses)
    assert winner["timings"]["waitingForTurn"] <= winner["timings"]["publishing"]
