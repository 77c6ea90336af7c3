"""Kubelet and agents of a world: what pods do by themselves, told to the servers as the real ones tell it.

They reach every server that is not away, and never fail: an agent's own crash points are the model's (`tests.model`).
What a pod does is a `Body`, chosen by the scenario.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from perago.wire import IN_PROGRESS, metadata_keys
from perago_operator.core.answers import Publication
from perago_operator.core.names import ATTEMPT_LABEL, MANAGED_BY, MANAGED_BY_LABEL
from perago_operator.ports import Manifest, WatchEvent
from tests import builders as b
from tests.crash.servers import Servers

REPOSITORY, BRANCH, INPUT_REF = "repo", "main", "commit-a"
OUTPUT = {"rows": 3}
TURN_SECONDS = 60.0
MERGE_SECONDS = 1.0


class AgentGone(Exception):
    """The API server does not know this pod any more, or takes nothing from it."""


@dataclass(eq=False)
class PodRun:
    """One pod, its kubelet and its agent."""

    servers: Servers
    name: str
    uid: str
    attempt: str
    attempt_uid: str
    execution: int
    logical_task: str
    """What retries share, as the agent was told when its pod was created."""
    deleted: asyncio.Event = field(default_factory=asyncio.Event)
    published: list[str] = field(default_factory=list)
    recorded: Manifest | None = None
    """The outcome that the API server has taken from the agent."""
    at_work: bool = False
    """Its containers run."""
    over: bool = False
    """They do not run any more, or its node was lost, as far as the cluster can know."""
    holds_turn: bool = False
    tickets: int = 0

    @property
    def object(self) -> Manifest | None:
        """The pod, if it is there."""
        found = self.servers.cluster.get("Pod", self.name)
        return found if found and found["metadata"]["uid"] == self.uid else None

    @property
    def status(self) -> Manifest:
        """The attempt's status. Raises AgentGone."""
        found = self.servers.cluster.get("PeragoAttempt", self.attempt)
        if found is None or found["metadata"]["uid"] != self.attempt_uid or self.object is None:
            raise AgentGone
        status: Manifest = found.get("status", {})
        return status

    @property
    def spec(self) -> Manifest:
        """The attempt's spec. Raises AgentGone."""
        assert self.status is not None
        spec: Manifest = self.servers.cluster.objects["PeragoAttempt", "ns", self.attempt]["spec"]
        return spec

    @cached_property
    def staging(self) -> str:
        """The name of the staging branch. Raises AgentGone."""
        assert self.status is not None
        return b.staging_branch(self.servers.cluster.objects["PeragoAttempt", "ns", self.attempt], self.execution)

    @property
    def may_publish(self) -> bool:
        """As far as the cluster can know. An outcome, whoever wrote it, is a fence of its own."""
        try:
            return not self.over and "outcome" not in self.status
        except AgentGone:
            return False

    @property
    def gave_up(self) -> bool:
        """Its agent has given up on the infrastructure, which is no end while other executions may follow."""
        return self.recorded is not None and self.recorded.get("failureClass") == "Infrastructure"

    @property
    def runs_on(self) -> bool:
        """Its containers run, and its agent has not told the end."""
        return self.object is not None and self.at_work and not self.over and self.recorded is None

    # --- the kubelet

    async def shows(self, pod: Manifest, node: str | None = "node-1") -> None:
        """What the kubelet (or the scheduler) says of the pod, once the API server can be reached."""
        await self.servers.exchange.back("cluster")
        if self.object is not None:
            status = {**pod["status"], "startTime": b.stamp(self.seconds) if node else None}
            self.servers.cluster.merge("Pod", "ns", self.name, {"spec": {"nodeName": node}, "status": status})

    @property
    def seconds(self) -> float:
        """The time."""
        return asyncio.get_running_loop().time()

    async def runs(self) -> None:
        """Both containers run."""
        self.at_work = True
        await self.shows(b.running_pod(self.execution, of=self.attempt))

    async def ends(self, task: Manifest | None = None, agent: Manifest | None = None, **status: Any) -> None:
        """Both containers have ended, well unless stated otherwise."""
        self.at_work, self.over, self.holds_turn = False, True, False
        over = {"exitCode": 0, "reason": "Completed", "finishedAt": b.stamp(self.seconds)}
        ended = {"task_ended": {**over, **(task or {})}, "agent_ended": {**over, **(agent or {})}}
        phase = "Failed" if task or agent or status else "Succeeded"
        await self.shows(b.ended_pod(self.execution, of=self.attempt, **ended, **{"phase": phase, **status}))

    # --- the agent

    async def says(self, **status: Any) -> None:
        """Patch the attempt's status. Raises AgentGone where the API server takes nothing from this pod."""
        await self.servers.exchange.back("cluster")
        known = self.status
        if known.get("podName") not in (None, self.name) or ("outcome" in status and "outcome" in known):
            raise AgentGone
        if "outcome" in status:
            self.recorded = status["outcome"] = status["outcome"] | {"execution": self.execution}
        self.servers.cluster.merge("PeragoAttempt", "ns", self.attempt, {"status": status})
        self.holds_turn = self.holds_turn and "turn" not in status

    async def is_current(self) -> bool:
        """The fence: Conductor waits for this very attempt, and nobody has stopped it."""
        for server in ("cluster", "conductor"):
            await self.servers.exchange.back(server)
        spec, status = self.spec, self.status
        if spec.get("cancel") or "outcome" in status or status.get("executions", 1) > self.execution:
            return False
        if "conductor" not in spec:
            return True
        task = self.servers.conductor.tasks.get(spec["conductor"]["taskId"])
        return task is not None and task.status == IN_PROGRESS

    async def begins(self) -> None:
        """The first report."""
        workspace = {"repository": REPOSITORY, "branch": BRANCH, "inputRef": INPUT_REF}
        await self.says(step="Executing", workspace=workspace)

    async def stages(self) -> None:
        """Plan, make and fill the staging branch."""
        staging = {"repository": REPOSITORY, "branch": self.staging}
        await self.says(step="Staging", staging={**staging, "state": "Planned"})
        await self.servers.exchange.back("lakefs")
        self.servers.versions.branch(REPOSITORY, self.staging)
        await self.says(staging={**staging, "state": "Active", "commit": f"staged-{self.name}"})

    async def stages_if_current(self) -> None:
        """The same behind the fence."""
        if await self.is_current():
            await self.stages()

    async def takes_turn(self) -> None:
        """Ask for the turn, and wait for it."""
        self.tickets += 1
        request = b.request(self.tickets, self.execution, seconds=self.seconds, lasts=TURN_SECONDS)
        await self.says(step="Publishing", turn={"requested": request})
        while not self._granted():  # noqa: ASYNC110 -- virtual seconds cost nothing
            await asyncio.sleep(0.5)
        self.holds_turn = True
        await asyncio.sleep(MERGE_SECONDS)

    def _granted(self) -> bool:
        granted = self.status.get("turn", {}).get("granted")
        return granted is not None and (granted["execution"], granted["number"]) == (self.execution, self.tickets)

    async def publishes(self) -> str | None:
        """Merge the staging branch, if the publication table lets it; returns the commit."""
        await self.servers.exchange.back("lakefs")
        branches = self.servers.versions.repositories[REPOSITORY].branches
        history = branches[BRANCH]
        own = [commit for commit in history if commit.metadata.get(metadata_keys.ATTEMPT_UID) == self.attempt_uid]
        if own:
            return own[0].ref
        if history[0].metadata.get(metadata_keys.LOGICAL_TASK) == self.logical_task and history[1].ref == INPUT_REF:
            history.pop(0)
        if history[0].ref != INPUT_REF or self.staging not in branches:
            return None
        commit = f"commit-of-{self.name}"
        history.insert(0, Publication(commit, self._metadata()))
        self.published.append(commit)
        return commit

    def _metadata(self) -> dict[str, str]:
        return {
            metadata_keys.INSTALLATION: "perago",
            metadata_keys.ATTEMPT: f"ns/{self.attempt}",
            metadata_keys.ATTEMPT_UID: self.attempt_uid,
            metadata_keys.EXECUTION: str(self.execution),
            metadata_keys.LOGICAL_TASK: self.logical_task,
            metadata_keys.INPUT_REF: INPUT_REF,
            metadata_keys.OUTPUT: json.dumps({"result": OUTPUT}),
        }

    async def completes(self, commit: str) -> None:
        """Give the turn back, and write the outcome of what was published."""
        output = {"workspace": {**b.WORKSPACE, "ref": commit}, "result": OUTPUT}
        published = {"publishedRef": commit}
        await self.says(step=None, workspace=published, outcome=b.completed(output=output), **self._turn_given_back())

    async def fails(self, reason: str, status: str = "FAILED") -> None:
        """Write the outcome of an attempt that failed."""
        await self.says(step=None, outcome=b.failure(reason, status=status), **self._turn_given_back())

    async def gives_up(self) -> None:
        """Write the outcome of an agent to which lakeFS does not answer."""
        await self.says(step=None, outcome=b.given_up(self.execution), **self._turn_given_back())

    def _turn_given_back(self) -> Manifest:
        return {"turn": {"returned": b.ticket(self.tickets, self.execution)}} if self.tickets else {}


