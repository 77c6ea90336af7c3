"""What the auditor has seen: plain values of the servers' own words. PURE."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]

ENDED = frozenset(
    {"COMPLETED", "COMPLETED_WITH_ERRORS", "FAILED", "FAILED_WITH_TERMINAL_ERROR", "TIMED_OUT", "CANCELED", "SKIPPED"}
)
"""The states in which Conductor leaves a task."""


@dataclass(frozen=True)
class Task:
    """One try of a task, as Conductor has it."""

    id: str
    workflow: str
    type: str
    reference: str
    retry: int
    status: str
    given: Object = field(default_factory=dict)
    output: Object = field(default_factory=dict)
    reason: str = ""

    @property
    def logical(self) -> tuple[str, str]:
        """What all tries of the same task share."""
        return self.workflow, self.reference


@dataclass(frozen=True)
class Workflow:
    """One workflow, as Conductor has it, with the tries of its tasks in order."""

    id: str
    type: str
    status: str
    tasks: Sequence[Task]
    given: Object = field(default_factory=dict)


@dataclass(frozen=True)
class Commit:
    """One commit, as lakeFS has it."""

    id: str
    parents: Sequence[str]
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class Repository:
    """One repository: the history of each branch, newest commit first."""

    name: str
    histories: Mapping[str, Sequence[Commit]]


@dataclass(frozen=True)
class Sighting:
    """One state of an object that the witness has been shown, in the order in which the API server showed them."""

    change: str
    """`ADDED`, `MODIFIED` or `DELETED`; `LISTED` for an object that was there already; `GAP` where states of this kind
    of object may be missing before."""
    obj: Object


@dataclass(frozen=True)
class Expected:
    """What was started, and how it is meant to end."""

    ends: Mapping[str, str]
    """Type of a workflow → the status with which it has to end."""
    started: Mapping[str, str]
    """Id of each workflow that was started → its type."""
    leases: frozenset[str]
    """The Leases that stay."""
    ttls: Mapping[str, int] = field(default_factory=dict)
    """Type of a task → the seconds after which its ended attempts are deleted, where that happens during the run."""
    contents: Mapping[str, str] = field(default_factory=dict)
    """Type of a task → the file that holds the text of its result, in the commit that it published."""


@dataclass(frozen=True)
class Evidence:
    """All that is judged. `now` is the time of the audit, in seconds since 1970."""

    expected: Expected
    workflows: Sequence[Workflow]
    repositories: Sequence[Repository]
    attempts: Sequence[Object]
    pods: Sequence[Object]
    leases: Sequence[str]
    now: float
    sightings: Sequence[Sighting] = ()
    contents: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(commit, path) → the text that lakeFS serves for it."""
