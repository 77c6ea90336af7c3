"""What to do with a target branch: the publication table, and the metadata that its rows read.

PURE: facts in, one decision out. It knows commits and identities; it does not know HTTP, lakeFS clients, sockets or the
clock. Performing a decision is the business of `perago.agent.publisher`.

    head H of the target branch                                       changed          unchanged
    ----------------------------------------------------------------  ---------------  -------------
    the input ref A                                                   Merge            Keep
    on A, by a later execution of this attempt                        Refuse           Refuse
    on A, by this attempt, whichever execution                        AlreadyPublished AlreadyPublished
    by this attempt, but on another commit than A                     TakeBack         TakeBack
    on A, by an earlier attempt of the same logical task              ResetThenMerge   ResetToInput
    on A, without Perago's metadata, replacing such is allowed        ResetThenMerge   Refuse
    anything else (a later attempt's publication, foreign commits …)  Refuse           Refuse

Earlier is what was created before: a retry that Conductor has given up, or an attempt of a former run, where a workflow
was restarted or rerun and its retries count from 0 again. `landed` says what a look after a merge means.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from perago.wire import Order, metadata_keys, output_metadata


@dataclass(frozen=True)
class Commit:
    """A commit as lakeFS describes it; the first parent is the branch's former head."""

    id: str
    parents: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    committer: str = ""


@dataclass(frozen=True)
class Identity:
    """Who wants to publish: the attempt, and its place among the attempts of its logical task."""

    attempt_uid: str
    logical_task: str
    retry: int
    execution: int = 1
    created: str = ""
    """When the attempt's object was created, as the API server writes it; empty where that is not known."""


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
class TakeBack:
    """`ref` is this attempt's own commit, but somebody else's is below it: it may not stay there."""

    ref: str


@dataclass(frozen=True)
class Refuse:
    """The target is not in a state that this attempt may replace; `why` is for people."""

    why: str


Decision = Merge | ResetThenMerge | Keep | ResetToInput | AlreadyPublished | TakeBack | Refuse


@dataclass(frozen=True)
class Target:
    """All that the table looks at."""

    head: Commit
    input_ref: str
    me: Identity
    changed: bool
    replace_unmarked: bool = False


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


def _later_executions_publication(target: Target) -> Decision | None:
    execution = execution_of(target.head) if is_publication_of(target.head, target.me.attempt_uid) else None
    if execution is None or execution <= target.me.execution:
        return None
    return Refuse(
        f"execution {execution} of this attempt has published {target.head.id}, and this is execution "
        f"{target.me.execution}, which was given up"
    )


def _own_publication(target: Target) -> Decision | None:
    if not is_publication_of(target.head, target.me.attempt_uid):
        return None
    return AlreadyPublished(target.head.id) if _on_input(target) else TakeBack(target.head.id)


def _earlier_attempts_publication(target: Target) -> Decision | None:
    same_task = target.head.metadata.get(metadata_keys.LOGICAL_TASK) == target.me.logical_task
    if not (_on_input(target) and same_task and _is_earlier(target.head.metadata, target.me)):
        return None
    return ResetThenMerge(target.head.id) if target.changed else ResetToInput(target.head.id)


def _is_earlier(metadata: Mapping[str, str], me: Identity) -> bool:
    """Created before; where times tell nothing, an earlier retry."""
    created = metadata.get(metadata_keys.CREATED, "")
    if created and me.created and created != me.created:
        return created < me.created
    retry = _number(metadata, metadata_keys.RETRY)
    return retry is not None and retry < me.retry


def _unmarked(target: Target) -> Decision | None:
    marked = any(key.startswith(metadata_keys.PREFIX) for key in target.head.metadata)
    replaceable = _on_input(target) and not marked and target.replace_unmarked
    return ResetThenMerge(target.head.id) if replaceable and target.changed else None


ROWS: tuple[Callable[[Target], Decision | None], ...] = (
    _at_input,
    _later_executions_publication,
    _own_publication,
    _earlier_attempts_publication,
    _unmarked,
)


