"""The operator of the model, as far as publications are its business.

It starts an attempt when nothing of the earlier ones can publish, replaces a lost pod, looks for evidence before it
calls a death a failure, deletes staging branches, and reports. It repeats a call until it has an answer.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from perago import wire
from perago.agent.clients.http import retried
from perago.agent.clients.lakefs_errors import RefNotFound
from perago.agent.publication import Commit, Landed, landed
from perago.agent.publisher import Turn
from tests.model.agents import live
from tests.model.attempts import TARGET, Attempt, Execution, Servers
from tests.model.scheduler import Process
from tests.model.turns import Referee, RefereedTurn

FOREVER = 1e9


@dataclass
class Operator:
    """Attends to every attempt until nothing is left to do for it."""

    servers: Servers
    referee: Referee
    pod_dies: Callable[[Execution], bool]
    """Whether the processes of a deleted pod die at once, or live on at a lost node."""
    reported: Callable[[Attempt, wire.Outcome], None]
    disruption_retries: int

    def process(self, attempt: Attempt) -> Process:
        """The operator's own course for an attempt."""
        return Process(f"operator of {attempt.name}", mortal=False)

    async def attend(self, attempt: Attempt) -> None:
        """The attempt's whole life."""
        await self._earlier_are_settled(attempt)
        while attempt.outcome is None and not attempt.superseded and self._may_start(attempt):
            execution = self._start(attempt)
            await self._over(attempt, execution)
            await self._without_outcome(attempt, execution)
        await self._finish(attempt)

    async def _earlier_are_settled(self, attempt: Attempt) -> None:
        for earlier in attempt.earlier:
            while not earlier.settled:
                earlier.news.clear()
                await earlier.news.wait()

    def _may_start(self, attempt: Attempt) -> bool:
        return len(attempt.executions) <= self.disruption_retries

    def _start(self, attempt: Attempt) -> Execution:
        execution = Execution(attempt, len(attempt.executions) + 1)
        attempt.executions.append(execution)
        turn = self.turn(execution)
        self.servers.scheduler.spawn(execution.process, live(execution, self.servers, turn))
        return execution

    def turn(self, execution: Execution) -> Turn:
        """The turn of one execution."""
        return RefereedTurn(execution, self.servers, self.referee)

    async def _over(self, attempt: Attempt, execution: Execution) -> None:
        """Wait until the execution has ended, is given up for lost, or has recorded its outcome."""
        while execution.process.alive and not (execution.removed or attempt.superseded or attempt.outcome):
            attempt.news.clear()
            await attempt.news.wait()

    async def _without_outcome(self, attempt: Attempt, execution: Execution) -> None:
        """The pod is over: remove it, see what it has published, and take its turn."""
        if attempt.outcome is not None:
            return
        self._remove(execution)
        if attempt.staging and not attempt.superseded:
            await self.look_for_publication(attempt)
        if not (attempt.superseded or self._may_start(attempt)):
            self._fail(attempt)
        await self.delete_staging(attempt)
        self.referee.end(execution)

    def _remove(self, execution: Execution) -> None:
        execution.removed = True
        if execution.process.alive and self.pod_dies(execution):
            self.servers.scheduler.kill(execution.process)

    async def look_for_publication(self, attempt: Attempt) -> None:
        """Evidence before a failure, and the deletion before the evidence."""
        await self.delete_staging(attempt)
        await self.take_publication(attempt)

    async def take_publication(self, attempt: Attempt) -> None:
        """What was published is the outcome."""
        attempt.landed = await self.evidence(attempt)
        publication = attempt.landed.in_force
        if publication is None:
            return
        output = wire.published_output(publication.metadata)
        assert output is not None, "no body of the model returns much"
        stored = {"workspace": {**attempt.workspace.model_dump(), "ref": publication.id}, **output}
        message = _with_strays(attempt, "published")
        self._end(attempt, wire.Outcome(status="COMPLETED", reason="Completed", message=message, output=stored))

    def _fail(self, attempt: Attempt) -> None:
        """Unless it has published."""
        if attempt.outcome is not None:
            return
        message = _with_strays(attempt, "disrupted")
        self._end(attempt, wire.Outcome(status="FAILED", reason="Disrupted", message=message))

    def _end(self, attempt: Attempt, outcome: wire.Outcome) -> None:
        attempt.patch({"outcome": outcome.to_json()})

    async def evidence(self, attempt: Attempt) -> Landed:
        """Where the attempt's merges have landed."""

        async def history() -> list[Commit]:
            return [commit async for commit in self.servers.repository.history(TARGET, attempt.workspace.ref)]

        return landed(await retried(history, FOREVER), attempt.uid, attempt.workspace.ref)

    async def delete_staging(self, attempt: Attempt) -> None:
        """Delete the branch that the status names."""
        staging = attempt.staging
        if staging is None or staging.state == "Deleted":
            return
        with suppress(RefNotFound):
            await retried(lambda: self.servers.repository.delete_branch(staging.branch), FOREVER)
        if attempt.staging == staging:
            attempt.patch({"staging": {"state": "Deleted"}})

    async def _finish(self, attempt: Attempt) -> None:
        outcome = attempt.outcome
        if outcome is not None and not attempt.superseded:
            self.reported(attempt, outcome)
        await self.delete_staging(attempt)
        for execution in attempt.executions:
            self._remove(execution)
            self.referee.end(execution)
        attempt.settled = True
        attempt.news.set()


def _with_strays(attempt: Attempt, message: str) -> str:
    """As `perago_operator.core.evidence` says it."""
    left = " ".join(commit.id for commit in attempt.landed.astray)
    return f"{message}; this attempt left {left} on top of other commits" if left else message
