"""Whether attempts of a PeragoTask can run: what it declares, and what the latest of its attempts have shown.

While they cannot, no task is taken but one now and then, so that a wrong key or image does not fail every workflow at
the speed of polling. `evidence_of`, `Record` and `pause_seconds` decide; `Usability` keeps what the watch has shown.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from perago.wire.faults import fault_of
from perago.wire.reasons import WORDS
from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.conditions import condition
from perago_operator.api.reasons import ConditionType, Fault, Reason
from perago_operator.api.shared import Key
from perago_operator.api.task import PeragoTask, TaskSpec
from perago_operator.core.config import Config
from perago_operator.core.pod.declaration import declaration_problem
from perago_operator.watch.rooms import task_key
from perago_operator.watch.stores import AttemptStore, TaskStore

ENDS = (
    Reason.INVALID_TASK,
    Reason.IMAGE_PULL,
    Reason.INIT_CONTAINER_FAILED,
    Reason.AGENT_UNAVAILABLE,
    Reason.POD_REFUSED,
    Reason.PROTOCOL_MISMATCH,
    Reason.LAKEFS_UNAUTHORIZED,
    Reason.CLUSTER_REFUSED,
)
"""Reasons of outcomes that the next attempt would have as well."""
WAITS = (Reason.IMAGE_PULL, Reason.CONTAINER_CONFIG, Reason.POD_REFUSED)
"""Reasons for which an attempt waits that the next one would wait for as well."""
UNUSABLE = tuple(dict.fromkeys((*ENDS, *WAITS)))
WORKING_STEPS = ("Executing", "Staging", "Publishing")
"""Steps that an attempt reaches only with its image, its module and its Secrets."""
SHORTEST_PAUSE, LONGEST_PAUSE = 30.0, 600.0
"""Seconds between two tasks that are taken for trial."""

REMEMBERED = 200
"""Failures of a PeragoTask that are kept, the youngest ones: trials go on for as long as nobody corrects it."""


@dataclass(frozen=True, slots=True)
class Works:
    """An attempt has got as far as the task's own code, or to an end that is about that."""

    in_lakefs: bool
    """It had a workspace, also where the input that names it is in Conductor alone."""


@dataclass(frozen=True, slots=True)
class Fails:
    """What keeps an attempt from that, and would keep the next one."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Unusable:
    """Why attempts of a PeragoTask cannot run, and for how many more seconds no task is taken for trial.

    Without seconds no trial is made: what the PeragoTask declares is enough to know.
    """

    reason: Reason
    message: str
    seconds: float | None = None

    def allows_trial(self, undecided: int) -> bool:
        """Whether a task may be taken, while so many attempts have shown nothing yet."""
        return self.seconds is not None and self.seconds <= 0 and undecided == 0


def evidence_of(attempt: PeragoAttempt) -> Works | Fails | None:
    """What an attempt shows of its PeragoTask; None while it shows nothing, or when it ended for other reasons."""
    outcome = attempt.status.outcome
    works = Works(in_lakefs="workspace" in (attempt.spec.input or {}) or attempt.status.workspace is not None)
    if outcome is None:
        return works if attempt.status.step in WORKING_STEPS else _wait_of(attempt)
    reason = WORDS.get(outcome.reason)
    if reason and reason in ENDS:
        return Fails(reason, outcome.message or reason.sentence)
    is_about_the_task = reason is Reason.COMPLETED or fault_of(outcome.reason) is Fault.USER
    return works if is_about_the_task else None


def _wait_of(attempt: PeragoAttempt) -> Fails | None:
    ready = condition(attempt.status.conditions, ConditionType.POD_READY)
    reason = WORDS.get(ready.reason) if ready and ready.status == "False" else None
    return Fails(reason, ready.message) if ready and reason and reason in WAITS else None


def pause_seconds(first: float, last: float) -> float:
    """How long after the last failure a task is taken for trial, by how long attempts have failed: twice each time."""
    return min(max(last - first, SHORTEST_PAUSE), LONGEST_PAUSE)


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that fails: when it was created, when that was first seen on our own clock, and what it shows."""

    name: str
    created: datetime
    seen: float
    fails: Fails


