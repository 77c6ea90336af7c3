"""What the operator needs from the world: a cluster, a Conductor, a few calls of lakeFS, and how these can refuse.

Owned by its callers; `adapters` implement it over real clients, `tests/fakes` in memory. Methods raise only these:

    PortError
    ├── Unreachable      no usable answer; `fate_unknown`: the call may have been carried out
    ├── NotFound         the object is not there
    ├── AlreadyExists    an object of that name is there
    ├── Conflict         the object is not the version, or not the one, that the call insisted on
    ├── QuotaExceeded    no room for this now
    ├── Expired          a version or page of a list is too old
    └── Refused          anything else; `invalid`: the same object would be refused every time
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from perago.wire import ConductorTask, Outcome
from perago_operator.api.shared import Key
from perago_operator.core.answers import ConductorTaskState, Landed

Manifest = dict[str, Any]
"""A Kubernetes object, or a merge patch of one, as JSON has it. Whoever receives one never changes it."""

EventKind = Literal["Normal", "Warning"]


class PortError(Exception):
    """A call that the other side did not carry out as asked. `str()` says what, to which object, and what to do."""


class Unreachable(PortError):
    """No usable answer: connection refused or broken, time-out, 5xx. Worth another try later.

    `fate_unknown`: the call may have been carried out nevertheless, for it left us and no answer came back.
    """

    def __init__(self, message: str, *, fate_unknown: bool = False) -> None:
        super().__init__(message)
        self.fate_unknown = fate_unknown


class NotFound(PortError):
    """The object that the call is about is not there."""


class AlreadyExists(PortError):
    """An object of that name is there already: the same one, if its uid or its owner's says so."""


class Conflict(PortError):
    """The object has changed since the resource version, or does not have the uid, that the call insisted on."""


class QuotaExceeded(PortError):
    """The server has no room for this now (exceeded quota, too many requests): try again later, nothing failed."""


class Expired(PortError):
    """The server no longer remembers this resource version or page: list again."""


class Refused(PortError):
    """Any other refusal: `status` is the HTTP status, `message` the server's own words."""

    def __init__(self, text: str, *, status: int, message: str) -> None:
        super().__init__(text)
        self.status = status
        self.message = message

    @property
    def invalid(self) -> bool:
        """The same object would be refused every time: it is malformed, too large, or against its schema."""
        return self.status in (400, 413, 422)


Gate = Callable[[], None]
"""Called at the moment at which a call that changes something leaves; raises Unreachable if it may not."""


def open_gate() -> None:
    """The default: whoever calls need not be the leader."""


FORBIDDEN = 403


def is_refusal(error: PortError) -> bool:
    """The API server has answered that we may not list or watch something, or that it is not there."""
    return isinstance(error, NotFound) or (isinstance(error, Refused) and error.status == FORBIDDEN)


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """The object that an event is about."""

    kind: str
    namespace: str
    name: str
    uid: str
    api_version: str = "perago.dev/v1alpha1"


class Cluster(Protocol):
    """The Kubernetes API server, as far as single objects go; `Feed` lists and watches."""

    async def served_kinds(self) -> frozenset[str]:
        """Plural names of Perago's kinds that the server knows; empty before the CRDs are installed."""

    async def create_attempt(self, namespace: str, manifest: Manifest) -> None:
        """Create a PeragoAttempt; AlreadyExists means that an earlier try of ours succeeded."""

    async def read_attempt(self, namespace: str, name: str) -> Manifest | None:
        """The attempt as it is now; None when the API server says that there is none."""

    async def delete_attempt(self, namespace: str, name: str, uid: str) -> None:
        """Delete the attempt with that uid (Conflict: another of that name); NotFound is success."""

    async def hold_attempt(self, namespace: str, name: str, uid: str) -> None:
        """Put `ATTEMPT_FINALIZER` on the attempt with that uid; that it is on already is success."""

    async def release_attempt(self, namespace: str, name: str, uid: str) -> None:
        """Take `ATTEMPT_FINALIZER` off the attempt with that uid; NotFound, also of the finalizer, is success."""

    async def patch_attempt_status(
        self, namespace: str, name: str, patch: Manifest, *, resource_version: str | None = None
    ) -> Manifest:
        """Merge `{"status": …}` into the attempt and return it; with `resource_version`, Conflict if it has changed."""

    async def patch_task_status(self, namespace: str, name: str, patch: Manifest) -> None:
        """Merge `{"status": …}` into the PeragoTask."""

    async def create_pod(self, namespace: str, manifest: Manifest) -> None:
        """Create a pod; AlreadyExists means that an earlier try of ours succeeded, or that the name is another's."""

    async def read_pod(self, namespace: str, name: str) -> Manifest | None:
        """The pod as it is now; None when the API server says that there is none."""

    async def delete_pod(self, namespace: str, name: str, uid: str) -> None:
        """Delete the pod with that uid, with its own grace period; that it is gone is success."""

    async def release_pod(self, namespace: str, name: str, uid: str) -> None:
        """Take `POD_FINALIZER` off the pod with that uid; that either is gone is success."""

    async def pod_log_tail(
        self, namespace: str, pod: str, container: str, lines: int, *, to_the_end: bool = False
    ) -> str:
        """The last lines of a container's log, at most 64 KiB; `to_the_end`: what it still writes, too."""

    async def record_event(self, namespace: str, about: ObjectRef, kind: EventKind, reason: str, message: str) -> None:
        """Post an event about an object; the same words about it only raise the count of the event that is there."""


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a list: its objects, the version to watch from, and where the next page starts (None: the last)."""

    items: tuple[Manifest, ...]
    resource_version: str
    next_page: str | None = None


WatchKind = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One line of a watch; a BOOKMARK's object carries its resource version alone."""

    kind: WatchKind
    obj: Manifest

    @property
    def resource_version(self) -> str:
        """The version from which a watch goes on after this event."""
        version: str = self.obj["metadata"]["resourceVersion"]
        return version


