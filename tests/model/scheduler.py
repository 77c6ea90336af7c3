"""Who goes on next, and what becomes of a call: the model's choices, made whenever every process waits.

Each call of a process to a server is such a point. Before it, others may act for as long as they like. It may be lost
on its way there or back, or land after its caller has given up; and its caller may die before or after it.

One thing is assumed, since lakeFS cannot compare before it resets: a hard reset lands right after the call that its
process made before it, and never late. `resets_race` drops the assumption.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from perago.agent.clients.http import NoAnswer, Server
from tests.fakes.faulty import CallFaults, Work
from tests.model.choices import Choices, chance, one_of
from tests.virtual.loop import VirtualLoop

MOST_STEPS = 20_000
GO_ON, SWITCH, WAIT, EVENT = range(4)
NEXT = (*[GO_ON] * 13, *[SWITCH] * 4, WAIT, *[EVENT] * 2)
"""How often the process that called last goes on, another one does, time passes, or something happens."""


class Fate(Enum):
    """What becomes of a call."""

    PASSED = "passed"
    LOST = "landed, answer lost"
    CUT = "never arrived"
    LATE = "to land late"
    BEGUN = "begun, to end late"
    DIED_BEFORE = "caller died before it"
    DIED_AFTER = "landed, caller died"
    DIED_LATE = "caller died, to land late"
    DIED_BEGUN = "caller died, begun, to end late"


WRITES = frozenset({"create_branch", "commit", "delete_branch", "patch_status", "squash_merge", "hard_reset"})
RISKS = {**dict.fromkeys(WRITES, 10), "squash_merge": 40, "hard_reset": 30, "patch_status": 3}
"""Percent of the calls that something happens to, while the course of events has faults left."""
READ_RISK = 3
STALLS = {**dict.fromkeys(WRITES, 2), "create_branch": 10, "squash_merge": 35}
"""Percent of the calls right before which an agent stalls, while it may."""
AGENT_FATES = (Fate.LOST, Fate.CUT, Fate.LATE, Fate.DIED_BEFORE, Fate.DIED_AFTER, Fate.DIED_LATE)
OPERATOR_FATES = (Fate.LOST, Fate.CUT, Fate.LATE)
PROMPT_FATES = (Fate.LOST, Fate.CUT, Fate.DIED_BEFORE, Fate.DIED_AFTER)
READ_FATES = (Fate.LOST, Fate.DIED_BEFORE)
MERGE_FATES = (*AGENT_FATES, Fate.BEGUN, Fate.DIED_BEGUN)
"""A merge has a last step, for which it needs its source no longer."""


@dataclass(eq=False)
class Process:
    """An agent, or the operator, which never dies here: it would come back and look again."""

    name: str
    mortal: bool = True
    alive: bool = True
    stalled: bool = False
    ended: Callable[[], None] = lambda: None

    def end(self) -> None:
        """It has done its work, or has died."""
        if self.alive:
            self.alive = False
            self.ended()


PROCESS: ContextVar[Process] = ContextVar("process")
GATE: ContextVar["asyncio.Future[None] | None"] = ContextVar("gate", default=None)
"""What the last step of the current merge waits for."""


@dataclass(eq=False)
class Arrival:
    """A call that no server has seen yet."""

    process: Process
    name: str
    fate: "asyncio.Future[Fate]"


@dataclass(frozen=True)
class Parked:
    """A call that may land although nobody waits for it any more."""

    process: Process
    name: str
    work: Work
    begun: bool = False
    """Only the last step is missing."""


class Happens(Protocol):
    """What happens beside the processes' own calls."""

    def happen(self) -> bool:
        """Let one thing happen; False when there is nothing."""

    def nothing_goes_on(self) -> None:
        """No process has anything left to do. It ends the course of events, or raises."""


