"""What was observed of one attempt at one moment, and what stands there in plain words: its spec, its times. Pure.

All times are on our own clock; those that objects carry become such by `moment`, and are compared only with each other
before.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from perago.wire import ConductorTask
from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.attempt_status import AttemptStatus
from perago_operator.api.conditions import condition
from perago_operator.api.reasons import ConditionType
from perago_operator.api.task import PeragoTask
from perago_operator.core import names
from perago_operator.core.actions import Kind
from perago_operator.core.config import Config
from perago_operator.core.memory import Memory, Trouble
from perago_operator.core.pod.model import Pod
from perago_operator.core.resolve import Resolved, resolve
from perago_operator.core.room import NOBODY, Crowd
from perago_operator.core.siblings import Sibling


@dataclass(frozen=True)
class Observed:
    """What stores and memory hold about one attempt, the time, and the limits."""

    attempt: PeragoAttempt
    task: PeragoTask | None
    """The PeragoTask that `taskRef` names, if it exists."""
    pods: tuple[Pod, ...]
    """The attempt's pods, of all executions, that the watch shows."""
    memory: Memory
    siblings: tuple[Sibling, ...]
    ahead: int
    """Attempts of the same PeragoTask that have a pod, or wait for one and are older."""
    now: datetime
    """On our own clock, which is never set."""
    config: Config
    crowd: Crowd = NOBODY
    """Attempts of all PeragoTasks that are before this one where it needs room for its pod."""
    strangers: tuple[Pod, ...] = ()
    """Pods of an earlier attempt of this name that still exist."""
    turn_behind: str | None = None
    """The attempt right before this one, which asks for a turn and has none; None when nobody is."""
    claim: str | None = None
    """Why the attempt may not speak for the Conductor task that it names (`core.claims`); None if it may."""
    clock: float = 0.0
    """`now` in seconds."""
    offset: timedelta = timedelta(0)
    """How much later the time of day is than `now`."""

    # --- time

    @property
    def time_of_day(self) -> datetime:
        """What objects carry that are written now."""
        return self.now + self.offset

    def moment(self, time: datetime) -> datetime:
        """When, on our own clock, it was the time that an object carries; once seen, that does not change any more."""
        return self.memory.moments.get(time, time - self.offset)

    @property
    def times(self) -> Iterator[datetime]:
        """Every time that an object carries and something counts from."""
        pods = (time for pod in self.pods for time in (pod.metadata.creation_timestamp, *_times_of(pod)))
        lost = self.status.disruption.since if self.status.disruption else None
        carried = (self.attempt.metadata.creation_timestamp, self.completed, self.unready, lost, *pods)
        return (time for time in carried if time is not None)

    @property
    def completed(self) -> datetime | None:
        """Since when, by the status, nothing is left to do; None while something is."""
        return self._since(ConditionType.COMPLETE, "True")

    @property
    def unready(self) -> datetime | None:
        """Since when, by the status, the attempt has had no pod that runs."""
        return self._since(ConditionType.POD_READY, "False")

    def _since(self, kind: ConditionType, status: str) -> datetime | None:
        written = condition(self.status.conditions, kind)
        return written.last_transition_time if written and written.status == status else None

    # --- the attempt

    @property
    def name(self) -> str:
        """The attempt's name."""
        return self.attempt.metadata.name

    @property
    def status(self) -> AttemptStatus:
        """The attempt's status."""
        return self.attempt.status

    @cached_property
    def conductor(self) -> ConductorTask | None:
        """The Conductor task; None for a standalone attempt."""
        return self.attempt.spec.conductor.wire() if self.attempt.spec.conductor else None

    @cached_property
    def resolved(self) -> Resolved:
        """The attempt with its task's and the operator's defaults."""
        return resolve(self.attempt.spec, self.task, self.config)

    @property
    def deleting(self) -> bool:
        """Somebody has deleted the attempt."""
        return self.attempt.metadata.deletion_timestamp is not None

    @property
    def held(self) -> bool:
        """Our finalizer is on the attempt: a former leader's call may put it there anew after we took it off."""
        shown = names.ATTEMPT_FINALIZER in self.attempt.metadata.finalizers
        if self.memory.released is not None:
            return shown and self.memory.released != self.attempt.metadata.resource_version
        return shown or self.memory.held

    @property
    def created(self) -> datetime:
        """When the attempt was created (whole seconds)."""
        time = self.attempt.metadata.creation_timestamp
        return self.moment(time) if time else self.memory.first_seen

    def trouble(self, kind: Kind) -> Trouble | None:
        """The last failure of this kind of call, unless a success followed it."""
        return self.memory.troubles.get(kind)


def _times_of(pod: Pod) -> tuple[datetime | None, ...]:
    return pod.deletion_asked, pod.status.start_time, pod.ended_at, pod.node_silent_since
