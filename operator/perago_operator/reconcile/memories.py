"""The memories of all attempts: met, kept up to date with what was learnt, forgotten. It makes no call."""

from dataclasses import replace

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.reasons import Reason
from perago_operator.api.shared import Key
from perago_operator.core import actions as do
from perago_operator.core.answers import Answer, Failure
from perago_operator.core.config import Config
from perago_operator.core.learn import failed, first_memory, learned, looked
from perago_operator.core.memory import Memory
from perago_operator.core.situation import Situation
from perago_operator.ports import Manifest
from perago_operator.reconcile.apply import Clock
from perago_operator.reconcile.gather import gather, pod_is_strange
from perago_operator.watch.stores import Stores


class Memories:
    """By attempt; another object of the same name has a memory of its own."""

    def __init__(self, stores: Stores, config: Config, clock: Clock) -> None:
        self._stores = stores
        self._config = config
        self._clock = clock
        self._memories: dict[Key, Memory] = {}

    def situation(self, key: Key, attempt: PeragoAttempt) -> Situation:
        """The situation of an attempt now, what this look adds to the memory included."""
        memory = self._memories.get(key)
        if memory is None or memory.uid != attempt.metadata.uid:
            memory = self._meet(attempt)
        s = gather(attempt, self._stores, memory, self._clock(), self._config)
        self._memories[key] = looked(s)
        return replace(s, memory=self._memories[key])

    def _meet(self, attempt: PeragoAttempt) -> Memory:
        reporting = attempt.status.reporting
        return first_memory(
            attempt.metadata.uid,
            self._clock(),
            under_way=attempt.status.phase is not None,
            reports=(reporting.attempts if reporting else None) or 0,
        )

    def succeeded(self, key: Key, action: do.Action, s: Situation, answer: Answer | Manifest) -> None:
        """A call was answered; a patched attempt goes into the store at once, not only when the watch shows it."""
        if isinstance(answer, dict):
            return self._patched(key, action, s, answer)
        uid = s.attempt.metadata.uid
        if isinstance(action, do.CreatePod) and pod_is_strange(self._stores, key, uid, action.name):
            message = f"pod {action.name} of an earlier attempt with this name is still terminating"
            return self.failed(key, action, s, Failure(message, Reason.POD_NAME_TAKEN))
        self._memories[key] = learned(self._now(key, s), action, answer)
        return None

    def _patched(self, key: Key, action: do.Action, s: Situation, attempt: Manifest) -> None:
        """A patch that changed nothing would be repeated forever: the installed CRD lacks one of our fields."""
        if attempt["metadata"]["resourceVersion"] == s.attempt.metadata.resource_version:
            message = "the API server left the status as it was: the installed CRDs are not those of this operator"
            return self.failed(key, action, s, Failure(message))
        self._stores.attempts.put(attempt)
        return self.succeeded(key, action, s, None)

    def failed(self, key: Key, action: do.Action, s: Situation, failure: Failure) -> None:
        """A call failed, or had no effect."""
        self._memories[key] = failed(self._now(key, s), action, failure)

    def _now(self, key: Key, s: Situation) -> Situation:
        """The situation at the moment in which an answer came, with what the calls before it have taught."""
        return replace(s, memory=self._memories[key], now=self._clock())

    def forget(self, key: Key) -> None:
        """The attempt is gone."""
        self._memories.pop(key, None)
