"""What may become of one external call of a replica: the crash points of a course of events."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

LATE_SECONDS = 25.0
"""When a late call lands: by then the Lease of a replica that died (15 s) has another holder, which is at work."""
HELD_SECONDS = 9.0
"""How long an answer is kept back: longer than anything else takes, and within the time-out of every client."""


class Kind(Enum):
    """The fate of a call, in words for reports."""

    DIED_BEFORE = "killed before it"
    DIED_AFTER = "killed after it had landed"
    DIED_LATE = "killed, and it lands late"
    CUT = "it never arrives"
    LOST = "it lands, and the answer is lost"
    LATE = "no answer, and it lands late"
    HELD = "the answer comes late"


DEATHS = (Kind.DIED_BEFORE, Kind.DIED_AFTER, Kind.DIED_LATE)
OF_READS = (Kind.DIED_BEFORE, Kind.CUT, Kind.HELD)
"""A reading changes nothing: whether it lands makes no difference, only whether and when its answer comes."""
OF_WRITES = tuple(Kind)

READS = frozenset({
    "cluster.served_kinds",
    "cluster.read_attempt",
    "cluster.read_pod",
    "cluster.pod_log_tail",
    "feed.page",
    "feed.watch",
    "lease.read",
    "conductor.read",
    "conductor.in_progress",
    "conductor.find",
    "conductor.workflow_ended",
    "conductor.queue_size",
    "lakefs.find_publication",
    "lakefs.staging_branches",
    "lakefs.commit_record",
})  # fmt: skip


def kinds(call: str) -> tuple[Kind, ...]:
    """What may become of this call."""
    return OF_READS if call in READS else OF_WRITES


@dataclass(frozen=True, order=True)
class Fault:
    """The fate of the call with this number, counted from the start of the course of events."""

    number: int
    kind: Kind

    def __str__(self) -> str:
        return f"{self.number}:{self.kind.name}"

    @classmethod
    def parsed(cls, text: str) -> "Fault":
        """From what `str` says."""
        number, _, kind = text.partition(":")
        return cls(int(number), Kind[kind])


Plan = Mapping[int, Kind]
"""Which calls meet a fault; the others pass."""
