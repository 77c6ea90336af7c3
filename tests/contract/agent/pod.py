"""What a pod is, as two processes of this machine: a real agent, a real task side, one socket, one volume."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perago import wire
from tests.contract.agent import processes
from tests.contract.agent.processes import Forked, Process
from tests.contract.agent.repository import Repository
from tests.fakes.attempt_api import AttemptServer
from tests.fakes.conductor_server import ConductorServer
from tests.faults.proxy import Proxy

TASKS = Path(__file__).parent / "tasks"


class GrantingServer(AttemptServer):
    """An API server beside which an operator grants the turns of the only attempt at once."""

    def merge(self, patch: dict[str, Any]) -> None:
        """See `StoredAttempt`; a request for a turn is answered."""
        super().merge(patch)
        requested = patch.get("turn", {}).get("requested")
        if requested is not None:
            super().merge({"turn": {"granted": requested}})
            self.patches.pop()


@dataclass
class Pod:
    """One attempt's world: mounts in a folder, the servers it talks to, and its two processes."""

    folder: Path
    repository: Repository
    api: GrantingServer
    conductor: ConductorServer
    cluster_proxy: Proxy
    conductor_proxy: Proxy
    order: dict[str, Any]
    mounts: dict[str, Any]
    agent: Process | None = None
    anew: bool = False
    """The agent is a Python of its own, not forked from one that has imported more than agents do."""
    log: list[str] = field(default_factory=list)

    def ordered(self, **changes: Any) -> "Pod":
        """The same pod with another order."""
        self.order |= changes
        return self

    def input(self, ref: str, params: dict[str, Any] | None = None, **workspace: str) -> "Pod":
        """Give the attempt an input at `ref` of branch main."""
        reference = {"repository": self.repository.name, "branch": "main", "refType": "commit", "ref": ref} | workspace
        self.api.attempt["spec"]["input"] = {"workspace": reference, "params": params or {}}
        return self

    async def start_agent(self) -> Process:
        """Start the agent; clients connect with retries."""
        order = wire.Order.model_validate(self.order).model_dump_json(by_alias=True)
        given, log = (order, json.dumps(self.mounts)), self.folder / "agent.log"
        if self.anew:
            self.agent = await processes.anew(processes.__name__, *given, log=log)
        else:
            self.agent = Forked(processes.agent, *given, str(log))
        return self.agent

    async def start_task(self) -> Process:
        """Start the task's process in the folder of the test's task modules."""
        return Forked(processes.task, self.mounts["socket"], str(TASKS), str(self.folder / "task.log"))

    async def run(self) -> tuple[int, int]:
        """Agent and task to their ends; both exit codes."""
        agent = await self.start_agent()
        task = await self.start_task()
        return await agent.wait(), await task.wait()

    @property
    def outcome(self) -> wire.Outcome:
        """What was recorded."""
        return wire.Outcome.model_validate(self.api.status["outcome"])

    def logs(self) -> str:
        """What both processes wrote, for a failing test's message."""
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("*.log")))
