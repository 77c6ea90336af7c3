"""What goes wrong between a client and a server: one vocabulary for fakes and for the proxy in front of real servers.

A fault is a coroutine function of one `Exchange`. When it returns, the client's connection is closed. A test may write
its own.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

SECONDS = 20.0

Answer = TypeVar("Answer")


class Exchange(Protocol[Answer]):
    """One request of a client, which has not reached the server yet."""

    async def answer(self) -> Answer:
        """Pass the request on to the server; its answer once the work is done."""

    async def send(self, answer: Answer) -> None:
        """Give the client an answer."""

    async def pass_on(self) -> None:
        """Pass the request on to the server, and its answer to the client."""

    async def hung_up(self) -> None:
        """Wait until the client gives up."""

    async def cut(self) -> None:
        """End the client's connection; the request can still be passed on."""


E = TypeVar("E", bound=Exchange[Any])
Fault = Callable[[E], Awaitable[None]]


async def passed(exchange: Exchange[Answer]) -> None:
    """Nothing goes wrong."""
    await exchange.pass_on()


async def cut_before(exchange: Exchange[Answer]) -> None:
    """The connection ends, and the server never sees the request."""


async def lost(exchange: Exchange[Answer]) -> None:
    """The server does the work, and the connection ends before any of its answer arrives."""
    await exchange.answer()


async def silent(exchange: Exchange[Answer]) -> None:
    """The server never sees the request, and no answer comes until the client hangs up."""
    await exchange.hung_up()


class Held:
    """A fault: the server does the work, and its answer is kept back until `release`, if ever."""

    def __init__(self) -> None:
        self._answered: Future[None] = Future()
        self._released: Future[None] = Future()

    async def __call__(self, exchange: Exchange[Answer]) -> None:
        """See `Fault`."""
        answer = await exchange.answer()
        self._answered.set_result(None)
        await asyncio.wrap_future(self._released)
        await exchange.send(answer)

    def wait(self, seconds: float = SECONDS) -> None:
        """Block until the server has answered. Raises TimeoutError."""
        self._answered.result(seconds)

    async def reached(self, seconds: float = SECONDS) -> None:
        """Wait until the server has answered. Raises TimeoutError."""
        await _set(self._answered, seconds)

    def release(self) -> None:
        """Let the answer pass."""
        self._released.set_result(None)


class Late:
    """A fault: the connection ends, and the server sees the request only when `land` is called, if ever."""

    def __init__(self) -> None:
        self._released: Future[None] = Future()
        self._landed: Future[None] = Future()

    async def __call__(self, exchange: Exchange[Answer]) -> None:
        """See `Fault`."""
        await exchange.cut()
        await asyncio.wrap_future(self._released)
        await exchange.answer()
        self._landed.set_result(None)

    async def land(self, seconds: float = SECONDS) -> None:
        """Let the server do the work, and wait until it has. Raises TimeoutError."""
        self._released.set_result(None)
        await _set(self._landed, seconds)


def preceded_by(action: Callable[[], Coroutine[None, None, object]]) -> Fault[Exchange[Any]]:
    """Something else happens, in the event loop of the test, right before the server sees the request."""
    loop = asyncio.get_running_loop()

    async def fault(exchange: Exchange[Answer]) -> None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(action(), loop))
        await exchange.pass_on()

    return fault


async def _set(future: Future[None], seconds: float) -> None:
    await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(future)), seconds)


@dataclass
class _Rule(Generic[E]):
    pattern: str
    fault: Fault[E]
    left: int | None
    met: bool = False

    @property
    def open(self) -> bool:
        """Whether it has not been met as often as it should."""
        return not self.met if self.left is None else self.left > 0

    def take(self) -> Fault[E]:
        """The fault, for one request."""
        self.met, self.left = True, None if self.left is None else self.left - 1
        return self.fault


class Faults(Generic[E]):
    """Which requests go wrong, and how."""

    def __init__(self, match: Callable[[str, str], object] = re.search) -> None:
        self.seen: list[str] = []
        """Every request, in the order of arrival."""
        self.otherwise: Fault[E] = passed
        """What becomes of the requests that meet no fault."""
        self._match = match
        self._rules: list[_Rule[E]] = []

    def on(self, pattern: str, fault: Fault[E], times: int | None = 1) -> None:
        """Let the next `times` requests that match `pattern` meet the fault; None: until `clear`."""
        self._rules.append(_Rule(pattern, fault, times))

    def clear(self) -> None:
        """Let every further request pass. Raises as `check` does."""
        self.check()
        self._rules = []

    def check(self) -> None:
        """Raise AssertionError unless every fault has been met, as many times as it should."""
        for rule in self._rules:
            assert not rule.open, f"no request met {rule.pattern!r}: {self.seen}"

    def arrived(self, request: str) -> Fault[E]:
        """The fault of a request that has just arrived."""
        self.seen.append(request)
        rules = (rule for rule in self._rules if rule.left != 0 and self._match(rule.pattern, request))
        rule = next(rules, None)
        return rule.take() if rule else self.otherwise
