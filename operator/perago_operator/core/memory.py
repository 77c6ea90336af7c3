"""What the operator knows of an attempt besides the objects: calls made, their answers, back-off. Pure values.

It is kept by the reconciler for as long as the process lives. Losing it is harmless: every call can be repeated, and an
attempt that is seen again after a restart is treated as if calls of unknown fate were under way (`doubt_since`).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from perago.wire import TicketId
from perago_operator.api.reasons import Reason
from perago_operator.core.actions import Kind
from perago_operator.core.answers import Publication, Verdict
from perago_operator.core.config import Config


@dataclass(frozen=True, slots=True)
class Trouble:
    """A kind of call that failed: how often in a row, until when it rests, and the words of the error."""

    count: int
    until: datetime
    reason: Reason | None
    """What PodReady says meanwhile, if the pod cannot be created without this call."""
    message: str
    permanent: bool = False
    """Repeating the call cannot help: the API server will never accept this object."""
    since: datetime | None = None
    """When the first failure in the row with this reason came."""
    while_version: str | None = None
    """It rests only while the attempt has this resource version: a newer one is worth a try at once."""

    def holds(self, now: datetime, version: str) -> bool:
        """Whether calls of this kind still rest."""
        return now < self.until and self.while_version in (None, version)


@dataclass(frozen=True, slots=True)
class Evidence:
    """lakeFS's answer for one execution: the commits that name the attempt, if any."""

    execution: int
    publication: Publication | None = None
    astray: tuple[str, ...] = ()


class MissingBranch(NamedTuple):
    """A staging branch that lakeFS does not know, and since when it has said so."""

    branch: str
    since: datetime


class Hindered(NamedTuple):
    """A pod that is kept from starting, and since when."""

    pod: str
    since: datetime


class RanOn(NamedTuple):
    """A pod whose containers have started, and its node."""

    pod: str
    node: str


class TurnSeen(NamedTuple):
    """A turn that the attempt holds, whether it is revoked, and since when, on our own clock, it stands like this."""

    ticket: TicketId
    revoked: bool
    since: float


@dataclass(frozen=True, slots=True)
class Memory:
    """About the one attempt that has this uid."""

    uid: str
    first_seen: datetime
    """As all times here: on our own clock."""
    looked_at: datetime | None = None
    """When its objects were last looked at."""
    moments: Mapping[datetime, datetime] = field(default_factory=dict)
    """What the times that its objects carry are on our own clock."""
    adopted: bool = False
    """The attempt was under way when this process first saw it."""
    doubt_since: datetime | None = None
    """A heartbeat or report may still land at Conductor later than its answer (or none) came."""
    held: bool = False
    created: Mapping[str, datetime] = field(default_factory=dict)
    """When this process created each pod, or found it to exist when it tried."""
    seen: frozenset[str] = frozenset()
    """Pods that the watch has shown."""
    gone: frozenset[str] = frozenset()
    """Pods that do not exist any more, in the API server's own words."""
    deleted: frozenset[str] = frozenset()
    """Uids of pods."""
    released_pods: frozenset[str] = frozenset()
    """Uids of pods; one of an earlier attempt may have had the name of one of this attempt's."""
    running_at: datetime | None = None
    """When agent and task of a pod were first seen to run."""
    ran_on: RanOn | None = None
    """The last pod that was seen to run; it may be gone when the status is written next."""
    hindered: Hindered | None = None
    logs: Mapping[str, str] = field(default_factory=dict)
    """By pod, the end of its task's log; dropped when the attempt is released."""
    asked_early: frozenset[str] = frozenset()
    """Pods whose kubelet did not know yet that the task had started when it was asked for its log."""
    shipped: frozenset[str] = frozenset()
    """Pods whose log was copied to Conductor."""
    evidence: Evidence | None = None
    staging_deleted: frozenset[str] = frozenset()
    """Names of branches that are certainly gone."""
    staging_missing: MissingBranch | None = None
    heartbeat_at: datetime | None = None
    outcome_seen_at: datetime | None = None
    recoverable_since: datetime | None = None
    """When the outcome of an agent that gave up on the infrastructure was first seen, while there is one."""
    verdict: Verdict | None = None
    task_missing_since: datetime | None = None
    """Since when each reading has said that Conductor does not know the task."""
    branch_missing_since: datetime | None = None
    """The same of lakeFS and the branch that evidence is asked of."""
    reports: int = 0
    """How often the outcome was sent, by earlier processes as well as far as the status says."""
    turn: TurnSeen | None = None
    troubles: Mapping[Kind, Trouble] = field(default_factory=dict)
    """Kinds of action whose last call failed."""
    released: str | None = None
    """The resource version of the attempt from which our finalizer was taken; in a newer one it may be on again."""
    expired: bool = False

    @property
    def created_at(self) -> datetime | None:
        """When this process created the first pod."""
        return min(self.created.values(), default=None)

    def without_trouble(self, kind: Kind) -> "Memory":
        """The memory after a call of that kind succeeded."""
        if kind not in self.troubles:
            return self
        return replace(self, troubles={other: trouble for other, trouble in self.troubles.items() if other != kind})

    def with_trouble(self, kind: Kind, trouble: Trouble) -> "Memory":
        """The memory after a call of that kind failed."""
        return replace(self, troubles={**self.troubles, kind: trouble})


@lru_cache(4096)
def fraction(text: str) -> float:
    """A number in [0, 1) that depends only on the text: jitter that can be repeated."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") / 2**32


def backoff(uid: str, kind: str, count: int, config: Config, cap: float | None = None) -> timedelta:
    """How long to rest after this many failures in a row."""
    return doubled(config.retry_first, min(cap or config.retry_cap, config.retry_cap), count, f"{uid}/{kind}")


def doubled(first: float, cap: float, count: int, seed: str) -> timedelta:
    """A pause that doubles with each count up to the cap, and is then cut by up to a half, which the seed decides."""
    full = min(cap, first * 2 ** min(count - 1, 30))
    return timedelta(seconds=full * (1 - fraction(f"{seed}/{count}") / 2))
