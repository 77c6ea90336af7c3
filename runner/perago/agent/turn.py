"""The agent's turn to publish: asked for in its own status, granted there by the operator, given back there.

A watch on the attempt only says when to read it again, so one that breaks, hangs or keeps something back costs time and
nothing else. The turn counts from when that read was *sent*: the operator revokes a turn long before it grants the next
one, so whoever read it as granted has all of its time left.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Final, Protocol

from loguru import logger

from perago import wire
from perago.agent.clients.attempt_api import WATCH_SECONDS, AttemptObject
from perago.agent.clients.http import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, NoAnswer, describe, retried
from perago.agent.fence import CANCELED, SUPERSEDED, stale
from perago.agent.status import StatusWriter
from perago.wire import TicketId
from perago.wire.times import micro_timestamp

TIMING: Final = "waiting_for_turn"
RETURN_SECONDS: Final = 0.25
"""How long a turn that nobody is known to wait for may wait for the outcome, which follows soon, to be given back."""


class NoTurn(Exception):
    """The operator did not answer in time; the text says for how long it was asked."""


class WatchesAttempt(Protocol):
    """Reads the attempt's own object, and waits for it to change."""

    async def get(self) -> AttemptObject:
        """Raises AttemptGone, NoAnswer."""

    async def changed(self, version: str) -> None:
        """Return when it may have changed since `version`, or never; raises AttemptGone, NoAnswer."""


class Answer(Enum):
    """What the operator has made of a request, as far as the attempt's status says."""

    NONE = auto()
    QUEUED = auto()
    """It has seen it; others come first."""
    GRANTED = auto()
    REVOKED = auto()
    """It had granted it, and has taken it away."""
    LOST = auto()
    """The status has another request, or none: an older patch has landed late."""


def answer_to(ticket: TicketId, turn: wire.TurnStatus) -> Answer:
    """The answer to the request of that ticket."""
    if turn.revoked is not None and turn.revoked.id >= ticket:
        return Answer.REVOKED
    if turn.granted is not None and turn.granted.id == ticket:
        return Answer.GRANTED
    if turn.requested is None or turn.requested.id != ticket:
        return Answer.LOST
    return Answer.QUEUED if turn.waiting is not None and turn.waiting.id == ticket else Answer.NONE


@dataclass(frozen=True)
class Clocks:
    """`seconds` never goes back; `now` is the time of day, which is an attempt's place in the queue."""

    seconds: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


class AttemptTurn:
    """The turns of one attempt, one after another."""

    def __init__(
        self,
        order: wire.Order,
        attempt: WatchesAttempt,
        status: StatusWriter,
        took: Callable[[str, float], None],
        clocks: Clocks = Clocks(),
    ) -> None:
        """`took` learns how long the attempt has waited for all its turns."""
        self._order = order
        self._attempt = attempt
        self._status = status
        self._took = took
        self._clocks = clocks
        self._waited = 0.0
        self._number = 0
        self._queued = False
        """Others were before us in the queue; then some may be behind."""

    async def take(self) -> float:
        """Wait for the turn; the seconds that are left of it.

        Raises NoTurn when the operator is away, StaleAttemptError, and what reading and writing the attempt raise.
        """
        began = self._clocks.seconds()
        try:
            return await self._granted()
        except BaseException:
            await self.give_back()
            raise
        finally:
            self._waited += self._clocks.seconds() - began
            self._took(TIMING, self._waited)

    async def give_back(self) -> None:
        """Done with it, or no longer interested: reported with whatever is reported next, at once where others wait."""
        if self._number:
            ticket = wire.Ticket(execution=self._order.execution, number=self._number)
            report = wire.StatusReport(turn=wire.TurnReport(returned=ticket))
            self._status.post(report, within=0 if self._queued else RETURN_SECONDS)

    async def _granted(self) -> float:
        place = self._clocks.now()
        while True:
            request = self._request(place)
            await self._status.write(wire.StatusReport(turn=wire.TurnReport(requested=request)))
            answer = await self._answered(request)
            if isinstance(answer, float):
                return answer
            logger.info("asking for the turn to publish again; the answer was: {}", answer.name.lower())
            if answer is Answer.REVOKED:
                place = self._clocks.now()

    def _request(self, place: datetime) -> wire.TurnRequest:
        self._number += 1
        return wire.TurnRequest(
            execution=self._order.execution,
            number=self._number,
            time=micro_timestamp(place),
            seconds=self._order.turn_seconds,
        )

    async def _answered(self, request: wire.TurnRequest) -> float | Answer:
        """The seconds of the turn, or why it has to be asked for anew.

        An operator that has said behind whom the attempt waits is asked again, at the same place, after a long silence:
        whoever answers is still there.
        """
        seconds, patience = self._clocks.seconds, self._order.outage_seconds
        watching, heard, deadline = _Watching(self._attempt, seconds), False, seconds() + patience
        while True:
            sent, attempt = await retried(self._read, patience)
            answer = answer_to(request.id, attempt.turn)
            if answer is Answer.GRANTED:
                return self._order.turn_seconds - (seconds() - sent)
            if answer in (Answer.REVOKED, Answer.LOST):
                return answer
            if answer is Answer.QUEUED and not heard:
                heard, deadline, self._queued = True, seconds() + patience, True
                logger.info("waiting for the turn to publish, behind {}", _behind(attempt))
            left = deadline - seconds()
            if left > 0:
                await watching.wait(attempt.version, left)
            elif heard:
                return Answer.QUEUED
            else:
                raise NoTurn(f"the operator did not answer for {patience:.0f} s: check that it is running, and retry")

    async def _read(self) -> tuple[float, AttemptObject]:
        """When the attempt was asked for, and what it was; raises StaleAttemptError where no turn will be granted."""
        sent = self._clocks.seconds()
        attempt = await self._attempt.get()
        if attempt.deleted or attempt.canceled:
            raise stale(self._order.attempt.model_copy(update={"status": CANCELED}))
        if attempt.executions > self._order.execution:
            raise stale(self._order.attempt.model_copy(update={"status": SUPERSEDED}))
        return sent, attempt


class _Watching:
    """Waits for the next read of the attempt to be worth its while; watches that end at once are spread out."""

    def __init__(self, attempt: WatchesAttempt, clock: Callable[[], float]) -> None:
        self._attempt = attempt
        self._clock = clock
        self._version: str | None = None
        self._pause = FIRST_PAUSE_SECONDS

    async def wait(self, version: str, seconds: float) -> None:
        """Wait for a change after `version`, at most so many seconds."""
        self._pause = FIRST_PAUSE_SECONDS if version != self._version else min(self._pause * 2, LONGEST_PAUSE_SECONDS)
        again, self._version = version == self._version, version
        began = self._clock()
        try:
            async with asyncio.timeout(min(seconds, WATCH_SECONDS)):
                await self._attempt.changed(version)
        except TimeoutError:
            return
        except NoAnswer as error:
            logger.info("the attempt could not be watched; reading it again: {}", describe(error))
            again = True
        if again and self._clock() - began < self._pause:
            await asyncio.sleep(min(self._pause, seconds))


def _behind(attempt: AttemptObject) -> str:
    return attempt.turn.waiting.behind if attempt.turn.waiting else ""
