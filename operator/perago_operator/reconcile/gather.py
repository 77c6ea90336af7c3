"""From stores and memory to the situation of one attempt. Pure."""

from collections.abc import Collection
from dataclasses import replace

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.shared import Key
from perago_operator.clocks import Instant
from perago_operator.core.claims import false_claim, is_disowned
from perago_operator.core.config import Config
from perago_operator.core.memory import Memory
from perago_operator.core.names import POD_FINALIZER
from perago_operator.core.pod.model import Pod
from perago_operator.core.siblings import Sibling
from perago_operator.core.situation import Situation
from perago_operator.watch.rooms import task_key
from perago_operator.watch.stores import Stores


def gather(
    attempt: PeragoAttempt,
    stores: Stores,
    memory: Memory,
    at: Instant,
    config: Config,
    *,
    worker_id: str | None = None,
) -> Situation:
    """Everything that is known about the attempt at this moment; claims are believed where there is no `worker_id`."""
    pods = stores.pods.of(attempt.metadata.key)
    own = tuple(pod for pod in pods if pod.belongs_to(attempt.metadata.uid))
    strangers = tuple(pod for pod in pods if pod not in own)
    taken = {pod.name for pod in strangers}
    peragotask = task_key(attempt)
    task = stores.tasks.get(peragotask) if peragotask else None
    s = Situation(
        attempt,
        task,
        own,
        _without(taken, memory) if taken else memory,
        siblings=(),
        ahead=0,
        now=at.now,
        config=config,
        strangers=strangers,
        clock=at.seconds,
        offset=at.offset,
        # what has a pod was believed before: its PeragoTask may have gone since
        claim=None if worker_id is None or own or memory.created else false_claim(attempt, worker_id, stores.tasks),
    )
    if s.outcome is not None:
        return s
    others = (other for other in stores.attempts.siblings(attempt) if not _is_false(other, stores, worker_id))
    siblings = tuple(_sibling(other, stores) for other in others)
    behind = stores.attempts.before_in_turn(attempt)
    ahead = 0 if s.pod_was_created else _ahead(s, stores)
    crowd = stores.attempts.crowds.crowd(attempt)
    return replace(s, siblings=siblings, ahead=ahead, crowd=crowd, turn_behind=str(behind) if behind else None)


def _without(taken: Collection[str], memory: Memory) -> Memory:
    """The memory without pods of ours whose names strangers have: those were not created."""
    return replace(memory, created={name: when for name, when in memory.created.items() if name not in taken})


def _sibling(other: PeragoAttempt, stores: Stores) -> Sibling:
    started = stores.attempts.has_started(other) or bool(stores.pods.of(other.metadata.key))
    return Sibling.of(other, has_pods=started)


def _is_false(other: PeragoAttempt, stores: Stores, worker_id: str | None) -> bool:
    """It only claims to be of the same logical task."""
    claims_falsely = worker_id is not None and false_claim(other, worker_id, stores.tasks) is not None
    return claims_falsely or is_disowned(other)


def _ahead(s: Situation, stores: Stores) -> int:
    """Attempts of the same task that have a pod, or wait for one and are older."""
    limit = s.resolved.max_concurrency
    return 0 if limit is None else stores.attempts.ahead(s.attempt, limit)


def orphans(stores: Stores, attempt: Key) -> tuple[Pod, ...]:
    """Pods of an attempt that is gone, which are being deleted and wait for our finalizer alone."""
    deleted = (pod for pod in stores.pods.of(attempt) if pod.metadata.deletion_timestamp)
    return tuple(pod for pod in deleted if POD_FINALIZER in pod.metadata.finalizers)
