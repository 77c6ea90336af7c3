"""The memory of each attempt, from its first sight until it is gone. Makes no call."""

from collections.abc import Callable
from dataclasses import replace

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.attempt_status import AttemptStatus
from perago_operator.api.shared import Key
from perago_operator.clocks import Clock
from perago_operator.core import actions as do
from perago_operator.core.answers import Answer, Failure, Patched, PodExists, Standing
from perago_operator.core.config import Config
from perago_operator.core.learn import failed, first_memory, learned, looked
from perago_operator.core.memory import Memory
from perago_operator.core.situation import Situation
from perago_operator.ports import Manifest
from perago_operator.reconcile.gather import gather
from perago_operator.watch.stores import Stores


class Memories:
    """By attempt; another object of the same name has a memory of its own."""

    def __init__(
        self, stores: Stores, config: Config, clock: Clock, worker_id: Callable[[], str | None] = lambda: None
    ) -> None:
        self._stores = stores
        self._config = config
        self._clock = clock
        self._worker_id = worker_id
        self._memories: dict[Key, Memory] = {}

    def situation(self, attempt: PeragoAttempt) -> Situation:
        """The situation of an attempt now, what this look adds to the memory included."""
        key = attempt.metadata.key
        memory = self._memories.get(key)
        if memory is None or memory.uid != attempt.metadata.uid:
            memory = self._first(attempt)
        instant, worker_id = self._clock.instant(), self._worker_id()
        s = gather(attempt, self._stores, memory, instant, self._config, worker_id=worker_id)
        self._memories[key] = looked(s)
        return replace(s, memory=self._memories[key])

    def _first(self, attempt: PeragoAttempt) -> Memory:
        """One that has a pod is under way although its status may not say so yet."""
        reporting = attempt.status.reporting
        return first_memory(
            attempt.metadata.uid,
            self._clock.now(),
            under_way=attempt.status != AttemptStatus() or self._stores.pods.has(attempt),
            reports=(reporting.attempts if reporting else None) or 0,
        )

    def succeeded(self, action: do.Action, s: Situation, answer: Answer | Manifest) -> None:
        """A call was answered; a patched attempt goes into the store at once, not only when the watch shows it."""
        if isinstance(answer, dict) and isinstance(action, do.LookForPod):
            self._stores.pods.put(answer)
            answer = PodExists()
        elif isinstance(answer, dict):
            self._stores.attempts.put(answer)
            answer = Patched(answer["metadata"]["resourceVersion"])
        self._memories[s.attempt.metadata.key] = learned(self._at_answer(s), action, answer)

    def read(self, obj: Manifest) -> None:
        """An attempt as it is now, in the API server's own words: its watch may be behind."""
        self._stores.attempts.put(obj)

    def failed(self, action: do.Action, s: Situation, failure: Failure) -> None:
        """A call failed."""
        self._memories[s.attempt.metadata.key] = failed(self._at_answer(s), action, failure)

    def superseded(self, key: Key) -> bool:
        """Conductor has said that it no longer waits for the attempt."""
        verdict = self._memories[key].verdict
        return verdict is not None and verdict.standing is Standing.SUPERSEDED

    def _at_answer(self, s: Situation) -> Situation:
        """The situation at the moment in which an answer came, with what the calls before it have taught."""
        return replace(s, memory=self._memories[s.attempt.metadata.key], now=self._clock.now())

    def forget(self, key: Key) -> None:
        """The attempt is gone."""
        self._memories.pop(key, None)