def _on_input(target: Target) -> bool:
    return target.head.parents[:1] == (target.input_ref,)


def _number(metadata: Mapping[str, str], key: str) -> int | None:
    text = metadata.get(key, "")
    return int(text) if text.isascii() and text.isdigit() else None


def _not_ours(target: Target) -> str:
    head, metadata = target.head, target.head.metadata
    if not _on_input(target):
        return f"its head {head.id} is neither the input ref {target.input_ref} nor a commit right on top of it"
    if metadata_keys.ATTEMPT not in metadata:
        by = f" by {head.committer}" if head.committer else ""
        return f"its head {head.id} was committed{by} on top of the input ref, not published by Perago"
    publisher, retry = metadata[metadata_keys.ATTEMPT], metadata.get(metadata_keys.RETRY, "?")
    return f"its head {head.id} was published by {publisher} (retry {retry}), not by an earlier attempt of this task"


def is_publication_of(commit: Commit, attempt_uid: str) -> bool:
    """Whether the commit's metadata names this attempt."""
    return commit.metadata.get(metadata_keys.ATTEMPT_UID) == attempt_uid


def execution_of(commit: Commit) -> int | None:
    """Which execution of its attempt made a publication; None where that is not known."""
    return _number(commit.metadata, metadata_keys.EXECUTION)


@dataclass(frozen=True)
class Landed:
    """What the target's history shows of one attempt: where its merges have landed."""

    in_force: Commit | None = None
    """The publication: on the input ref."""
    astray: tuple[Commit, ...] = ()
    """Landings that may not stay, newest first: second ones, and ones on somebody else's commit."""
    back_to: str | None = None
    """Where the branch has to go for them to be off it; None where somebody has committed on top of them."""


def landed(history: Sequence[Commit], attempt_uid: str, input_ref: str) -> Landed:
    """The meaning of the target's commits, newest first, down to the input ref or the beginning."""
    own = [commit for commit in history if is_publication_of(commit, attempt_uid)]
    in_force = next((commit for commit in own if commit.parents[:1] == (input_ref,)), None)
    astray = tuple(commit for commit in own if commit != in_force)
    on_top = bool(astray) and tuple(history[: len(astray)]) == astray
    return Landed(in_force, astray, astray[-1].parents[0] if on_top else None)


def made_by(commit: Commit) -> str:
    """Who made a commit, for people: an attempt by its name, anybody else by what lakeFS calls them."""
    attempt = commit.metadata.get(metadata_keys.ATTEMPT)
    if attempt is None:
        return commit.committer or "unknown"
    task, retry = commit.metadata.get(metadata_keys.TASK_ID), commit.metadata.get(metadata_keys.RETRY)
    return f"{attempt} (task {task}, retry {retry})"


def identity(order: Order) -> Identity:
    """The identity under which an ordered attempt publishes."""
    task = order.attempt
    return Identity(order.uid, task.logical_task, task.retry_count, order.execution, order.created)


def publication_metadata(order: Order, input_ref: str, output: Mapping[str, object] | None) -> dict[str, str]:
    """The metadata of a commit: who made it from where, and, when it publishes, the output or its digest."""
    task = order.attempt
    return {
        metadata_keys.INSTALLATION: order.installation,
        metadata_keys.ATTEMPT: f"{order.namespace}/{order.name}",
        metadata_keys.ATTEMPT_UID: order.uid,
        metadata_keys.CREATED: order.created,
        metadata_keys.EXECUTION: str(order.execution),
        metadata_keys.WORKFLOW: task.workflow_instance_id,
        metadata_keys.TASK_ID: task.task_id,
        metadata_keys.LOGICAL_TASK: task.logical_task,
        metadata_keys.RETRY: str(task.retry_count),
        metadata_keys.INPUT_REF: input_ref,
        metadata_keys.IMAGE: order.image,
    } | ({} if output is None else output_metadata(output))
