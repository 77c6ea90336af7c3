"""Agent to operator: a merge patch of the attempt's status, and the limits of what an object can hold."""

import base64
import gzip
import json
import zlib
from datetime import datetime
from typing import Annotated, Literal, get_args

from pydantic import Field, field_serializer

from perago.wire.base import JsonObject, ResultStatus, WireModel
from perago.wire.depth import is_too_deep, read_json, too_deep
from perago.wire.exact import kept_in_merge_patch
from perago.wire.faults import FailureClass as FailureClass
from perago.wire.times import timestamp
from perago.wire.turn import TurnReport

OUTPUT_LIMIT = 900 * 1024
"""Bytes of output as it is stored (after compression where that is needed): an object must stay below 1.5 MiB."""
OUTPUT_JSON_LIMIT = 8 * 1024 * 1024
"""Bytes of JSON: Conductor fails a task with more than 10 MiB, and writes 1e-05 as 1.0E-5, with up to a sixth more."""
OUTPUT_INLINE_LIMIT = 64 * 1024
"""Bytes of JSON up to which an output is stored as it is, readable with kubectl; above, it is compressed."""

_GZIP = 31
"""zlib's number for the gzip format."""

_REMEDY = "write large results to the workspace and return their paths"

Step = Literal["Downloading", "Executing", "Staging", "Publishing"]
StagingState = Literal["Planned", "Active", "Deleted"]
FenceKind = Literal["Hard", "Soft"]


class NotJson(ValueError):
    """An output holds a value that JSON in UTF-8 cannot say; the attempt core sends none."""


class Outcome(WireModel):
    """How an attempt ended; written once. `reason` is a CamelCase word, `message` is for people and for Conductor."""

    status: ResultStatus
    reason: str
    message: str | None = None
    output: JsonObject | None = None
    output_gzip: str | None = None
    """Base64 of the gzipped JSON of an output that the status cannot hold as it is."""
    traceback: tuple[str, ...] | None = None
    """The end of the traceback of the exception that ended the attempt (`last_lines`)."""
    execution: int | None = None
    """The execution whose agent wrote it; None where no agent did."""
    failure_class: FailureClass | None = None
    """Whose fault it is (`wire.faults`); None of a success, and of an attempt that was stopped."""
    remedy: str | None = None
    """What to do about it."""
    failure_policy_rule: int | None = None
    """The number of the rule of the failure policy that chose the status; None where none did."""

    def full_output(self) -> JsonObject | None:
        """The output as Conductor receives it, whichever way it is stored; None when there is none.

        Raises ValueError for one that was not packed by `stored_output`.
        """
        return self.output if self.output_gzip is None else packed_output(self.output_gzip)


def packed_output(packed: str) -> JsonObject:
    """The output in `output_gzip`. Raises ValueError where there is none, or one that no agent would have packed."""
    output = read_json(unpacked(packed))
    if not isinstance(output, dict):
        raise ValueError("the output is not a JSON object")
    if is_too_deep(output):
        raise ValueError(too_deep("the output"))
    return output


def unpacked(packed: str) -> bytes:
    """Raises ValueError for more bytes than an output may have, without unpacking them, and for what is no gzip."""
    unpacking = zlib.decompressobj(_GZIP)
    try:
        text = unpacking.decompress(base64.b64decode(packed, validate=True), OUTPUT_JSON_LIMIT)
    except zlib.error as error:
        raise ValueError(f"an output is no gzip: {error}") from error
    if not unpacking.eof:
        raise ValueError(f"an output is cut short, or has more than {OUTPUT_JSON_LIMIT} bytes")
    return text


def stored_output(output: JsonObject) -> JsonObject:
    """The fields of `Outcome` that hold `output`: `{"output": …}` or `{"output_gzip": …}`.

    It is compressed where it is large, and where a merge patch would change it. Raises NotJson, and ValueError when it
    is over `OUTPUT_JSON_LIMIT` bytes, or its compressed form over `OUTPUT_LIMIT`.
    """
    plain = _json(output)
    readable = len(plain) <= OUTPUT_INLINE_LIMIT and kept_in_merge_patch(output)
    return {"output": output} if readable else _packed(plain)


