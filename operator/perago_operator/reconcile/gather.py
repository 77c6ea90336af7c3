"""From stores and memory to the situation of one attempt. Reads, and decides nothing."""

from dataclasses import replace
from datetime import datetime

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.shared import Key
from perago_operator.core import names
from perago_operator.core.config import Config
from perago_operator.core.memory import Memory
from perago_operator.core.situation import Sibling, Situation
from perago_operator.watch.stores import Stores, age, task_key


def gather(attempt: PeragoAttempt, stores: Stores, memory: Memory, now: datetime, config: Config) -> Situation:
    """Everything that is known about the attempt now."""
    key = attempt.metadata.key
    pods = stores.pods.of(key)
    own = tuple(each for each in pods if each.belongs_to(attempt.metadata.uid))
    strangers = frozenset(each.name for each in pods) - {each.name for each in own}
    at = task_key(attempt)
    task = stores.tasks.get(at) if at else None
    remembered = replace(memory, created=memory.created - strangers)
    s = Situation(attempt, task, own, remembered, siblings=(), ahead=0, now=now, config=config)
    if s.outcome is not None:
        return s
    siblings = tuple(_sibling(each, stores) for each in stores.attempts.siblings(attempt))
    return replace(s, siblings=siblings, ahead=0 if s.pod_was_created else _ahead(s, stores))


def _sibling(other: PeragoAttempt, stores: Stores) -> Sibling:
    key = other.metadata.key
    staged = other.status.staging is not None and other.status.staging.state != "Deleted"
    may_publish = other.status.outcome is None and not _never_started(other, key, stores)
    retry = other.spec.conductor.retry_count if other.spec.conductor else 0
    return Sibling(other.metadata.name, retry, settled=not staged and not may_publish)


def _never_started(other: PeragoAttempt, key: Key, stores: Stores) -> bool:
    """Being deleted or not, it has no pod and will get none: a later attempt exists."""
    return other.status.pod_name is None and not stores.pods.of(key)


def _ahead(s: Situation, stores: Stores) -> int:
    """Attempts of the same task that have a pod, or wait for one and are older."""
    at = task_key(s.attempt)
    if at is None or s.resolved.max_concurrency is None:
        return 0
    mine = age(s.attempt)
    others = (each for each in stores.attempts.unfinished(at) if each.metadata.name != s.name)
    return sum(1 for each in others if each.status.pod_name or age(each) < mine)


def pod_is_strange(stores: Stores, key: Key, uid: str, pod_name: str) -> bool:
    """A pod of that name exists and belongs to an earlier attempt of the same name."""
    pod = stores.pods.get(Key(key.namespace, pod_name))
    return pod is not None and not pod.belongs_to(uid)


def orphans(stores: Stores, key: Key) -> tuple[str, ...]:
    """Pods that hold our finalizer, are being deleted, and whose attempt is gone: nobody asks for their word."""
    held = (each for each in stores.pods.of(key) if names.POD_FINALIZER in each.metadata.finalizers)
    return tuple(each.name for each in held if each.metadata.deletion_timestamp)
