"""The way from a replica to the servers: each call is counted, and may meet its fault, an outage, or its own death.

It takes the place of a fake's own faults. Calls of others than replicas pass.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from perago_operator.ports import PortError, Unreachable
from tests.crash.faults import DEATHS, HELD_SECONDS, LATE_SECONDS, Kind, Plan
from tests.crash.processes import PROCESS, Process, context_of
from tests.fakes.faulty import CallFaults, Work, unreachable

PATIENCE = {"cluster": 30.0, "feed": 30.0, "lease": 30.0, "conductor": 15.0, "lakefs": 30.0}
"""How long the adapter of each server waits for an answer."""

THAT_WAIT = frozenset({"conductor.poll"})
"""Calls that their servers do not answer in one step."""

Outage = Callable[[str], Any]
"""What a call gets, by its text, while its server is away: it raises, or returns what the adapter makes of it."""


def refused(call: str) -> Any:
    """Nobody listens."""
    raise Unreachable(f"{call}: connection refused")


@runtime_checkable
class HasBegun(Protocol):
    """Work of which the server does a part at once, however late the rest is."""

    def begun(self) -> Work:
        """Do that part; returns the rest."""


@dataclass
class Exchange:
    """All calls of all replicas in one course of events."""

    plan: Plan
    seen: list[str] = field(default_factory=list)
    """Their texts."""
    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    met: list[str] = field(default_factory=list)
    """The texts of the calls that met their faults."""
    outages: dict[str, Outage] = field(default_factory=dict)
    """By server, by call, or by replica and server (`replica-1:lease`)."""
    hanging: set[str] = field(default_factory=set)
    """Servers that take calls and answer none; the calls have no effect."""
    hung_until: float = 0.0
    """When the last call to Conductor that hangs will be given up, or answered: heartbeats wait for it."""
    late: int = 0
    """Calls that have yet to land."""

    def __post_init__(self) -> None:
        self._nobody = context_of(None)

    async def carried(self, server: str, name: str, work: Work) -> Any:
        """A call, whoever makes it."""
        process = PROCESS.get()
        if process is None:
            return await work()
        if not process.alive:
            raise asyncio.CancelledError
        call = f"{server}.{name}"
        number = len(self.seen)
        self.seen.append(call)
        self.times[call].append(asyncio.get_running_loop().time())
        kind = self.plan.get(number)
        if kind is not None:
            self.met.append(call)
        outage = next((self.outages[key] for key in _keys(process, server, call) if key in self.outages), None)
        if outage is not None or server in self.hanging:
            return await self._unserved(process, call, kind, outage)
        if kind is None:
            return await self._served(call, work)
        return await self._fated(process, call, kind, work)

    async def back(self, server: str) -> None:
        """Wait until it answers."""
        while self.is_away(server):  # noqa: ASYNC110 -- virtual seconds cost nothing
            await asyncio.sleep(1)

    def is_away(self, server: str) -> bool:
        """Whether it answers no call."""
        return server in self.outages or server in self.hanging

    async def _unserved(self, process: Process, call: str, kind: Kind | None, outage: Outage | None) -> Any:
        """The server is away: whatever was to become of the call, only its caller's death still can."""
        if kind in DEATHS:
            self._killed(process)
        if outage is not None:
            return outage(call)
        await self._hangs(call, PATIENCE[_server(call)])
        raise unreachable(call)

    def _served(self, call: str, work: Work) -> "asyncio.Future[Any]":
        """The server does the work, even if whoever asked for it dies or gives up."""
        loop = asyncio.get_running_loop()
        if call in THAT_WAIT:
            return asyncio.shield(loop.create_task(_begun(work), context=self._nobody))
        answer: asyncio.Future[Any] = loop.create_future()
        loop.call_soon(_serve, work, answer, context=self._nobody)
        return answer

    async def _fated(self, process: Process, call: str, kind: Kind, work: Work) -> Any:
        match kind:
            case Kind.DIED_BEFORE:
                self._killed(process)
            case Kind.DIED_AFTER:
                await self._unheard(call, work)
                self._killed(process)
            case Kind.DIED_LATE:
                self._land_late(call, work)
                self._killed(process)
            case Kind.CUT:
                pass
            case Kind.LOST:
                await self._unheard(call, work)
            case Kind.LATE:
                self._land_late(call, work)
                await self._hangs(call, PATIENCE[_server(call)])
            case Kind.HELD:
                return await self._held(call, work)
        raise unreachable(call)

    def _killed(self, process: Process) -> None:
        process.kill()
        raise asyncio.CancelledError

    async def _unheard(self, call: str, work: Work) -> None:
        await asyncio.wait([self._served(call, work)])

    async def _held(self, call: str, work: Work) -> Any:
        served = self._served(call, work)
        await asyncio.wait([served])
        await self._hangs(call, HELD_SECONDS)
        return served.result()

    async def _hangs(self, call: str, seconds: float) -> None:
        if _server(call) == "conductor":
            self.hung_until = max(self.hung_until, asyncio.get_running_loop().time() + seconds)
        await asyncio.sleep(seconds)

    def _land_late(self, call: str, work: Work) -> None:
        self.late += 1
        if isinstance(work, HasBegun):
            work = work.begun()
        asyncio.get_running_loop().create_task(self._land(_server(call), work), context=self._nobody)

    async def _land(self, server: str, work: Work) -> None:
        await asyncio.sleep(LATE_SECONDS)
        await self.back(server)
        with suppress(PortError):
            await work()
        self.late -= 1


async def _begun(work: Work) -> Any:
    return await work()


def _serve(work: Work, answer: "asyncio.Future[Any]") -> None:
    """Do the work in one step, as a server does that waits for nothing; nobody may be left who hears the answer."""
    steps = _begun(work)
    try:
        steps.send(None)
    except StopIteration as end:
        result, error = end.value, None
    except Exception as refusal:  # noqa: BLE001 -- an error is an answer, too
        result, error = None, refusal
    else:
        steps.close()
        result, error = None, AssertionError(f"{work} waits: its call belongs into THAT_WAIT")
    if answer.done():
        return
    answer.set_result(result) if error is None else answer.set_exception(error)


def _server(call: str) -> str:
    return call.partition(".")[0]


def _keys(process: Process, server: str, call: str) -> tuple[str, ...]:
    return server, call, f"{process.name}:{server}"


class Calls(CallFaults):
    """In the place of a fake's faults."""

    def __init__(self, exchange: Exchange, server: str) -> None:
        super().__init__()
        self._exchange = exchange
        self._server = server

    async def around(self, name: str, work: Work) -> Any:
        """See `CallFaults`."""
        return await self._exchange.carried(self._server, name, work)
