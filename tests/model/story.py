"""One course of events: logical tasks and their attempts, and what people, other tools, nodes and Conductor do.

The attempts of one or two logical tasks start from the same commit of the target, or the second from what the first has
published.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from perago import wire
from perago.agent.clients.http import Server
from perago.reference import WorkspaceInput
from perago.wire import metadata_keys as keys
from tests.fakes.branches import FakeBranches
from tests.fakes.repository import FakeRepository
from tests.model.attempts import PREFIX, TARGET, Attempt, Execution, FakeTasks, Parts, Servers
from tests.model.choices import Choices, chance, one_of
from tests.model.operator import Operator
from tests.model.scheduler import GATE, Parked, Process, ScheduledCalls, Scheduler
from tests.model.turns import Referee

MOST_RETRIES = 2
MOST_FAULTS = 3


@dataclass
class Budget:
    """How often each thing may happen in one course of events."""

    foreign: int
    gives_up: int
    restarts: int
    losses: int


@dataclass
class Record:
    """What the invariants are checked against, written down as it happens."""

    foreign: list[str] = field(default_factory=list)
    """Commits of people and other tools."""
    late_branches: set[str] = field(default_factory=set)
    """Staging branches that were made when their pod was gone, or again when they were deleted."""
    made_branches: set[str] = field(default_factory=set)
    late_writers: set[Process] = field(default_factory=set)
    """Processes of which a call has landed when they did not wait for it any more."""
    outlived: set[Process] = field(default_factory=set)
    """Processes of which lakeFS has ended a merge when its source was gone already."""
    accepted: list[tuple[Attempt, wire.Outcome]] = field(default_factory=list)
    """What Conductor has accepted, in order."""
    attempts: list[Attempt] = field(default_factory=list)


class Branches(FakeBranches):
    """The fake, which says when a branch is made."""

    def __init__(self, made: Callable[[str], None]) -> None:
        super().__init__()
        self._made = made

    def create_branch(self, branch: str, source: str) -> None:
        """See `FakeBranches`."""
        super().create_branch(branch, source)
        self._made(branch)

    async def merge_is_ready(self) -> None:
        """See `FakeBranches`."""
        gate = GATE.get()
        if gate is not None:
            await gate


class Story:
    """The world of one course of events; `run` lets it happen."""

    def __init__(self, choices: Choices, disk: Path, variant: "Variant") -> None:
        self.choices = choices
        self.scheduler = Scheduler(choices, choices.below(MOST_FAULTS + 1), variant.resets_race)
        self.scheduler.story = self
        self.repository = FakeRepository()
        self.repository.lakefs = Branches(self._branch_made)
        self.repository.faults = self.repository.lakefs.faults = ScheduledCalls(self.scheduler, Server.LAKEFS)
        self.tasks = FakeTasks(self.scheduler)
        self.record = Record()
        servers = Servers(self.scheduler, self.repository, self.tasks, disk, variant.parts)
        again = 1 - choices.below(2)
        self.operator = variant.operator(servers, Referee(), self._pod_dies, self._reported, again)
        self.budget = Budget(choices.below(3), choices.below(3), choices.below(2), choices.below(3))
        self.retries = MOST_RETRIES - choices.below(MOST_RETRIES + 1)
        self.chained = choices.below(3) == 1

    def run(self) -> None:
        """Until nothing goes on."""
        self.scheduler.run(self._begin)

    def _begin(self) -> None:
        lakefs = self.repository.lakefs
        for path in ("notes", f"{PREFIX}/other"):
            lakefs.put(path, "before")
        self.base = lakefs.commit()
        self._schedule("build", self.base, 0)
        if not self.chained and chance(self.choices, 60):
            self._schedule("train", self.base, 0)

    def _branch_made(self, branch: str) -> None:
        maker = next(execution for execution in self._executions() if execution.branch == branch)
        deleted = maker.attempt.staging is not None and maker.attempt.staging.state == "Deleted"
        if maker.removed or deleted or branch in self.record.made_branches:
            self.record.late_branches.add(branch)
        self.record.made_branches.add(branch)

    def _schedule(self, reference: str, ref: str, retry: int) -> None:
        """Conductor hands a task out, and the operator makes an attempt of it."""
        attempts = self.record.attempts
        number = len(attempts) + 1
        task = wire.ConductorTask(
            task_type="t", workflow_instance_id="wf", task_id=f"t{number}", reference_task_name=reference, seq=1,
            retry_count=retry,
        )  # fmt: skip
        self.tasks.schedule(task)
        workspace = WorkspaceInput(repository="repo", branch=TARGET, ref_type="commit", ref=ref)
        earlier = tuple(attempt for attempt in attempts if attempt.logical == reference)
        attempt = Attempt(number, reference, task, workspace, not chance(self.choices, 10), earlier)
        attempts.append(attempt)
        self.scheduler.spawn(self.operator.process(attempt), self.operator.attend(attempt))

    def _reported(self, attempt: Attempt, outcome: wire.Outcome) -> None:
        """Conductor takes what it waits for, and hands the task out again when it has failed."""
        if not self.tasks.end(attempt.task.task_id, outcome.status):
            return
        self.record.accepted.append((attempt, outcome))
        if outcome.status == "COMPLETED":
            if self.chained and attempt.logical == "build":
                self._schedule("train", str((outcome.full_output() or {})["workspace"]["ref"]), 0)
        elif attempt.task.retry_count < self.retries:
            self._schedule(attempt.logical, attempt.workspace.ref, attempt.task.retry_count + 1)

    def _pod_dies(self, execution: Execution) -> bool:
        return not chance(self.choices, 50)

    # --- what happens beside the calls

    def happen(self) -> bool:
        """See `Happens`."""
        possible = list(self._possible())
        if not possible:
            return False
        one_of(self.choices, possible)()
        return True

    def _possible(self) -> Iterator[Callable[[], None]]:
        living = [execution for execution in self._executions() if execution.process.alive]
        if self.budget.foreign and self._somebody_publishes(living):
            yield self._a_person_commits
            yield self._another_tool_publishes
        for parked in self.scheduler.parked:
            yield partial(self._land, parked)
        for execution in living:
            if execution.process.stalled:
                yield partial(self._wake, execution.process)
            if self.budget.losses and not execution.removed:
                yield partial(self._lose, execution)
                yield partial(self._kill, execution)
        if self.budget.gives_up:
            for attempt in self._in_progress():
                yield partial(self._give_up, attempt)
        if self.budget.restarts:
            yield self._restart

    def _somebody_publishes(self, living: list[Execution]) -> bool:
        """Others commit when it matters; before, they would only make attempts fail."""
        return any(execution.branch in self.repository.lakefs.branches for execution in living)

    def _land(self, parked: Parked) -> None:
        self.record.late_writers.add(parked.process)
        branches = [execution.branch for execution in self._executions() if execution.process is parked.process]
        if parked.begun and not self.repository.lakefs.branches.keys() & branches:
            self.record.outlived.add(parked.process)
        self.scheduler.land(parked)

    def _executions(self) -> list[Execution]:
        return [execution for attempt in self.record.attempts for execution in attempt.executions]

    def _in_progress(self) -> list[Attempt]:
        tasks = self.tasks.tasks
        return [a for a in self.record.attempts if tasks[a.task.task_id].status == wire.IN_PROGRESS]

    def _a_person_commits(self) -> None:
        self._foreign_commit({})

    def _another_tool_publishes(self) -> None:
        marks = {keys.ATTEMPT: "elsewhere/a1", keys.ATTEMPT_UID: "elsewhere-1", keys.LOGICAL_TASK: "other/t/1/0"}
        self._foreign_commit({**marks, keys.RETRY: "0", keys.INSTALLATION: "there"})

    def _foreign_commit(self, metadata: dict[str, str]) -> None:
        self.budget.foreign -= 1
        path = one_of(self.choices, ("notes", f"{PREFIX}/other"))
        lakefs = self.repository.lakefs
        lakefs.put(path, f"foreign {len(self.record.foreign)}")
        commit = lakefs.commit(metadata=metadata)
        self.record.foreign.append(commit)
        self.scheduler.trace.append(f"          somebody else commits {path} as {commit}")

    def _wake(self, process: Process) -> None:
        process.stalled = False
        self.scheduler.note(process, "goes on", "event")

    def _lose(self, execution: Execution) -> None:
        """The operator gives its pod up; its processes live on."""
        self.budget.losses -= 1
        execution.removed = execution.process.stalled = True
        self.scheduler.note(execution.process, "is lost", "event")
        execution.attempt.news.set()

    def _kill(self, execution: Execution) -> None:
        self.budget.losses -= 1
        self.scheduler.note(execution.process, "is killed", "event")
        self.scheduler.kill(execution.process)

    def _give_up(self, attempt: Attempt) -> None:
        """Conductor gives up waiting for an attempt, and hands the task out again."""
        self.budget.gives_up -= 1
        self.scheduler.trace.append(f"          Conductor gives up {attempt.name}")
        self._supersede(attempt)
        if attempt.task.retry_count < self.retries:
            self._schedule(attempt.logical, attempt.workspace.ref, attempt.task.retry_count + 1)

    def _supersede(self, attempt: Attempt) -> None:
        self.tasks.end(attempt.task.task_id, "TIMED_OUT")
        attempt.superseded = True
        attempt.news.set()

    def _restart(self) -> None:
        """The workflow begins again: the same ids, and retry 0."""
        self.budget.restarts -= 1
        self.scheduler.trace.append("          the workflow is restarted")
        for attempt in self._in_progress():
            self._supersede(attempt)
        self._schedule("build", self.base, 0)

    def nothing_goes_on(self) -> None:
        """See `Happens`: what is late may still land."""
        if self.scheduler.parked:
            return self._land(self.scheduler.parked[0])
        waiting = [process.name for process in self.scheduler.processes if process.alive]
        assert not waiting, f"these wait for ever: {waiting}"
        return self.scheduler.loop.stop()


@dataclass(frozen=True)
class Variant:
    """What is tried: the real parts, or a broken one in its place."""

    name: str
    shows: str = ""
    """Words of the promise that it breaks."""
    parts: Parts = field(default_factory=Parts)
    operator: type[Operator] = Operator
    shown_by: int = 0
    """An example in which it shows. `python -m tests.model` finds one when this one does not show it any more."""
    resets_race: bool = False
