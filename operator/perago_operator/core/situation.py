"""Facts at a moment: what follows from them once the time and the limits are known. Pure, the clock is given.

Rules read a situation; nothing here decides what to do.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from perago_operator.api.attempt import ReportingState
from perago_operator.api.reasons import Reason
from perago_operator.core.config import Config
from perago_operator.core.facts import Facts
from perago_operator.core.memory import Trouble, fraction
from perago_operator.core.names import POD_FINALIZER
from perago_operator.core.pods import Pod
from perago_operator.core.resolve import Resolved, resolve
from perago_operator.core.verdict import WAITING, Standing


@dataclass(frozen=True, slots=True)
class Stop:
    """The attempt is not to go on, and why."""

    reason: Reason
    message: str


@dataclass(frozen=True)
class Situation:
    """Facts, the time, and the limits."""

    facts: Facts
    now: datetime
    config: Config

    @cached_property
    def resolved(self) -> Resolved:
        """The attempt with its task's and the operator's defaults."""
        return resolve(self.facts.attempt.spec, self.facts.task, self.config)

    # --- time

    def after(self, seconds: float) -> datetime:
        """The moment so many seconds from now."""
        return self.now + timedelta(seconds=seconds)

    @cached_property
    def started_at(self) -> datetime | None:
        """When the first pod was created; None before."""
        timings = self.facts.status.timings
        if timings and timings.queued is not None:
            return self.facts.created + timedelta(seconds=timings.queued)
        pod = self.facts.pod
        return self.facts.memory.created_at or (pod.metadata.creation_timestamp if pod else None)

    @cached_property
    def queued_since(self) -> datetime:
        """When the attempt was created, more exactly than the object tells: it was first seen within that second."""
        created, seen = self.facts.created, self.facts.memory.first_seen
        within = created <= seen < created + timedelta(seconds=1) and not self.facts.memory.adopted
        return seen if within else created

    @cached_property
    def deadline_at(self) -> datetime | None:
        """When the attempt's time is over; None when it has no deadline or has not started."""
        limit = self.resolved.active_deadline_seconds
        return self.started_at + timedelta(seconds=limit) if limit and self.started_at else None

    # --- pods

    def lost_at(self, pod: Pod) -> datetime | None:
        """From when on a pod that is being deleted counts as lost: its grace period and our patience are over."""
        deleted = pod.metadata.deletion_timestamp
        return deleted + timedelta(seconds=self.config.lost_node_patience) if deleted else None

    def may_run(self, pod: Pod) -> bool:
        """A process of this pod may run, as far as one can know."""
        lost_at = self.lost_at(pod)
        return not pod.ended and (lost_at is None or self.now < lost_at)

    @cached_property
    def running_pods(self) -> tuple[Pod, ...]:
        """Pods of any execution of which a process may run, or will."""
        return tuple(each for each in self.facts.pods if self.may_run(each))

    @cached_property
    def pod_over(self) -> bool:
        """The current execution's pod was there, and no process of it runs any more."""
        facts = self.facts
        if facts.pod is not None:
            return not self.may_run(facts.pod)
        return facts.pod_was_created and not facts.pod_unseen

    def starting_since(self, pod: Pod) -> datetime:
        """When the pod began to start: placed on its node, else created."""
        return pod.status.start_time or pod.metadata.creation_timestamp or self.facts.memory.first_seen

    # --- reasons to stop

    @cached_property
    def stop(self) -> Stop | None:
        """Why the attempt is not to go on: deleted, canceled, superseded or out of time; None when it is."""
        if self.facts.deleting:
            return Stop(Reason.ATTEMPT_DELETED, "attempt deleted")
        if self.facts.attempt.spec.cancel:
            return Stop(Reason.CANCELED, "the attempt was canceled (spec.cancel)")
        if self.superseded:
            return Stop(Reason.SUPERSEDED, self.superseded)
        if self._out_of_time:
            limit = self.resolved.active_deadline_seconds
            return Stop(Reason.DEADLINE_EXCEEDED, f"the attempt took longer than its {limit} seconds")
        return None

    @cached_property
    def superseded(self) -> str | None:
        """Why Conductor wants nothing from this attempt any more, in words; None when it does."""
        reporting, verdict = self.facts.status.reporting, self.facts.memory.verdict
        if reporting and reporting.state == "Superseded":
            return reporting.last_error or "Conductor no longer waits for this attempt"
        if verdict and verdict.standing is Standing.SUPERSEDED and not (reporting and reporting.state == "Accepted"):
            return verdict.detail
        if self.facts.later_sibling and self.facts.outcome is None:
            return f"attempt {self.facts.later_sibling.name} is a later one of the same task"
        return None

    @cached_property
    def _out_of_time(self) -> bool:
        """The deadline is over, and the pod had not ended before it (ends are told in whole seconds)."""
        if self.deadline_at is None or self.now < self.deadline_at:
            return False
        ended_at = self.facts.pod.ended_at if self.facts.pod and self.facts.pod.ended else None
        return ended_at is None or ended_at + timedelta(seconds=1) > self.deadline_at

    # --- Conductor

    @cached_property
    def lease_period(self) -> float:
        """Seconds between two heartbeats: a third of the task's response time-out."""
        task = self.facts.conductor
        if task is None or task.response_timeout_seconds == 0:
            return self.config.heartbeat_without_timeout
        return task.response_timeout_seconds / 3

    @cached_property
    def heartbeat_at(self) -> datetime:
        """When the next heartbeat is due, jittered; soon when nothing is known of the last one."""
        memory = self.facts.memory
        jitter = fraction(f"{memory.uid}/{memory.heartbeat_at}")
        if memory.heartbeat_at is None and memory.adopted:
            return memory.first_seen + timedelta(seconds=jitter * min(10.0, self.lease_period / 3))
        last = memory.heartbeat_at or self.facts.created
        return last + timedelta(seconds=self.lease_period * (1 - jitter / 10))

    @cached_property
    def reporting_state(self) -> ReportingState:
        """What is known about the result at Conductor, from the status and from what was read since."""
        if self.facts.conductor is None:
            return "NotRequired"
        written = self.facts.status.reporting.state if self.facts.status.reporting else "Pending"
        if written != "Pending":
            return written
        if self.superseded:
            return "Superseded"
        verdict = self.facts.memory.verdict
        return "Accepted" if verdict and verdict.standing is Standing.ACCEPTED else "Pending"

    @cached_property
    def report_wanted(self) -> bool:
        """The outcome is known and Conductor has not got it, or has lost it to a late lease."""
        verdict = self.facts.memory.verdict
        if self.facts.outcome is None or self.facts.conductor is None or self.reporting_state == "Superseded":
            return False
        reopened = verdict is not None and verdict.after_report and verdict.standing in WAITING
        return self.reporting_state == "Pending" or reopened

    @cached_property
    def doubt_until(self) -> datetime | None:
        """When Conductor must be read once more: a call of unknown fate may land until then. None: no doubt."""
        memory = self.facts.memory
        if memory.doubt_since is None or self.reporting_state != "Accepted":
            return None
        until = memory.doubt_since + timedelta(seconds=min(self.lease_period, self.config.doubt_cap))
        return None if memory.verdict and memory.verdict.at >= until else until

    # --- the end

    @cached_property
    def unreleased_pods(self) -> tuple[Pod, ...]:
        """Pods, of any execution, that this attempt still holds."""
        return tuple(each for each in self.facts.pods if self.undeleted(each) or self.unreleased(each))

    def undeleted(self, pod: Pod) -> bool:
        """Nobody has asked for this pod's deletion."""
        return pod.metadata.deletion_timestamp is None and pod.name not in self.facts.memory.deleted

    def unreleased(self, pod: Pod) -> bool:
        """Our finalizer is on this pod."""
        return POD_FINALIZER in pod.metadata.finalizers and pod.name not in self.facts.memory.released_pods

    @cached_property
    def complete(self) -> bool:
        """Nothing is left to do: reported, pods let go, staging gone."""
        return (
            self.facts.outcome is not None
            and self.reporting_state != "Pending"
            and not self.unreleased_pods
            and not self.facts.pod_unseen
            and self.facts.staging is None
        )

    def trouble(self, kind: str) -> Trouble | None:
        """The last failure of that kind of call, when it was not followed by a success."""
        return self.facts.memory.troubles.get(kind)
