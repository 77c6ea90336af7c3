"""What every command has at hand: the cluster, where to look in it, the time, and the terminal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from perago_console.core.naming import matches, near, plain
from perago_console.core.objects import Attempt, Raw
from perago_console.core.pods import Event, Pod
from perago_console.core.tasks import Task
from perago_console.output import Output
from perago_console.ports import ATTEMPTS, TASKS, Cluster
from perago_console.problems import Forbidden, NotFound, Problem

T = TypeVar("T")


@dataclass(frozen=True)
class Session:
    """One call of a command; a namespace of None stands for all of them."""

    cluster: Cluster
    namespace: str | None
    now: Callable[[], datetime]
    output: Output

    @property
    def place(self) -> str:
        """Where the command looks, in words."""
        return f"in namespace {self.namespace}" if self.namespace else "in any namespace"

    def attempt(self, text: str) -> Raw:
        """The attempt that people mean; raises NotFound with names that look alike."""
        name = plain(text)
        if self.namespace is not None:
            try:
                return self.cluster.get(ATTEMPTS, self.namespace, name)
            except NotFound:
                pass  # it may be the beginning of a name, or another name of it
        return self._meant(name)

    def _meant(self, name: str) -> Raw:
        listed = self.cluster.find(ATTEMPTS, self.namespace).items
        attempts = [seen_attempt(raw) for raw in listed]
        candidates = matches(name, attempts)
        if len(candidates) == 1:
            return listed[attempts.index(candidates[0])]
        if candidates:
            several = ", ".join(attempt.key for attempt in candidates[:5])
            raise Problem(
                f"{name} is the beginning of {len(candidates)} attempts, such as {several}; give more of the name"
            )
        alike = near(name, attempts)
        hint = f"did you mean {' or '.join(alike)}?" if alike else "`perago list -A` shows all of them"
        raise NotFound(f"there is no attempt {name} {self.place}; {hint}")

    def task_of(self, attempt: Attempt) -> Task | None:
        """Its PeragoTask, as far as there is one that may be read."""
        ref = attempt.spec.task_ref
        if ref is None:
            return None
        try:
            return seen_task(self.cluster.get(TASKS, attempt.metadata.namespace, ref.name))
        except (NotFound, Forbidden):
            return None


def seen_attempt(raw: Raw) -> Attempt:
    """An attempt, as far as the commands read it."""
    return Attempt.model_validate(raw)


def seen_task(raw: Raw) -> Task:
    """A PeragoTask, as far as the commands read it."""
    return Task.model_validate(raw)


def seen_pods(raws: Sequence[Raw]) -> Sequence[Pod]:
    """Pods, the first execution's first."""
    return sorted((Pod.model_validate(raw) for raw in raws), key=lambda pod: str(pod.metadata.creation_timestamp))


def seen_events(raws: Sequence[Raw]) -> Sequence[Event]:
    """Events."""
    return [Event.model_validate(raw) for raw in raws]
