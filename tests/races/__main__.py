"""`python -m tests.races [PERCENT]`: publishers that race for one branch of a real lakeFS on loopback, counted.

PERCENT of the rounds are run, 100 by default. Within one installation, where publishers take turns, and with the hard
fence between two, every round has to have exactly one winner, and each loser a PublishFenceError. What happens between
installations without the fence is counted as well.
"""

import asyncio
import sys
import tempfile
import time
import uuid
from contextlib import nullcontext
from pathlib import Path

from loguru import logger

from perago_dev.servers import lakefs
from tests.races.rounds import Racers, Round, course

Races = tuple[tuple[Racers, int], ...]

GUARDED: Races = (
    (Racers(2), 200),
    (Racers(8), 50),
    (Racers(2, installations=2, fence=True), 200),
    (Racers(8, installations=2, fence=True), 50),
    (Racers(8, installations=8, fence=True), 50),
)
FREE: Races = ((Racers(2, installations=2), 200), (Racers(8, installations=2), 50), (Racers(8, installations=8), 50))


def main(percent: int) -> int:
    """Run all races; 0 when each guarded round was won by one publisher."""
    logger.remove()
    with tempfile.TemporaryDirectory(prefix="races-") as folder:
        given = lakefs.external()
        with nullcontext(given) if given else lakefs.local_server(Path(folder)) as server:
            guarded = asyncio.run(_races(server, _share(GUARDED, percent)))
            asyncio.run(_races(server, _share(FREE, percent)))
    winners, torn = sum(ended.winners for ended in guarded), sum(not ended.is_won for ended in guarded)
    print(f"races: {len(guarded)} rounds, winners: {winners}, torn: {torn}")
    return 0 if winners == len(guarded) and torn == 0 else 1


def _share(races: Races, percent: int) -> Races:
    return tuple((racers, max(count * percent // 100, 1)) for racers, count in races)


async def _races(server: lakefs.Server, races: Races) -> list[Round]:
    every: list[Round] = []
    for racers, count in races:
        began = time.monotonic()
        async with course(server, f"races-{uuid.uuid4().hex[:12]}", racers) as made:
            rounds = [await made.run() for _ in range(count)]
        _print_summary(racers, rounds, time.monotonic() - began)
        every += rounds
    return every


def _print_summary(racers: Racers, rounds: list[Round], seconds: float) -> None:
    won = sum(ended.is_won for ended in rounds)
    print(f"{racers}: {len(rounds)} rounds in {seconds:.0f} s, one winner alone in {won}", flush=True)
    if not racers.guarded:
        _print_unguarded(rounds)


def _print_unguarded(rounds: list[Round]) -> None:
    astray = [ended.landed_astray for ended in rounds if ended.landed_astray]
    left = sum(ended.still_there for ended in rounds)
    print(f"  merges landed on another publisher's commit in {len(astray)} rounds")
    print(f"  {sum(astray)} such merges were found by the look after them, {left} are on the branch for good")
    without, several = (sum(not ended.winners for ended in rounds), sum(ended.winners > 1 for ended in rounds))
    print(f"  rounds without a winner: {without}, with more than one: {several}", flush=True)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 100))