@dataclass(slots=True)
class Record:
    """What the attempts of one PeragoTask have shown. Only those count that are younger than the last that worked."""

    worked: datetime | None = None
    worked_in_lakefs: datetime | None = None
    failures: dict[str, Failure] = field(default_factory=dict)

    def heard(self, attempt: PeragoAttempt, now: float) -> None:
        """An attempt as it is now."""
        name, created = attempt.metadata.name, attempt.metadata.creation_timestamp
        if created is None:
            return
        match evidence_of(attempt):
            case Works(in_lakefs):
                self.worked = _later(self.worked, created)
                if in_lakefs:
                    self.worked_in_lakefs = _later(self.worked_in_lakefs, created)
                self._forget_outdated()
            case Fails() as fails:
                before = self.failures.get(name)
                seen = before.seen if before and before.fails.reason is fails.reason else now
                if self.worked is None or created > self.worked or fails.reason is Reason.LAKEFS_UNAUTHORIZED:
                    self._remember(Failure(name, created, seen, fails))
            case None:
                self.failures.pop(name, None)

    def _remember(self, failure: Failure) -> None:
        self.failures[failure.name] = failure
        if len(self.failures) > REMEMBERED:
            del self.failures[min(self.failures.values(), key=lambda entry: entry.created).name]

    def _forget_outdated(self) -> None:
        """Failures of attempts that are not younger than one that worked; those of keys, than one that used them."""
        limits = {True: self.worked_in_lakefs, False: self.worked}
        self.failures = {
            name: failure
            for name, failure in self.failures.items()
            if (limit := limits[failure.fails.reason is Reason.LAKEFS_UNAUTHORIZED]) is None or failure.created > limit
        }


def _later(moment: datetime | None, other: datetime) -> datetime:
    return other if moment is None else max(moment, other)


class Usability:
    """What all attempts that Conductor waits for have shown, by PeragoTask. `clock` never goes back."""

    def __init__(self, tasks: TaskStore, config: Config, *, clock: Callable[[], float]) -> None:
        self._tasks = tasks
        self._config = config
        self._clock = clock
        self._records: dict[Key, Record] = {}
        self._problems: dict[Key, tuple[TaskSpec, str | None]] = {}

    def heard(self, attempt: PeragoAttempt) -> None:
        """An attempt as it is now. One that was created by hand may differ from its PeragoTask, and says nothing."""
        key = task_key(attempt)
        if key is not None and attempt.spec.conductor is not None:
            self._records.setdefault(key, Record()).heard(attempt, self._clock())

    def forget(self, peragotask: Key) -> None:
        """The PeragoTask has changed, or is gone: what its attempts have shown counts no more."""
        self._records.pop(peragotask, None)
        self._problems.pop(peragotask, None)

    def of(self, task: PeragoTask) -> Unusable | None:
        """Why attempts of this PeragoTask cannot run; None as far as is known."""
        if task.problem:
            return Unusable(Reason.INVALID_SPEC, f"the PeragoTask cannot be read: {task.problem}")
        if problem := self._declaration_problem(task):
            return Unusable(Reason.INVALID_TASK, problem)
        failures = [*self._own_failures(task.metadata.key), *self._failures_of_keys(task)]
        if not failures:
            return None
        first, last = (choose(failure.seen for failure in failures) for choose in (min, max))
        latest = max(failures, key=lambda failure: (failure.created, failure.name))
        message = f"attempt {latest.name}: {latest.fails.message}"
        return Unusable(latest.fails.reason, message, last + pause_seconds(first, last) - self._clock())

    def _declaration_problem(self, task: PeragoTask) -> str | None:
        """It is looked for once for each change of the spec, and asked for before each poll."""
        key, entry = task.metadata.key, self._problems.get(task.metadata.key)
        if entry is None or entry[0] is not task.spec:
            entry = self._problems[key] = (task.spec, declaration_problem(task, self._config))
        return entry[1]

    def undecided(self, attempts: Iterable[PeragoAttempt]) -> int:
        """How many of these have shown nothing yet."""
        return sum(1 for attempt in attempts if evidence_of(attempt) is None)

    def _own_failures(self, key: Key) -> list[Failure]:
        """Those that are not about keys, which several PeragoTasks may use."""
        failures = self._records.get(key, Record()).failures.values()
        return [failure for failure in failures if failure.fails.reason is not Reason.LAKEFS_UNAUTHORIZED]

    def _failures_of_keys(self, task: PeragoTask) -> list[Failure]:
        """Those of all PeragoTasks with the same Secret of lakeFS, since one of them used it with success."""
        if not any(record.failures for record in self._records.values()):
            return []
        records = [
            self._records[other.metadata.key]
            for other in self._tasks
            if other.metadata.key in self._records and self._keys(other) == self._keys(task)
        ]
        worked = max((record.worked_in_lakefs for record in records if record.worked_in_lakefs), default=None)
        return [
            failure
            for record in records
            for failure in record.failures.values()
            if failure.fails.reason is Reason.LAKEFS_UNAUTHORIZED and (worked is None or failure.created > worked)
        ]

    def _keys(self, task: PeragoTask) -> Key:
        """Namespace and name of the Secret with the keys of lakeFS."""
        named = task.spec.lakefs_secret_ref
        return Key(task.metadata.namespace, named.name if named else self._config.pod.lakefs_secret)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the watch has shown of attempts: all of them, and what follows for those that come."""

    attempts: AttemptStore
    usability: Usability
