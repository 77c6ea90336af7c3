"""What crosses between operator, agent and task: shapes, words and limits. No behaviour, no client, no socket.

    operator ── Order (environment of the agent container) ──▶ agent       order.py
    agent ── StatusReport (merge patch of the attempt's status) ──▶ operator  status.py
    task ── Call ──▶ agent ── Answer | Refusal ──▶ task   calls.py, in frames over a unix socket: frames.py
    operator ── grant of a turn (the attempt's status) ──▶ agent  turn.py
    agent ── commit metadata ──▶ lakeFS ──▶ operator      metadata_keys.py, kept_output.py
    agent, operator ── reason ──▶ people, programs        reasons.py
    agent, task ── exit code ──▶ operator                 exits.py

The only part of `perago` besides errors and models that the operator imports. The task speaks first and waits for each
answer; there is never more than one call under way.
"""

from perago.wire.base import (
    API_GROUP,
    API_VERSION,
    ATTEMPTS_PLURAL,
    IN_PROGRESS,
    ConductorTask,
    CurrentAttempt,
    JsonObject,
    ResultStatus,
    WireModel,
)
from perago.wire.calls import (
    ANSWERED,
    PROTOCOL_VERSION,
    REFUSED,
    Assignment,
    Call,
    CleanupStaging,
    CompleteNoop,
    Done,
    Download,
    Downloaded,
    Hello,
    LoadCurrentAttempt,
    Publish,
    Published,
    Refusal,
    Result,
    Stage,
    Staged,
    answer,
)
from perago.wire.exits import GAVE_UP_EXIT, NO_RESULT_EXIT
from perago.wire.frames import FRAME_LIMIT, FrameError, decode_frame, encode_frame, frame_length
from perago.wire.kept_output import output_metadata, published_output
from perago.wire.lines import LONGEST_LINE, MOST_BYTES, MOST_LINES, last_lines
from perago.wire.order import (
    CLUSTER_TOKEN_MOUNT,
    CONDUCTOR_KEYS_MOUNT,
    LAKEFS_KEYS_MOUNT,
    ORDER_VARIABLE,
    SOCKET_PATH,
    WORKSPACE_MOUNT,
    Order,
)
from perago.wire.reasons import Reason
from perago.wire.status import (
    OUTPUT_INLINE_LIMIT,
    OUTPUT_LIMIT,
    TRANSIENT,
    Changed,
    Cleared,
    FenceKind,
    NotJson,
    Outcome,
    Replaced,
    Staging,
    StagingState,
    StatusReport,
    Step,
    StepTimings,
    TransferReport,
    WaitingReport,
    WorkspaceReport,
    stored_output,
)
from perago.wire.turn import SeenTicket, Ticket, TicketId, TurnReport, TurnRequest, TurnStatus

__all__ = [
    "ANSWERED",
    "API_GROUP",
    "API_VERSION",
    "ATTEMPTS_PLURAL",
    "CLUSTER_TOKEN_MOUNT",
    "CONDUCTOR_KEYS_MOUNT",
    "FRAME_LIMIT",
    "GAVE_UP_EXIT",
    "IN_PROGRESS",
    "LAKEFS_KEYS_MOUNT",
    "LONGEST_LINE",
    "MOST_BYTES",
    "MOST_LINES",
    "NO_RESULT_EXIT",
    "ORDER_VARIABLE",
    "OUTPUT_INLINE_LIMIT",
    "OUTPUT_LIMIT",
    "PROTOCOL_VERSION",
    "REFUSED",
    "SOCKET_PATH",
    "TRANSIENT",
    "WORKSPACE_MOUNT",
    "Assignment",
    "Call",
    "Changed",
    "CleanupStaging",
    "Cleared",
    "CompleteNoop",
    "ConductorTask",
    "CurrentAttempt",
    "Done",
    "Download",
    "Downloaded",
    "FenceKind",
    "FrameError",
    "Hello",
    "JsonObject",
    "LoadCurrentAttempt",
    "NotJson",
    "Order",
    "Outcome",
    "Publish",
    "Published",
    "Reason",
    "Refusal",
    "Replaced",
    "Result",
    "ResultStatus",
    "SeenTicket",
    "Stage",
    "Staged",
    "Staging",
    "StagingState",
    "StatusReport",
    "Step",
    "StepTimings",
    "Ticket",
    "TicketId",
    "TransferReport",
    "TurnReport",
    "TurnRequest",
    "TurnStatus",
    "WaitingReport",
    "WireModel",
    "WorkspaceReport",
    "answer",
    "decode_frame",
    "encode_frame",
    "frame_length",
    "last_lines",
    "output_metadata",
    "published_output",
    "stored_output",
]
