"""The pods of an attempt, by execution: the current one, those that may run, those that are ours to let go. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from perago_operator.core import names
from perago_operator.core.pod.model import Pod
from perago_operator.core.situation.observed import Observed


@dataclass(frozen=True)
class Executions(Observed):
    """What was observed, read as executions."""

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
        observed = self.memory.seen | self.memory.gone
        return self.pod is None and self.pod_name in self.memory.created and self.pod_name not in observed

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
