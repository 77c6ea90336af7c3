"""Everything observed about one attempt at one moment, and what follows from it. Pure: the clocks are given.

All times are on our own clock; those that objects carry become such by `moment`, and are compared only with each other
before.

The vocabulary of the rules: they read a situation, and nothing here decides what to do. What concerns Conductor alone
is in `reporting`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from perago.wire import ConductorTask
from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.attempt_status import AttemptStatus, OutcomeStatus, StagingStatus
from perago_operator.api.conditions import condition
from perago_operator.api.reasons import ConditionType, Reason
from perago_operator.api.shared import FailureResult
from perago_operator.api.task import PeragoTask
from perago_operator.core import names, siblings
from perago_operator.core.actions import Kind
from perago_operator.core.answers import Publication, Standing
from perago_operator.core.config import Config
from perago_operator.core.memory import Memory, Trouble
from perago_operator.core.pod.hindrance import hindrance
from perago_operator.core.pod.model import Pod
from perago_operator.core.resolve import Resolved, resolve
from perago_operator.core.room import NOBODY, Crowd
from perago_operator.core.siblings import Rank, Sibling
from perago_operator.core.staging import own_staging


@dataclass(frozen=True, slots=True)
class Stop:
    """Why the attempt must stop."""

    reason: Reason
    message: str
    result: FailureResult = "FAILED"


@dataclass(frozen=True)
class Situation:
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
    def outcome(self) -> OutcomeStatus | None:
        """How the attempt ended, once that is known; not what another execution is to mend."""
        return None if self.recoverable else self.status.outcome_that_counts

    @cached_property
    def recoverable(self) -> OutcomeStatus | None:
        """The agent's outcome of the current execution, where it gave up on the infrastructure and is to be replaced.

        Not for ever: what has to come before may wait for the same infrastructure. Once it was reported, it counts.
        """
        outcome, since = self.status.recoverable, self.memory.recoverable_since
        if outcome is None or outcome.execution != self.execution or self.memory.reports:
            return None
        if self.execution > self.resolved.disruption_retries or self.stop or self.later_sibling:
            return None
        return outcome if since is None or self.now < since + timedelta(seconds=self.config.wait_patience) else None

    @property
    def foreign_outcome(self) -> bool:
        """The status has an outcome by an execution that was given up before."""
        return self.status.outcome is not None and self.status.outcome_that_counts is None

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

    # --- its pods

    @property
    def names_taken(self) -> frozenset[str]:
        """Names that pods of an earlier attempt of this name still have."""
        return frozenset(pod.name for pod in self.strangers)

    @cached_property
    def execution(self) -> int:
        """The number of the current execution; 0 before the first."""
        pods: Iterable[str] = (*self.memory.created, *(pod.name for pod in self.pods))
        numbers = (names.execution_of(pod, self.name) or 0 for pod in pods)
        return max(self.status.executions or 0, *numbers, 0)

    @property
    def pod_name(self) -> str:
        """The name of the current execution's pod, whether it exists or not."""
        return names.pod_name(self.name, max(self.execution, 1))

    @cached_property
    def pod(self) -> Pod | None:
        """The current execution's pod, as the watch shows it."""
        return next((pod for pod in self.pods if pod.name == self.pod_name), None)

    @property
    def pod_was_created(self) -> bool:
        """The current execution's pod was created, whether the watch shows it or not."""
        return self.pod is not None or self.pod_name in self.memory.created or self.status.pod_name == self.pod_name

    @property
    def pod_unseen(self) -> bool:
        """Created by this process, and the watch has not shown it yet."""
        known = self.memory.seen | self.memory.gone
        return self.pod is None and self.pod_name in self.memory.created and self.pod_name not in known

    @property
    def pod_is_missing(self) -> bool:
        """It was created, no watch shows it, and the API server has not said that it is gone."""
        return self.pod is None and self.pod_was_created and self.pod_name not in self.memory.gone

    @cached_property
    def pod_over(self) -> bool:
        """The current execution's pod was there, and no process of it runs any more."""
        if self.pod is not None:
            return not self.may_run(self.pod)
        return self.pod_was_created and not self.pod_unseen

    @property
    def running(self) -> bool:
        """Agent and task of the current execution have started, as the pod or the agent says, or the status did."""
        return bool((self.pod and self.pod.started) or self.status.step or self.status.phase == "Running")

    @property
    def node_name(self) -> str | None:
        """Where the current execution's pod runs, or ran; None before its containers have started."""
        if self.pod and self.pod.started:
            return self.pod.spec.node_name
        ran_on = self.memory.ran_on
        return ran_on.node if ran_on and ran_on.pod == self.pod_name else None

    @cached_property
    def running_pods(self) -> tuple[Pod, ...]:
        """Pods of any execution of which a process may run, or will."""
        return tuple(pod for pod in self.pods if self.may_run(pod))

    def may_run(self, pod: Pod) -> bool:
        """A process of this pod may run, as far as one can know."""
        lost_at = self.lost_at(pod)
        return not pod.ended and (lost_at is None or self.now < lost_at)

    def lost_at(self, pod: Pod) -> datetime | None:
        """When a pod that is being deleted begins to count as lost: its grace period and our patience are over."""
        asked, grace = pod.deletion_asked, pod.metadata.deletion_grace_period_seconds or 0
        return self.moment(asked) + timedelta(seconds=grace + self.config.lost_node_patience) if asked else None

    def ended_at(self, pod: Pod) -> datetime | None:
        """When the last of agent and task terminated; None when neither has, or nobody says."""
        return self.moment(pod.ended_at) if pod.ended_at else None

    def undeleted(self, pod: Pod) -> bool:
        """Nobody has asked for this pod's deletion."""
        return pod.metadata.deletion_timestamp is None and pod.metadata.uid not in self.memory.deleted

    def unreleased(self, pod: Pod) -> bool:
        """Our finalizer is on this pod."""
        return names.POD_FINALIZER in pod.metadata.finalizers and pod.metadata.uid not in self.memory.released_pods

    def keeps(self, pod: Pod) -> bool:
        """The attempt failed, and people may look at its last pod for a while.

        Its containers have ended or are about to. A pod that may yet start is not kept.
        """
        outcome = self.outcome
        failed = outcome is not None and outcome.status != "COMPLETED" and outcome.reason != Reason.NOT_STARTED
        wanted = failed and self.resolved.keep_failed_pods_seconds > 0 and not self.deleting
        if not wanted or pod.name != self.pod_name or not self.undeleted(pod):
            return False
        return (pod.at_rest or hindrance(pod) is None) and self.now < self.kept_until(pod)

    def kept_until(self, pod: Pod) -> datetime:
        """When a kept pod is deleted: after its time, or soon if a container goes on as if nothing had happened."""
        seen = self.memory.outcome_seen_at or self.now
        if not pod.at_rest:
            return seen + timedelta(seconds=self.config.agent_patience)
        return (self.ended_at(pod) or seen) + timedelta(seconds=self.resolved.keep_failed_pods_seconds)

    # --- what else may still be there

    @cached_property
    def own_staging(self) -> StagingStatus | None:
        """The staging branch that the status names, if it is this attempt's own."""
        return own_staging(self.attempt)

    @property
    def staging(self) -> StagingStatus | None:
        """The staging branch that may still exist."""
        branch = self.own_staging
        if branch is None or branch.state == "Deleted" or branch.branch in self.memory.staging_deleted:
            return None
        return branch

    @property
    def publication(self) -> Publication | None:
        """This attempt's commit on the target branch, if lakeFS was asked and has it."""
        return self.memory.evidence.publication if self.memory.evidence else None

    @property
    def astray(self) -> tuple[str, ...]:
        """This attempt's commits that are on the target branch and do not belong there, newest first."""
        return self.memory.evidence.astray if self.memory.evidence else ()

    @property
    def later_sibling(self) -> Sibling | None:
        """An attempt of the same logical task that came after this one, and has not ended."""
        return siblings.later(self.siblings, self._rank)

    @property
    def unsettled_earlier(self) -> Sibling | None:
        """An attempt of the same logical task that came before this one and may still publish."""
        return siblings.unsettled_earlier(self.siblings, self._rank)

    @property
    def _rank(self) -> Rank:
        created = self.attempt.metadata.creation_timestamp or self.time_of_day
        return Rank(created, siblings.retry_count(self.attempt))

    # --- reasons to stop

    @cached_property
    def stop(self) -> Stop | None:
        """Why the attempt must stop: it is deleted, canceled, superseded, out of time, or its spec cannot be read."""
        if self.deleting:
            return Stop(Reason.ATTEMPT_DELETED, "attempt deleted")
        if self.attempt.spec.cancel:
            return Stop(Reason.CANCELED, "the attempt was canceled (spec.cancel)")
        if self.superseded:
            return Stop(Reason.SUPERSEDED, self.superseded)
        if self._out_of_time:
            limit = self.resolved.active_deadline_seconds
            return Stop(Reason.DEADLINE_EXCEEDED, f"the attempt exceeded its deadline of {limit} s")
        if problem := self.attempt.problem:
            return Stop(Reason.INVALID_SPEC, f"the attempt cannot be read: {problem}", "FAILED_WITH_TERMINAL_ERROR")
        return None

    @cached_property
    def superseded(self) -> str | None:
        """Why Conductor no longer waits for this attempt, in words; None while it does."""
        reporting, verdict = self.status.reporting, self.memory.verdict
        if reporting and reporting.state == "Superseded":
            return reporting.last_error or "Conductor no longer waits for this attempt"
        if verdict and verdict.standing is Standing.SUPERSEDED and not (reporting and reporting.state == "Accepted"):
            return verdict.detail
        if self.later_sibling and self.status.outcome_that_counts is None:
            return f"attempt {self.later_sibling.name} is a later attempt of the same task"
        return None

    @cached_property
    def deadline_at(self) -> datetime | None:
        """When the attempt's time is over; None when it has no deadline or has not started."""
        limit = self.resolved.active_deadline_seconds
        return self._started_at + timedelta(seconds=limit) if limit and self._started_at else None

    @cached_property
    def _started_at(self) -> datetime | None:
        """When the first pod was created; None before."""
        timings = self.status.timings
        if timings and timings.queued is not None:
            return self.created + timedelta(seconds=timings.queued)
        created = self.pod.metadata.creation_timestamp if self.pod else None
        return self.memory.created_at or (self.moment(created) if created else None)

    @cached_property
    def _out_of_time(self) -> bool:
        """The deadline is over, and the pod had not ended before it; end times have whole-second precision."""
        if self.deadline_at is None or self.now < self.deadline_at:
            return False
        ended_at = self.ended_at(self.pod) if self.pod and self.pod.ended else None
        return ended_at is None or ended_at + timedelta(seconds=1) > self.deadline_at


def _times_of(pod: Pod) -> tuple[datetime | None, ...]:
    return pod.deletion_asked, pod.status.start_time, pod.ended_at, pod.node_silent_since
