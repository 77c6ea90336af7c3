"""The operator of the model, as far as publications are its business.

It starts an attempt when nothing of the earlier ones can publish, replaces a lost pod, looks for evidence before it
calls a death a failure, deletes staging branches, and reports. It repeats a call until it has an answer.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from perago import wire
from perago.agent.clients.http import retried
from perago.agent.clients.lakefs_errors import RefNotFound
from perago.agent.publisher import Turn
from perago.wire import metadata_keys
from tests.model.agents import live
from tests.model.attempts import TARGET, Attempt, Execution, Servers
from tests.model.scheduler import Process
from tests.model.turns import Referee, RefereedTurn

DISRUPTION_RETRIES = 1
FOREVER = 1e9


@dataclass
class Operator:
    """Attends to every attempt until nothing is left to do for it."""

    servers: Servers
    referee: Referee
    pod_dies: Callable[[Execution], bool]
    """Whether the processes of a deleted pod die at once, or live on at a lost node."""
    reported: Callable[[Attempt, wire.Outcome], None]

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
        return len(attempt.executions) <= DISRUPTION_RETRIES

    def _start(self, attempt: Attempt) -> Execution:
        execution = Execution(attempt, len(attempt.executions) + 1)
        attempt.executions.append(execution)
        turn = self.turn(execution)
        self.servers.scheduler.spawn(execution.process, live(execution, self.servers, turn))
        return execution

    def turn(self, execution: Execution) -> Turn:
        """The turn of one execution."""
        return RefereedTurn(execution, self.referee, self.servers.scheduler)

    async def _over(self, attempt: Attempt, execution: Execution) -> None:
        """Wait until the execution has ended, is given up for lost, or has recorded its outcome."""
        while execution.process.alive and not (execution.removed or attempt.superseded or attempt.outcome):
            attempt.news.clear()
            await attempt.news.wait()

    async def _without_outcome(self, attempt: Attempt, execution: Execution) -> None:
        """The pod is over: remove it, and take its branch and its turn, before anything else is concluded."""
        if attempt.outcome is not None:
            return
        self._remove(execution)
        last = not (attempt.superseded or self._may_start(attempt))
        if last:
            await self._conclude(attempt)
        await self.delete_staging(attempt)
        self.referee.end(execution)

    def _remove(self, execution: Execution) -> None:
        execution.removed = True
        if execution.process.alive and self.pod_dies(execution):
            self.servers.scheduler.kill(execution.process)

    async def _conclude(self, attempt: Attempt) -> None:
        """Evidence before a failure."""
        outcome = await self.evidence(attempt) if attempt.staging else None
        attempt.completed_by_operator = outcome is not None
        failed = wire.Outcome(status="FAILED", reason="Disrupted", message="disrupted")
        attempt.patch({"outcome": (outcome or failed).to_json()})

    async def evidence(self, attempt: Attempt) -> wire.Outcome | None:
        """The outcome that the attempt's publication carries."""
        workspace = attempt.workspace
        history = self.servers.repository.history

        async def found() -> wire.Outcome | None:
            async for commit in history(TARGET, workspace.ref):
                if commit.metadata.get(metadata_keys.ATTEMPT_UID) == attempt.uid:
                    output = json.loads(commit.metadata[metadata_keys.OUTPUT])
                    stored = {"workspace": {**workspace.model_dump(), "ref": commit.id}, **output}
                    return wire.Outcome(status="COMPLETED", reason="Completed", output=stored)
            return None

        return await retried(found, FOREVER)

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