Body = Callable[[PodRun], Awaitable[None]]
"""What a pod does by itself."""
Chooser = Callable[[PodRun], Body]
"""The body of each pod."""


class Nodes:
    """Starts what pods do as they appear, and ends it when they are deleted."""

    def __init__(self, servers: Servers, body: Chooser) -> None:
        self._servers = servers
        self._body = body
        self.runs: dict[str, PodRun] = {}
        """By uid of the pod."""
        self.wrong: list[str] = []
        """What was seen of pods that must not be."""
        self._ended: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []
        servers.cluster.listeners.append(self._heard)

    def _heard(self, event: WatchEvent) -> None:
        metadata = event.obj["metadata"]
        if event.obj["kind"] == "PeragoAttempt" and "outcome" in event.obj.get("status", {}):
            self._check_ending(metadata["uid"])
        if event.obj["kind"] != "Pod" or metadata.get("labels", {}).get(MANAGED_BY_LABEL) != MANAGED_BY:
            return
        if event.kind == "ADDED":
            self._start(event.obj)
        if metadata.get("deletionTimestamp"):
            self.runs[metadata["uid"]].deleted.set()

    def _start(self, pod: Manifest) -> None:
        metadata = pod["metadata"]
        attempt = metadata["labels"][ATTEMPT_LABEL]
        owner = metadata["ownerReferences"][0]["uid"]
        execution = int(metadata["name"].rpartition("-")[2])
        logical = self._logical_task(attempt)
        run = PodRun(self._servers, metadata["name"], metadata["uid"], attempt, owner, execution, logical)
        others = [other for other in self.runs.values() if other.logical_task == logical and other.may_publish]
        others = others if run.may_publish else []
        self.wrong += [f"pod {run.name} is created while {other.name} may publish" for other in others]
        self.runs[run.uid] = run
        self._tasks.append(asyncio.get_running_loop().create_task(self._live(run)))

    def _check_ending(self, uid: str) -> None:
        """An outcome that no agent wrote comes after the end of the last process."""
        if uid in self._ended:
            return
        self._ended.add(uid)
        mine = [run for run in self.runs.values() if run.attempt_uid == uid]
        if any(run.recorded for run in mine):
            return
        self.wrong += [f"attempt {run.attempt} has an outcome while {run.name} runs" for run in mine if run.runs_on]

    def _logical_task(self, attempt: str) -> str:
        owner = self._servers.cluster.get("PeragoAttempt", attempt)
        conductor = owner["spec"].get("conductor") if owner else None
        return f"{conductor['workflowInstanceId']}/{conductor['referenceTaskName']}" if conductor else attempt

    async def _live(self, run: PodRun) -> None:
        with suppress(AgentGone):
            await self._body(run)(run)
