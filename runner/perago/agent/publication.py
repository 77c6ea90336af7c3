"""What to do with a target branch: the publication table, and the metadata that its rows read.

PURE: facts in, one decision out. It knows commits and identities; it does not know HTTP, lakeFS clients, sockets or the
clock. Performing a decision is the business of `perago.agent.publisher`.

    head H of the target branch                                       changed          unchanged
    ----------------------------------------------------------------  ---------------  -------------
    the input ref A                                                   Merge            Keep
    a publication of this very attempt                                AlreadyPublished AlreadyPublished
    on A, by an earlier attempt of the same logical task              ResetThenMerge   ResetToInput
    on A, without Perago's metadata, replacing such is allowed        ResetThenMerge   ResetToInput
    anything else (a later attempt's publication, foreign commits …)  Refuse           Refuse
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from perago.wire import Order, metadata_keys

OUTPUT_METADATA_LIMIT = 16 * 1024
"""Bytes of output JSON kept in a commit; a request's headers and a commit record stay small."""


@dataclass(frozen=True)
class Commit:
    """A commit as lakeFS describes it; the first parent is the branch's former head."""

    id: str
    parents: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Identity:
    """Who wants to publish: the attempt, and its place among the retries of its logical task."""

    attempt_uid: str
    logical_task: str
    retry: int


@dataclass(frozen=True)
class Merge:
    """The target is at the input ref: squash-merge the staging branch."""


@dataclass(frozen=True)
class ResetThenMerge:
    """`abandoned` was published on the input ref by an attempt that did not count: reset, then merge."""

    abandoned: str


@dataclass(frozen=True)
class Keep:
    """Nothing changed and the target is at the input ref: complete without a write."""


@dataclass(frozen=True)
class ResetToInput:
    """Nothing changed, and `abandoned` is on top of the input ref: reset the target back to the input ref."""

    abandoned: str


@dataclass(frozen=True)
class AlreadyPublished:
    """`ref` is this attempt's own publication: complete from it."""

    ref: str


@dataclass(frozen=True)
class Refuse:
    """The target is not in a state that this attempt may replace; `why` is for people."""

    why: str


Decision = Merge | ResetThenMerge | Keep | ResetToInput | AlreadyPublished | Refuse


@dataclass(frozen=True)
class Target:
    """All that the table looks at."""

    head: Commit
    input_ref: str
    me: Identity
    changed: bool
    replace_unmarked: bool = True


def decide(target: Target) -> Decision:
    """The first row of the table that holds."""
    for row in ROWS:
        decision = row(target)
        if decision is not None:
            return decision
    return Refuse(_not_ours(target))


def _at_input(target: Target) -> Decision | None:
    if target.head.id != target.input_ref:
        return None
    return Merge() if target.changed else Keep()


def _own_publication(target: Target) -> Decision | None:
    return AlreadyPublished(target.head.id) if is_publication_of(target.head, target.me.attempt_uid) else None


def _abandoned_by_earlier_attempt(target: Target) -> Decision | None:
    metadata = target.head.metadata
    same_task = metadata.get(metadata_keys.LOGICAL_TASK) == target.me.logical_task
    retry = _retry_of(metadata)
    if not (_on_input(target) and same_task and retry is not None and retry < target.me.retry):
        return None
    return _replace(target)


def _unmarked(target: Target) -> Decision | None:
    marked = any(key.startswith(metadata_keys.PREFIX) for key in target.head.metadata)
    return _replace(target) if _on_input(target) and not marked and target.replace_unmarked else None


ROWS: tuple[Callable[[Target], Decision | None], ...] = (
    _at_input,
    _own_publication,
    _abandoned_by_earlier_attempt,
    _unmarked,
)


def _on_input(target: Target) -> bool:
    return target.head.parents[:1] == (target.input_ref,)


def _replace(target: Target) -> Decision:
    return ResetThenMerge(target.head.id) if target.changed else ResetToInput(target.head.id)


def _retry_of(metadata: Mapping[str, str]) -> int | None:
    text = metadata.get(metadata_keys.RETRY, "")
    return int(text) if text.isascii() and text.isdigit() else None


def _not_ours(target: Target) -> str:
    head, metadata = target.head, target.head.metadata
    if not _on_input(target):
        return f"its head {head.id} is neither the input ref {target.input_ref} nor a commit right on top of it"
    if metadata_keys.ATTEMPT not in metadata:
        return f"its head {head.id} is on top of the input ref and was not published by Perago"
    publisher, retry = metadata[metadata_keys.ATTEMPT], metadata.get(metadata_keys.RETRY, "?")
    return f"its head {head.id} was published by {publisher} (retry {retry}), not by an earlier attempt of this task"


def is_publication_of(commit: Commit, attempt_uid: str) -> bool:
    """Whether the commit's metadata names this attempt."""
    return commit.metadata.get(metadata_keys.ATTEMPT_UID) == attempt_uid


def identity(order: Order) -> Identity:
    """The identity under which an ordered attempt publishes."""
    task = order.attempt
    return Identity(attempt_uid=order.uid, logical_task=task.logical_task, retry=task.retry_count)


def publication_metadata(order: Order, input_ref: str, output: Mapping[str, object] | None) -> dict[str, str]:
    """The metadata of a commit: who made it from where, and, when it publishes, the output or its digest."""
    task = order.attempt
    return {
        metadata_keys.INSTALLATION: order.installation,
        metadata_keys.ATTEMPT: f"{order.namespace}/{order.name}",
        metadata_keys.ATTEMPT_UID: order.uid,
        metadata_keys.EXECUTION: str(order.execution),
        metadata_keys.WORKFLOW: task.workflow_instance_id,
        metadata_keys.TASK_ID: task.task_id,
        metadata_keys.LOGICAL_TASK: task.logical_task,
        metadata_keys.RETRY: str(task.retry_count),
        metadata_keys.INPUT_REF: input_ref,
        metadata_keys.IMAGE: order.image,
    } | ({} if output is None else _output_metadata(output))


def _output_metadata(output: Mapping[str, object]) -> dict[str, str]:
    text = json.dumps(output, separators=(",", ":"))
    if len(text) <= OUTPUT_METADATA_LIMIT:
        return {metadata_keys.OUTPUT: text}
    return {metadata_keys.OUTPUT_SHA256: hashlib.sha256(text.encode()).hexdigest()}


def published_output(metadata: Mapping[str, str]) -> dict[str, object] | None:
    """The output that a publication carries; None when it was too large for it."""
    if metadata_keys.OUTPUT not in metadata:
        return None
    output: dict[str, object] = json.loads(metadata[metadata_keys.OUTPUT])
    return output
