"""Calls of a fake in which chosen ones go wrong, as the proxy's requests do.

    class FakeLeases:
        def __init__(self) -> None:
            self.faults = CallFaults()

        @faulty
        async def read(self) -> Lease: ...

    leases.faults.on("read", lost)

A fault of `tests.faults.kinds` sees the call as an `Exchange`; where the proxy would end the connection, the caller
gets the error that the fake's port has for a lost answer.
"""

import asyncio
import functools
import re
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from perago_operator.ports import Unreachable
from tests.faults.kinds import Fault, Faults, passed

P = ParamSpec("P")
T = TypeVar("T")
Work = Callable[[], Awaitable[Any]]


def unreachable(call: str) -> Exception:
    """What the operator's ports raise when an answer is lost."""
    return Unreachable(f"{call}: the connection ended before the answer", fate_unknown=True)


@dataclass(frozen=True)
class Answered:
    """What the server says: a value, or an error."""

    value: Any = None
    error: Exception | None = None


class Call:
    """One call of a fake's method, as an `Exchange`."""

    def __init__(self, work: Work, no_answer: Exception) -> None:
        self._work = work
        self._no_answer = no_answer
        self._caller: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._gone = asyncio.Event()

    async def answer(self) -> Answered:
        """See `Exchange`."""
        try:
            return Answered(await self._work())
        except Exception as error:  # noqa: BLE001 -- an error is an answer, too
            return Answered(error=error)

    async def send(self, answer: Answered) -> None:
        """See `Exchange`."""
        if not self._caller.done():
            self._caller.set_result(answer)

    async def pass_on(self) -> None:
        """See `Exchange`."""
        await self.send(await self.answer())

    async def hung_up(self) -> None:
        """See `Exchange`."""
        await self._gone.wait()

    async def cut(self) -> None:
        """See `Exchange`."""
        await self.send(Answered(error=self._no_answer))

    async def result(self) -> Any:
        """What the caller gets; as long as it waits, it has not hung up."""
        try:
            answer = await self._caller
        finally:
            self._gone.set()
        if answer.error is not None:
            raise answer.error
        return answer.value

    def end(self, fault: "asyncio.Future[None]") -> None:
        """The fault has ended: the connection does, too. A mistake in a fault becomes the caller's."""
        if self._caller.done():
            return
        mistake = None if fault.cancelled() else fault.exception()
        if isinstance(mistake, Exception):
            self._caller.set_exception(mistake)
        else:
            self._caller.set_result(Answered(error=self._no_answer))


class CallFaults(Faults[Call]):
    """Which calls of a fake go wrong, by the names of its methods."""

    def __init__(self, no_answer: Callable[[str], Exception] = unreachable) -> None:
        super().__init__(re.fullmatch)
        self._no_answer = no_answer
        self._under_way: set[asyncio.Future[None]] = set()

    async def around(self, name: str, work: Work) -> Any:
        """The work of a call, or what its fault makes of it; a call that is canceled may still reach the server."""
        fault = self.arrived(name)
        if fault is passed:
            return await work()
        call = Call(work, self._no_answer(name))
        task = asyncio.ensure_future(fault(call))
        self._under_way.add(task)
        task.add_done_callback(call.end)
        task.add_done_callback(self._under_way.discard)
        return await call.result()


class HasFaults(Protocol):
    """A fake."""

    faults: CallFaults


S = TypeVar("S", bound=HasFaults)


def faulty(method: Callable[Concatenate[S, P], Awaitable[T]]) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
    """Let calls of this method go wrong."""

    async def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        answer: T = await self.faults.around(method.__name__, lambda: method(self, *args, **kwargs))
        return answer

    functools.update_wrapper(call, method)
    return call


def raising(error: Exception) -> Fault[Call]:
    """The call raises this error, and the server never sees it."""

    async def fault(call: Call) -> None:
        await call.send(Answered(error=error))

    return fault
