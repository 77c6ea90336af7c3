"""The turn of the model: one attempt of the installation at a time looks at the target and moves it.

A referee that keeps the rules of the turn: first come, first served; given back by its holder, or taken away once the
operator has removed the holder's pod and its staging branch.
"""

import asyncio
from dataclasses import dataclass, field

from perago.agent.clients.http import NoAnswer
from tests.fakes.faulty import faulty
from tests.model.attempts import TURN_SECONDS, Execution, PodCalls, Servers


@dataclass
class Referee:
    """Grants the turn of one branch."""

    queue: list[Execution] = field(default_factory=list)
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    def holds(self, execution: Execution) -> bool:
        """Whether it is this execution's turn."""
        return self.queue[:1] == [execution]

    def ask(self, execution: Execution) -> None:
        """Queue up, once."""
        if execution not in self.queue:
            self.queue.append(execution)

    def end(self, execution: Execution) -> None:
        """Its turn is over, or will not come."""
        if execution in self.queue:
            self.queue.remove(execution)
        self.moved.set()


class RefereedTurn(PodCalls):
    """`publisher.Turn` of one execution."""

    def __init__(self, execution: Execution, servers: Servers, referee: Referee) -> None:
        super().__init__(execution, servers)
        self._referee = referee

    async def take(self) -> float:
        """See `Turn`."""
        await self.ask_for_turn()
        while not self._referee.holds(self._execution):
            self._check_token()
            self._referee.moved.clear()
            await self._referee.moved.wait()
        return TURN_SECONDS

    async def give_back(self) -> None:
        """See `Turn`; the operator takes away what could not be given back."""
        try:
            await self.return_turn()
        except NoAnswer:
            return

    @faulty
    async def ask_for_turn(self) -> None:
        """Queue up; a pod whose object is gone cannot."""
        self._check_token()
        self._referee.ask(self._execution)

    @faulty
    async def return_turn(self) -> None:
        """Leave it to the next."""
        self._referee.end(self._execution)
