"""What a pod is, as two processes of this machine: a real agent, a real task side, one socket, one volume."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perago import wire
from tests.contract.agent.repository import Repository
from tests.fakes.attempt_api import AttemptServer
from tests.fakes.conductor_server import ConductorServer
from tests.faults.proxy import Proxy

HERE = Path(__file__).parent
TASK_MAIN = "import sys; from perago.taskside.__main__ import main; sys.exit(main(sys.argv[1]))"


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
    agent: asyncio.subprocess.Process | None = None
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

    async def start_agent(self) -> asyncio.subprocess.Process:
        """Start the agent; clients connect with retries."""
        order = wire.Order.model_validate(self.order).model_dump_json(by_alias=True)
        with (self.folder / "agent.log").open("ab") as log:
            self.agent = await asyncio.create_subprocess_exec(
                sys.executable, str(HERE / "launch_agent.py"), order, json.dumps(self.mounts), stderr=log
            )
        return self.agent

    async def start_task(self) -> asyncio.subprocess.Process:
        """Start the task's process in the folder of the test's task modules."""
        with (self.folder / "task.log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-c", TASK_MAIN, self.mounts["socket"],
                cwd=HERE / "tasks", stdout=log, stderr=log, env={"PATH": os.environ["PATH"], "HOME": "/tmp"},
            )  # fmt: skip

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