@dataclass
class Scheduler:
    """Decides for one course of events."""

    choices: Choices
    faults: int
    resets_race: bool = False
    stalls: int = 2
    """How often a process may stop where it is."""
    story: Happens = field(init=False)
    trace: list[str] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)
    _arrived: list[Arrival] = field(default_factory=list)
    _last: Process | None = None
    _steps: int = 0
    _closing: bool = False

    def __post_init__(self) -> None:
        self.loop = VirtualLoop(self._idle)
        self.processes: list[Process] = []
        self._tasks: list[asyncio.Task[None]] = []
        """Referred to, since nothing else refers to those that wait for ever."""

    def run(self, begin: Callable[[], None]) -> None:
        """Let everything happen until the loop is stopped. Raises what a process that is no agent has raised."""
        try:
            self.loop.call_soon(begin)
            self.loop.run_forever()
        finally:
            self._close()
        if self.loop.failure is not None:
            raise self.loop.failure

    def _close(self) -> None:
        """Whoever still waits is dead; canceled, it may come to a further call, and waits there."""
        self._closing = True
        while tasks := asyncio.all_tasks(self.loop):
            for task in tasks:
                task.cancel()
            self.loop.run_forever()
        self.loop.close()

    def spawn(self, process: Process, work: Coroutine[Any, Any, None]) -> None:
        """Let a process begin."""

        async def run() -> None:
            PROCESS.set(process)
            try:
                await work
            except Exception as error:  # noqa: BLE001 - a mistake of the model, since agents end with a word for it
                self.loop.fail(error)
            finally:
                process.end()

        self.processes.append(process)
        self._tasks.append(self.loop.create_task(run()))

    def kill(self, process: Process) -> None:
        """Its calls that no server has seen yet are gone, and it goes on nowhere."""
        self._arrived = [arrival for arrival in self._arrived if arrival.process is not process]
        process.end()

    def land(self, parked: Parked) -> None:
        """The server does the work of a late call."""
        self.parked.remove(parked)
        self.note(parked.process, parked.name, "lands late")
        self.loop.create_task(_unheard(parked.work))

    def note(self, process: Process, what: str, how: str) -> None:
        """Write down what happened."""
        self.trace.append(f"{self.loop.now:8.2f}  {process.name}: {what} ({how})")

    async def carried(self, name: str, work: Work, no_answer: Exception) -> Any:
        """A call of the current process."""
        process = PROCESS.get()
        fate = await self._fate_of(process, name)
        self.note(process, name, fate.value)
        match fate:
            case Fate.PASSED:
                return await work()
            case Fate.LOST | Fate.DIED_AFTER:
                await _unheard(work)
            case Fate.LATE | Fate.DIED_LATE:
                self.parked.append(Parked(process, name, work))
            case Fate.BEGUN | Fate.DIED_BEGUN:
                self.parked.append(Parked(process, name, self._begun(work), begun=True))
            case Fate.CUT | Fate.DIED_BEFORE:
                pass
        if fate in (Fate.DIED_BEFORE, Fate.DIED_AFTER, Fate.DIED_LATE, Fate.DIED_BEGUN):
            self.kill(process)
            await self.loop.create_future()
        raise no_answer

    def _begun(self, work: Work) -> Work:
        """The server does the work up to its last step; what comes back is that step."""
        gate = self.loop.create_future()

        async def begin() -> None:
            GATE.set(gate)
            await _unheard(work)

        beginning = self.loop.create_task(begin())

        async def end() -> None:
            gate.set_result(None)
            await beginning

        return end

    async def _fate_of(self, process: Process, name: str) -> Fate:
        arrival = Arrival(process, name, self.loop.create_future())
        if process.alive:
            self._arrived.append(arrival)
        try:
            return await arrival.fate
        finally:  # also when its caller has given it up
            self._arrived = [other for other in self._arrived if other is not arrival]

    def _idle(self, seconds: float | None) -> None:
        if self._closing:
            return self.loop.stop()
        self._steps += 1
        assert self._steps < MOST_STEPS, "the course of events has no end"
        prompt = [arrival for arrival in self._arrived if self._is_prompt(arrival)]
        if prompt:
            return self._let(prompt[0])
        ready = [arrival for arrival in self._arrived if not arrival.process.stalled]
        if not (ready or seconds is not None or self._woken()):
            return self.story.nothing_goes_on()
        what = one_of(self.choices, NEXT)
        if what == EVENT and self.story.happen():
            return None
        if what == WAIT and seconds is not None:
            self.loop.now += seconds
            return None
        if ready:
            return self._let(self._chosen(ready, what))
        if self._woken():
            return None
        if seconds is not None:
            self.loop.now += seconds
        return None

    def _is_prompt(self, arrival: Arrival) -> bool:
        return arrival.name == "hard_reset" and arrival.process is self._last and not self.resets_race

    def _woken(self) -> bool:
        stalled = [process for process in self.processes if process.stalled and process.alive]
        for process in stalled:
            process.stalled = False
        return bool(stalled)

    def _chosen(self, ready: list[Arrival], what: int) -> Arrival:
        if what == SWITCH:
            return one_of(self.choices, ready)
        return next((arrival for arrival in ready if arrival.process is self._last), ready[0])

    def _stall(self, process: Process) -> None:
        """Let it go no further until it is woken, or nobody else can go on. Often there is a reason."""
        self.stalls -= 1
        process.stalled = True
        self.note(process, "stalls", "event")
        if chance(self.choices, 60):
            self.story.happen()

    def _let(self, arrival: Arrival) -> None:
        if self._stalls_before(arrival):
            self._stall(arrival.process)
        else:
            self._arrived.remove(arrival)
            self._last = arrival.process
            arrival.fate.set_result(self._drawn_fate(arrival))

    def _stalls_before(self, arrival: Arrival) -> bool:
        """Where it matters most: with everything decided, and nothing done yet."""
        may = self.stalls and arrival.name in STALLS and not self._is_prompt(arrival)
        return bool(may) and chance(self.choices, STALLS[arrival.name])

    def _drawn_fate(self, arrival: Arrival) -> Fate:
        if not self.faults or not chance(self.choices, RISKS.get(arrival.name, READ_RISK)):
            return Fate.PASSED
        self.faults -= 1
        return one_of(self.choices, self._fates(arrival))

    def _fates(self, arrival: Arrival) -> tuple[Fate, ...]:
        if not arrival.process.mortal:
            return OPERATOR_FATES
        if arrival.name not in WRITES:
            return READ_FATES
        if arrival.name == "squash_merge":
            return MERGE_FATES
        return PROMPT_FATES if arrival.name == "hard_reset" and not self.resets_race else AGENT_FATES


class ScheduledCalls(CallFaults):
    """In a fake's place for faults: every call of the fake is a point where others may act."""

    def __init__(self, scheduler: Scheduler, server: Server) -> None:
        super().__init__()
        self._scheduler = scheduler
        self._server = server

    async def around(self, name: str, work: Work) -> Any:
        """See `CallFaults`."""
        return await self._scheduler.carried(name, work, NoAnswer(self._server, f"no answer ({name})"))


async def _unheard(work: Work) -> None:
    """Nobody hears the answer, an error or not."""
    try:
        await work()
    except Exception:  # noqa: BLE001 - see above
        return
