"""Kubelet and agents of a world: what pods do by themselves, told to the servers as the real ones tell it.

What a pod does is a `Body`, chosen by the scenario; the default one publishes.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from perago.wire import IN_PROGRESS, metadata_keys
from perago_operator.core.answers import Publication
from perago_operator.core.names import ATTEMPT_LABEL, MANAGED_BY, MANAGED_BY_LABEL
from perago_operator.ports import Manifest, WatchEvent
from tests import builders as b
from tests.crash.servers import Servers

REPOSITORY, BRANCH, INPUT_REF = "repo", "main", "commit-a"
OUTPUT = {"rows": 3}
STARTS_AFTER = 1.0
ENDS_AFTER = 0.5
TURN_SECONDS = 60.0


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
    deleted: asyncio.Event = field(default_factory=asyncio.Event)
    published: list[str] = field(default_factory=list)
    recorded: Manifest | None = None
    """The outcome that the API server has taken from the agent."""
    at_work: bool = False
    """Its containers run."""
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

    @property
    def staging(self) -> str:
        """The name of the staging branch."""
        return f"perago-staging-{self.attempt}-exec-{self.attempt_uid}-{self.execution}"

    # --- the kubelet

    def shows(self, pod: Manifest) -> None:
        """What the kubelet says of the pod."""
        if self.object is not None:
            shown = {"spec": {"nodeName": "node-1"}, "status": {**pod["status"], "startTime": b.stamp(self.seconds)}}
            self.servers.cluster.merge("Pod", "ns", self.name, shown)

    @property
    def seconds(self) -> float:
        """The time."""
        return asyncio.get_running_loop().time()

    def runs(self) -> None:
        """Both containers run."""
        self.at_work = True
        self.shows(b.running_pod(self.execution, of=self.attempt))

    def ends(self, task: Manifest | None = None, agent: Manifest | None = None, **status: Any) -> None:
        """Both containers have ended, well unless stated otherwise."""
        self.at_work = False
        at = {"finishedAt": b.stamp(self.seconds)}
        over = {"exitCode": 0, "reason": "Completed", **at}
        ended = {"task_ended": {**over, **(task or {})}, "agent_ended": {**over, **(agent or {})}}
        failed = task is not None or agent is not None or bool(status)
        self.shows(
            b.ended_pod(
                self.execution, of=self.attempt, **ended, **{"phase": "Failed" if failed else "Succeeded", **status}
            )
        )

    # --- the agent

    def says(self, **status: Any) -> None:
        """Patch the attempt's status. Raises AgentGone where the API server takes nothing from this pod."""
        known = self.status
        if known.get("podName") not in (None, self.name) or ("outcome" in status and "outcome" in known):
            raise AgentGone
        self.servers.cluster.merge("PeragoAttempt", "ns", self.attempt, {"status": status})
        self.recorded = status.get("outcome", self.recorded)

    @property
    def current(self) -> bool:
        """The fence: Conductor waits for this very attempt, and nobody has stopped it."""
        spec, status = self.spec, self.status
        if spec.get("cancel") or "outcome" in status or status.get("executions", 1) > self.execution:
            return False
        if "conductor" not in spec:
            return True
        task = self.servers.conductor.tasks.get(spec["conductor"]["taskId"])
        return task is not None and task.status == IN_PROGRESS

    def begins(self) -> None:
        """The first report."""
        workspace = {"repository": REPOSITORY, "branch": BRANCH, "inputRef": INPUT_REF}
        self.says(step="Executing", workspace=workspace)

    def stages(self) -> None:
        """Plan, make and fill the staging branch."""
        staging = {"repository": REPOSITORY, "branch": self.staging}
        self.says(step="Staging", staging={**staging, "state": "Planned"})
        self.servers.versions.branch(REPOSITORY, self.staging)
        self.says(staging={**staging, "state": "Active", "commit": f"staged-{self.name}"})

    async def takes_turn(self) -> None:
        """Ask for the turn, and wait for it."""
        self.tickets += 1
        request = b.request(self.tickets, self.execution, seconds=self.seconds, lasts=TURN_SECONDS)
        self.says(step="Publishing", turn={"requested": request})
        while not self._granted():  # noqa: ASYNC110 -- virtual seconds cost nothing
            await asyncio.sleep(0.5)

    def _granted(self) -> bool:
        granted = self.status.get("turn", {}).get("granted")
        return granted is not None and (granted["execution"], granted["number"]) == (self.execution, self.tickets)

    def publishes(self) -> str | None:
        """Merge the staging branch, if the publication table lets it; returns the commit."""
        branches = self.servers.versions.repositories[REPOSITORY].branches
        history = branches[BRANCH]
        own = [commit for commit in history if commit.metadata.get(metadata_keys.ATTEMPT_UID) == self.attempt_uid]
        if own:
            return own[0].ref
        logical = self.logical_task
        if history[0].metadata.get(metadata_keys.LOGICAL_TASK) == logical and history[1].ref == INPUT_REF:
            history.pop(0)
        if history[0].ref != INPUT_REF or self.staging not in branches:
            return None
        commit = f"commit-of-{self.name}"
        history.insert(0, Publication(commit, self._metadata(logical)))
        self.published.append(commit)
        return commit

    @property
    def logical_task(self) -> str:
        """What retries share."""
        conductor = self.spec.get("conductor")
        return f"{conductor['workflowInstanceId']}/{conductor['referenceTaskName']}" if conductor else self.attempt

    def _metadata(self, logical: str) -> dict[str, str]:
        return {
            metadata_keys.INSTALLATION: "perago",
            metadata_keys.ATTEMPT: f"ns/{self.attempt}",
            metadata_keys.ATTEMPT_UID: self.attempt_uid,
            metadata_keys.EXECUTION: str(self.execution),
            metadata_keys.LOGICAL_TASK: logical,
            metadata_keys.INPUT_REF: INPUT_REF,
            metadata_keys.OUTPUT: '{"result":{"rows":3}}',
        }

    def completes(self, commit: str) -> None:
        """Give the turn back, and write the outcome of what was published."""
        returned = {"turn": {"returned": b.ticket(self.tickets, self.execution)}} if self.tickets else {}
        output = {"workspace": {**b.WORKSPACE, "ref": commit}, "result": OUTPUT}
        self.says(step=None, workspace={"publishedRef": commit}, outcome=b.completed(output=output), **returned)

    def fails(self, reason: str, status: str = "FAILED") -> None:
        """Write the outcome of an attempt that failed."""
        returned = {"turn": {"returned": b.ticket(self.tickets, self.execution)}} if self.tickets else {}
        self.says(step=None, outcome=b.failure(reason, status=status), **returned)


