"""A few rounds of the races that `python -m tests.races` counts, on a real lakeFS."""

import uuid

import pytest

from perago_dev.servers.lakefs import Server
from tests.races.rounds import Racers, course

ROUNDS = 4


@pytest.mark.parametrize(
    "racers", [Racers(2), Racers(2, installations=2, fence=True), Racers(4, installations=2, fence=True)], ids=str
)
async def test_a_guarded_race_has_one_winner(lakefs: Server, racers: Racers) -> None:
    """Its commit and its files are all that has happened to the branch; the others are told that they were too late."""
    async with course(lakefs, f"races-{uuid.uuid4().hex[:12]}", racers) as races:
        rounds = [await races.run() for _ in range(ROUNDS)]
    assert [ended.is_won for ended in rounds] == [True] * ROUNDS, rounds