class Feed(Protocol):
    """One kind of object, of one namespace or of all, as a list and as a watch; managed fields are left out."""

    async def page(self, next_page: str | None) -> Page:
        """One page of the list; Expired when `next_page` is too old."""

    def watch(self, resource_version: str) -> AsyncIterator[WatchEvent]:
        """Events since that version until the server ends the stream; Expired when it is too old."""


class Sink(Protocol):
    """Where objects go. `put` replaces the object of the same key."""

    def put(self, obj: Manifest) -> None:
        """The object as it is now."""

    def remove(self, key: Key) -> None:
        """The object is gone."""


WatchTasks = Callable[[str | None, Sink, asyncio.Event], Coroutine[None, None, None]]
"""Watches PeragoTasks of a namespace, or (None) of all, until canceled, and sets the event once it does.

Raises Refused when the API server forbids that.
"""


def key_of(obj: Manifest) -> Key:
    """Namespace and name of an object."""
    metadata = obj["metadata"]
    return Key(metadata.get("namespace", ""), metadata["name"])


@dataclass(frozen=True, slots=True)
class Lease:
    """A coordination Lease as it is stored; `version` and `uid` are "" until it is there. Times are RFC 3339."""

    holder: str = ""
    duration_seconds: int = 0
    acquired: str = ""
    renewed: str = ""
    transitions: int = 0
    version: str = ""
    uid: str = ""


class Leases(Protocol):
    """The one Lease that leadership is about."""

    async def read(self) -> Lease:
        """The Lease as it is now, or an empty one."""

    async def write(self, lease: Lease) -> Lease:
        """Store it if it is still at `lease.version` (Conflict otherwise), and return it as stored."""


@dataclass(frozen=True, slots=True)
class PolledTask:
    """A task handed out to us: it is IN_PROGRESS in Conductor, and lost if it does not become an attempt."""

    task: ConductorTask
    input_data: Mapping[str, Any]
    input_bytes: int
    """Length of the input as JSON in UTF-8: decides between `input` and `inputFrom`."""


class Conductor(Protocol):
    """Conductor's task endpoints. The caller makes one call at a time per task."""

    async def poll(
        self, task_type: str, *, domain: str | None, worker_id: str, count: int, timeout_ms: int
    ) -> list[PolledTask]:
        """Take up to `count` tasks, waiting up to `timeout_ms` for the first.

        Never repeated below this call: tasks in a lost answer stay IN_PROGRESS until `responseTimeoutSeconds`.
        """

    async def read(self, task_id: str) -> ConductorTaskState | None:
        """The task as it is now; None when Conductor does not know it."""

    async def workflow_ended(self, workflow_id: str) -> bool | None:
        """Whether the workflow is over: it then ignores every update of its tasks. None: Conductor does not know it."""

    async def extend_lease(self, task: ConductorTask) -> None:
        """Restart the task's response timer; a terminal task ignores it. NotFound: no such task or workflow."""

    async def report(self, task: ConductorTask, outcome: Outcome) -> None:
        """Post the result. That it returns does not mean it was accepted: a terminal task ignores it, so read back."""

    async def give_back(self, task: ConductorTask) -> None:
        """Put a polled task that nobody works on back into its queue at once, for any poller."""

    async def queue_size(self, task_type: str, domain: str | None) -> int:
        """How many tasks wait in Conductor's queue."""

    async def log(self, task_id: str, text: str) -> None:
        """Append an entry to the task's log in Conductor."""


class Versions(Protocol):
    """lakeFS as far as the operator needs it; the data plane is the agent's."""

    async def delete_branch(self, repository: str, branch: str) -> bool:
        """Delete a branch; False when it (or its repository) was not there."""

    async def find_publication(self, repository: str, branch: str, input_ref: str, attempt_uid: str) -> Landed:
        """The commits on `branch`, newer than `input_ref`, whose metadata names this attempt.

        NotFound when there is no such branch, or repository.
        """


@dataclass(frozen=True, slots=True)
class Gauge:
    """A number that is read for each scrape: name, help, label names, and a function that returns labelled values."""

    name: str
    help: str
    labels: tuple[str, ...]
    read: Callable[[], Iterable[tuple[tuple[str, ...], float]]]


@dataclass(frozen=True, slots=True)
class Finished:
    """An attempt of which nothing is left to do: whose it was, how it ended, and how long its parts took."""

    namespace: str
    task: str
    """The PeragoTask's name; "" without one."""
    status: str
    reason: str
    """One of the published words, or `TaskException`: names that tasks choose are no labels of metrics."""
    failure_class: str
    """Whose fault a failure was; "" of anything else."""
    seconds: Mapping[str, float]
    """By the names of `status.timings`."""


FinishedObserver = Callable[[Finished], None]

Check = Callable[[], str | None]


@dataclass(frozen=True, slots=True)
class Health:
    """What the three paths answer from."""

    alive: Mapping[str, Check] = field(default_factory=dict)
    ready: Mapping[str, Check] = field(default_factory=dict)
    metrics: Callable[[], bytes] = bytes


def complaints(checks: Mapping[str, Check]) -> list[str]:
    """One line per check that fails."""
    answers = ((name, check()) for name, check in checks.items())
    return [f"{name}: {wrong}" for name, wrong in answers if wrong is not None]