def _packed(plain: bytes) -> JsonObject:
    if len(plain) > OUTPUT_JSON_LIMIT:
        raise ValueError(f"the task's output is {len(plain)} bytes, over the limit of {OUTPUT_JSON_LIMIT}; {_REMEDY}")
    packed = base64.b64encode(gzip.compress(plain, mtime=0)).decode()
    if len(packed) > OUTPUT_LIMIT:
        raise ValueError(
            f"the task's output is {len(plain)} bytes ({len(packed)} compressed), over the limit of {OUTPUT_LIMIT}; "
            f"{_REMEDY}"
        )
    return {"output_gzip": packed}


def _json(output: JsonObject) -> bytes:
    try:
        return json.dumps(output, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except ValueError as error:
        values = "a NaN, an infinite number or half of a surrogate pair"
        raise NotJson(f"the task's output has {values}, which JSON cannot say; leave it out") from error


class Staging(WireModel):
    """The staging branch; `Planned` is written before the branch exists, so that nothing can be left unknown."""

    repository: str
    branch: str
    commit: str | None = None
    state: StagingState


class Changed(WireModel):
    """How many paths a publication added, modified and deleted, and the bytes it uploaded."""

    added: int = 0
    modified: int = 0
    deleted: int = 0
    bytes: int = 0


class Replaced(WireModel):
    """A commit that an attempt took off its target branch to make room for its own, and who had made it."""

    ref: str
    by: str


class WorkspaceReport(WireModel):
    """The refs an attempt started from and ended with."""

    repository: str
    branch: str
    input_ref: str
    published_ref: str | None = None
    fence: FenceKind | None = None
    """Hard where the input ref has the hook by which lakeFS itself refuses an outdated publication."""
    changed: Changed | None = None
    replaced: Replaced | None = None


class StepTimings(WireModel):
    """Seconds that each step took; the agent's share of `status.timings`."""

    downloading: float | None = None
    executing: float | None = None
    staging: float | None = None
    publishing: float | None = None
    waiting_for_turn: float | None = None
    """Part of `publishing`."""


class WaitingReport(WireModel):
    """A server that does not answer: since when, until when it is asked again, and what was seen the last time."""

    server: str
    since: datetime
    until: datetime
    error: str

    @field_serializer("since", "until")
    def _as_kubernetes_writes(self, moment: datetime) -> str:
        return timestamp(moment)


class TransferReport(WireModel):
    """How far a download or an upload is; what is left is told once it is known."""

    objects: int
    bytes: int
    bytes_per_second: int
    objects_left: int | None = None
    bytes_left: int | None = None
    summary: str
    """The same for people, in one line."""


Cleared = Literal["waiting", "transfer"]
WHILE_AT_WORK: tuple[str, ...] = ("step", *get_args(Cleared))
"""Fields that hold only while the agent is at work: an outcome ends them all."""


class StatusReport(WireModel):
    """A merge patch of the agent-owned status fields; what is None is left as it is."""

    step: Step | None = None
    staging: Staging | None = None
    workspace: WorkspaceReport | None = None
    timings: StepTimings | None = None
    turn: TurnReport | None = None
    waiting: WaitingReport | None = None
    transfer: TransferReport | None = None
    cleared: Annotated[tuple[Cleared, ...], Field(exclude=True)] = ()
    """Fields that hold no more."""
    outcome: Outcome | None = None

    def to_json(self) -> JsonObject:
        """As of every model; with an outcome, the last step is over and goes with the same patch."""
        over = self.cleared if self.outcome is None else WHILE_AT_WORK
        return super().to_json() | dict.fromkeys(over)
