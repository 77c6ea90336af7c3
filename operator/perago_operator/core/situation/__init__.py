"""Everything observed about one attempt at one moment, and what follows from it. Pure: the clocks are given.

The vocabulary of the rules: they read a situation, and nothing here decides what to do. What concerns Conductor alone
is in `reporting`. Each part knows those before it: what was observed, the executions, reasons to stop, and at last how
the attempt ended, with what is left of it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from perago_operator.api.attempt_status import StagingStatus
from perago_operator.api.outcome_status import OutcomeStatus
from perago_operator.api.reasons import Reason
from perago_operator.core.answers import Publication
from perago_operator.core.pod.hindrance import hindrance_of
from perago_operator.core.pod.model import Pod
from perago_operator.core.situation.stopping import Stop as Stop
from perago_operator.core.situation.stopping import Stopping
from perago_operator.core.staging import own_staging


@dataclass(frozen=True)
class Situation(Stopping):
    """All of it: what rules read."""

    # --- how the attempt ended

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

    # --- what may still be there

    def keeps(self, pod: Pod) -> bool:
        """The attempt failed, and people may look at its last pod for a while.

        Its containers have ended or are about to. A pod that may yet start is not kept.
        """
        outcome = self.outcome
        failed = outcome is not None and outcome.status != "COMPLETED" and outcome.reason != Reason.NOT_STARTED
        wanted = failed and self.resolved.keep_failed_pods_seconds > 0 and not self.deleting
        if not wanted or pod.name != self.pod_name or not self.undeleted(pod):
            return False
        return (pod.at_rest or hindrance_of(pod) is None) and self.now < self.kept_until(pod)

    def kept_until(self, pod: Pod) -> datetime:
        """When a kept pod is deleted: after its time, or soon if a container goes on as if nothing had happened."""
        seen = self.memory.outcome_seen_at or self.now
        if not pod.at_rest:
            return seen + timedelta(seconds=self.config.agent_patience)
        return (self.ended_at(pod) or seen) + timedelta(seconds=self.resolved.keep_failed_pods_seconds)

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