Body = Callable[[PodRun], Awaitable[None]]
"""What agent and task do from the start of their containers to the end."""


async def works(run: PodRun) -> bool:
    """Everything until the merge; False when the fence has refused it, which is the outcome then."""
    run.begins()
    await asyncio.sleep(2)
    if run.current:
        run.stages()
        await run.takes_turn()
    if not run.current:
        run.fails("StaleAttempt")
        return False
    return True


async def publishes(run: PodRun) -> None:
    """Change something, publish it, and say so."""
    if await works(run):
        commit = run.publishes()
        run.completes(commit) if commit else run.fails("PublishFence")
    await asyncio.sleep(ENDS_AFTER)
    run.ends()


class Nodes:
    """Starts what pods do as they appear, and ends it when they are deleted."""

    def __init__(self, servers: Servers, body: Callable[[PodRun], Body]) -> None:
        self._servers = servers
        self._body = body
        self.runs: dict[str, PodRun] = {}
        """By uid of the pod."""
        self._tasks: list[asyncio.Task[None]] = []
        servers.cluster.listeners.append(self._heard)

    def _heard(self, event: WatchEvent) -> None:
        metadata = event.obj["metadata"]
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
        run = PodRun(self._servers, metadata["name"], metadata["uid"], attempt, owner, execution)
        self.runs[run.uid] = run
        self._tasks.append(asyncio.get_running_loop().create_task(self._live(run)))

    async def _live(self, run: PodRun) -> None:
        with suppress(AgentGone):
            await self._body(run)(run)


async def in_a_pod(run: PodRun, body: Body) -> None:
    """A healthy node: the pod starts, does its work, and ends; a deletion ends it within its grace period."""
    await asyncio.sleep(STARTS_AFTER)
    if not run.deleted.is_set():
        run.runs()
        await first(run, body)
    if run.deleted.is_set():
        await asyncio.sleep(ENDS_AFTER)
        run.ends(task={"exitCode": 143, "reason": "Error"})


async def first(run: PodRun, body: Body) -> None:
    """Let the body go on until it ends, or until the pod is deleted."""
    work, deletion = asyncio.ensure_future(_quietly(run, body)), asyncio.ensure_future(run.deleted.wait())
    await asyncio.wait([work, deletion], return_when=asyncio.FIRST_COMPLETED)
    for task in (work, deletion):
        task.cancel()


async def _quietly(run: PodRun, body: Body) -> None:
    """An agent from which nothing is taken any more gives up, and its process ends."""
    try:
        await body(run)
    except AgentGone:
        run.ends(agent={"exitCode": 1, "reason": "Error"}, task={"exitCode": 143, "reason": "Error"})
