"""Everything observed about one attempt at one moment: frozen values, and what follows from them alone. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime

from perago.wire import ConductorTask
from perago_operator.api.attempt import AttemptStatus, OutcomeStatus, PeragoAttempt, StagingStatus
from perago_operator.api.task import PeragoTask
from perago_operator.core import names
from perago_operator.core.memory import Memory
from perago_operator.core.pods import Pod


@dataclass(frozen=True, slots=True)
class Sibling:
    """Another attempt of the same logical task."""

    name: str
    retry_count: int
    settled: bool
    """It can publish no more: it has an outcome or no pod that may run, and no staging branch."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What stores and memory hold about one attempt."""

    attempt: PeragoAttempt
    task: PeragoTask | None
    """The PeragoTask that `taskRef` names, when there is one."""
    pods: tuple[Pod, ...]
    """The attempt's pods, of all executions, that the watch shows."""
    memory: Memory
    siblings: tuple[Sibling, ...] = ()
    ahead: int = 0
    """Attempts of the same PeragoTask that have a pod, or wait for one and are older."""

    def remembering(self, memory: Memory) -> "Facts":
        """The same with another memory."""
        return replace(self, memory=memory)

    @property
    def status(self) -> AttemptStatus:
        """The attempt's status."""
        return self.attempt.status

    @property
    def name(self) -> str:
        """The attempt's name."""
        return self.attempt.metadata.name

    @property
    def conductor(self) -> ConductorTask | None:
        """The Conductor task; None for a standalone attempt."""
        return self.attempt.spec.conductor.wire() if self.attempt.spec.conductor else None

    @property
    def outcome(self) -> OutcomeStatus | None:
        """How the attempt ended, once that is known."""
        return self.status.outcome

    @property
    def deleting(self) -> bool:
        """Somebody has deleted the attempt."""
        return self.attempt.metadata.deletion_timestamp is not None

    @property
    def held(self) -> bool:
        """Our finalizer is on the attempt."""
        return (names.ATTEMPT_FINALIZER in self.attempt.metadata.finalizers or self.memory.held) and not (
            self.memory.released
        )

    @property
    def created(self) -> datetime:
        """When the attempt was created (whole seconds)."""
        return self.attempt.metadata.creation_timestamp or self.memory.first_seen

    @property
    def execution(self) -> int:
        """The number of the current execution; 0 before the first."""
        numbers = [
            names.execution_of(each, self.name) or 0
            for each in (*self.memory.created, *(pod.name for pod in self.pods))
        ]
        return max(self.status.executions or 0, *numbers, 0)

    @property
    def pod_name(self) -> str:
        """The name of the current execution's pod, whether it exists or not."""
        return names.pod_name(self.name, max(self.execution, 1))

    @property
    def pod(self) -> Pod | None:
        """The current execution's pod, as the watch shows it."""
        return next((each for each in self.pods if each.name == self.pod_name), None)

    @property
    def former_pods(self) -> tuple[Pod, ...]:
        """Pods of executions that a later one has replaced."""
        return tuple(each for each in self.pods if each.name != self.pod_name)

    @property
    def pod_was_created(self) -> bool:
        """The current execution's pod was made, whether the watch shows it or not."""
        return self.pod is not None or self.pod_name in self.memory.created or self.status.pod_name == self.pod_name

    @property
    def pod_unseen(self) -> bool:
        """Made by this process, and the watch has not shown it yet."""
        return self.pod is None and self.pod_name in self.memory.created - self.memory.seen

    @property
    def staging(self) -> StagingStatus | None:
        """The staging branch that may still exist."""
        branch = self.status.staging
        if branch is None or branch.state == "Deleted" or branch.branch in self.memory.staging_deleted:
            return None
        return branch

    @property
    def later_sibling(self) -> Sibling | None:
        """An attempt of the same logical task that came after this one."""
        mine = self.attempt.spec.conductor.retry_count if self.attempt.spec.conductor else 0
        return next((each for each in self.siblings if each.retry_count > mine), None)

    @property
    def unsettled_earlier(self) -> Sibling | None:
        """An attempt of the same logical task that came before this one and may still publish."""
        mine = self.attempt.spec.conductor.retry_count if self.attempt.spec.conductor else 0
        return next((each for each in self.siblings if each.retry_count < mine and not each.settled), None)
