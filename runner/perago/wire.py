"""What crosses between operator, agent and task: orders, reports, frames, limits.

The only module of `perago` besides errors and models that the operator imports. It holds shapes and the frame codec,
no behaviour: it does not know Kubernetes clients, lakeFS, Conductor, sockets or the attempt core.

    operator ── Order (environment of the agent container) ──▶ agent
    agent ── StatusReport (merge patch of the attempt's status) ──▶ operator
    task ── Call ──▶ agent ── Answer | Refusal ──▶ task          (frames over a unix socket)

A frame is a 4-byte big-endian length followed by that many bytes of UTF-8 JSON. The task speaks first and waits for
each answer; there is never more than one call under way.
"""

import base64
import gzip
import json
import struct
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

API_GROUP = "perago.dev"
API_VERSION = "v1alpha1"
ATTEMPTS_PLURAL = "peragoattempts"

PROTOCOL_VERSION = 1

WORKSPACE_MOUNT = "/workspace"
SOCKET_PATH = "/run/perago/agent.sock"
LAKEFS_KEYS_MOUNT = "/etc/perago/lakefs"
"""Files `endpoint`, `accessKeyId`, `secretAccessKey`: a mounted Secret, in the agent container alone."""
CONDUCTOR_KEYS_MOUNT = "/etc/perago/conductor"
"""Files `url` (with `/api`) and, optionally, `token` or `username` and `password`; in the agent container alone."""
CLUSTER_TOKEN_MOUNT = "/var/run/secrets/perago.dev/cluster"
"""Files `token`, `ca.crt`, `namespace`: a projected, pod-bound token, in the agent container alone."""
ORDER_VARIABLE = "PERAGO_ORDER"

FRAME_LIMIT = 32 * 1024 * 1024
"""Bytes of JSON in one frame; over Conductor's hard limit of 10 MiB for an output, with room for a list of changes."""
OUTPUT_LIMIT = 900 * 1024
"""Bytes of output as it is stored (after compression where that is needed): an object must stay below 1.5 MiB."""
OUTPUT_INLINE_LIMIT = 64 * 1024
"""Bytes of JSON up to which an output is stored as it is, readable with kubectl; above, it is compressed."""

_HEADER = struct.Struct(">I")

ResultStatus = Literal["COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR"]
Step = Literal["Downloading", "Executing", "Staging", "Publishing"]
StagingState = Literal["Planned", "Active", "Deleted"]


class WireModel(BaseModel):
    """Closed, frozen, camelCase outside and snake_case inside."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)

    def to_json(self) -> dict[str, Any]:
        """The JSON object that crosses: camelCase keys, absent optional fields left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class ConductorTask(WireModel):
    """Which Conductor task an attempt executes: the identity that leases, reports and fences use."""

    task_type: str
    workflow_instance_id: str
    task_id: str
    reference_task_name: str
    seq: int
    iteration: int = 0
    retry_count: int = 0
    worker_id: str | None = None
    domain: str | None = None
    response_timeout_seconds: Annotated[int, Field(ge=0)] = 600


class Order(WireModel):
    """What the operator tells the agent about the attempt it serves; fixed when the pod is made.

    The input is not part of it (an environment variable is limited to 128 KiB): the agent reads it from the attempt's
    spec, or from Conductor when `input_from` says so.
    """

    namespace: str
    name: str
    uid: str
    execution: Annotated[int, Field(ge=1)]
    installation: str
    module: str
    image: str
    input_from: Literal["Spec", "Conductor"] = "Spec"
    conductor: ConductorTask | None = None
    volume_bytes: Annotated[int, Field(ge=0)] = 0
    failure_reason_max_length: Annotated[int, Field(ge=1)] = 500
    connect_seconds: float = 60.0
    """How long the agent waits for the task container's first call before it gives up."""
    retry_seconds: float = 60.0
    """How long the agent keeps retrying lakeFS, Conductor or the API server when they cannot be reached."""

    @property
    def execution_id(self) -> str:
        """Unique over all pods of all attempts: the attempt's UID plus the execution number."""
        return f"{self.uid}-{self.execution}"

    @property
    def conductor_or_standalone(self) -> ConductorTask:
        """The Conductor task, or for a standalone attempt the object itself in a task's place."""
        return self.conductor or ConductorTask(
            task_type=self.module,
            workflow_instance_id=f"kubernetes-{self.namespace}",
            task_id=self.uid,
            reference_task_name=self.name,
            seq=0,
        )


class Outcome(WireModel):
    """How an attempt ended; written once. `reason` is a CamelCase word, `message` is for people and for Conductor."""

    status: ResultStatus
    reason: str
    message: str | None = None
    output: dict[str, Any] | None = None
    output_gzip: str | None = None
    """Base64 of the gzipped JSON of an output over `OUTPUT_INLINE_LIMIT`."""

    def full_output(self) -> dict[str, Any] | None:
        """The output as Conductor receives it, whichever way it is stored; None when there is none."""
        if self.output_gzip is None:
            return self.output
        unpacked: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(self.output_gzip)))
        return unpacked


def stored_output(output: dict[str, Any]) -> dict[str, Any]:
    """The fields of `Outcome` that hold `output`: `{"output": …}` or `{"output_gzip": …}`.

    Raises ValueError when even the compressed form is over `OUTPUT_LIMIT` bytes.
    """
    plain = json.dumps(output, ensure_ascii=False, separators=(",", ":")).encode()
    if len(plain) <= OUTPUT_INLINE_LIMIT:
        return {"output": output}
    packed = base64.b64encode(gzip.compress(plain, mtime=0)).decode()
    if len(packed) > OUTPUT_LIMIT:
        raise ValueError(
            f"the task's output is {len(plain)} bytes ({len(packed)} compressed), over the limit of {OUTPUT_LIMIT}; "
            "write large results to the workspace and return their paths"
        )
    return {"output_gzip": packed}


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


class WorkspaceReport(WireModel):
    """The refs an attempt started from and ended with."""

    repository: str
    branch: str
    input_ref: str
    published_ref: str | None = None
    changed: Changed | None = None


class StepTimings(WireModel):
    """Seconds that each step took; the agent's share of `status.timings`."""

    downloading: float | None = None
    executing: float | None = None
    staging: float | None = None
    publishing: float | None = None


class StatusReport(WireModel):
    """A merge patch of the agent-owned status fields; what is None is left as it is."""

    step: Step | None = None
    staging: Staging | None = None
    workspace: WorkspaceReport | None = None
    timings: StepTimings | None = None
    outcome: Outcome | None = None


class Assignment(WireModel):
    """The agent's answer to `hello`: all that the task container learns about its attempt."""

    module: str
    input: dict[str, Any]
    attempt: ConductorTask
    execution_id: str
    workspace_root: str = WORKSPACE_MOUNT
    failure_reason_max_length: int


class Hello(WireModel):
    """First call. A task built with another protocol version is refused."""

    call: Literal["hello"] = "hello"
    protocol: int = PROTOCOL_VERSION


class Download(WireModel):
    """Put the attempt's input ref below `prefix` into the attempt directory; answered with `Downloaded`."""

    call: Literal["download"] = "download"
    prefix: str
    read_only: bool


class Downloaded(WireModel):
    """Where the manifest of the downloaded files lies (readable by the task, owned by the agent)."""

    manifest_path: str


class LoadCurrentAttempt(WireModel):
    """Attempt fence: read the attempt afresh; answered with `CurrentAttempt`."""

    call: Literal["loadCurrentAttempt"] = "loadCurrentAttempt"


class CurrentAttempt(WireModel):
    """The fresh attempt; `status` is Conductor's, or `IN_PROGRESS`/`CANCELED` for a standalone attempt."""

    status: str
    attempt: ConductorTask


class Stage(WireModel):
    """Upload these changes to a new staging branch and commit them; paths are relative to the workspace root."""

    call: Literal["stage"] = "stage"
    added: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()


class Staged(WireModel):
    """The staging branch and its commit."""

    repository: str
    branch: str
    commit: str


class Publish(WireModel):
    """Publish the staged commit; `output` is the body's result (`{"result": …}`), kept with the commit."""

    call: Literal["publish"] = "publish"
    output: dict[str, Any]


class CompleteNoop(WireModel):
    """Nothing changed: make the target branch's head the input ref again where that is needed."""

    call: Literal["completeNoop"] = "completeNoop"


class Published(WireModel):
    """The ref that the attempt's output names."""

    ref: str


class CleanupStaging(WireModel):
    """Delete the staging branch; answered with `Done`."""

    call: Literal["cleanupStaging"] = "cleanupStaging"


class Result(WireModel):
    """Last call: how the attempt ended. Answered with `Done` once it is recorded in the attempt's status."""

    call: Literal["result"] = "result"
    status: ResultStatus
    reason: str
    message: str | None = None
    output: dict[str, Any] | None = None
    executing_seconds: float | None = None


class Done(WireModel):
    """The call was carried out and has nothing to answer."""


class Refusal(WireModel):
    """A call that failed: `error` is the class name of the exception to raise on the task's side."""

    error: str
    message: str


Call = Annotated[
    Hello | Download | LoadCurrentAttempt | Stage | Publish | CompleteNoop | CleanupStaging | Result,
    Field(discriminator="call"),
]


class FrameError(ValueError):
    """Bytes on the socket that are no frame: too long, cut short, or not a JSON object."""


def frame_length(header: bytes) -> int:
    """The length that a 4-byte header announces; raises FrameError when it is cut short or over `FRAME_LIMIT`."""
    if len(header) != _HEADER.size:
        raise FrameError(f"the connection ended inside a frame header ({len(header)} of {_HEADER.size} bytes)")
    length: int = _HEADER.unpack(header)[0]
    if length > FRAME_LIMIT:
        raise FrameError(f"a frame of {length} bytes is over the limit of {FRAME_LIMIT}")
    return length


def encode_frame(body: dict[str, Any]) -> bytes:
    """Header and JSON of one frame; raises FrameError when it is over `FRAME_LIMIT`."""
    data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    if len(data) > FRAME_LIMIT:
        raise FrameError(f"a frame of {len(data)} bytes is over the limit of {FRAME_LIMIT}")
    return _HEADER.pack(len(data)) + data


def decode_frame(data: bytes) -> dict[str, Any]:
    """The JSON object in a frame's bytes; raises FrameError when it is none."""
    try:
        body = json.loads(data.decode("utf-8", "surrogatepass"))
    except ValueError as error:
        raise FrameError(f"a frame is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise FrameError(f"a frame holds {type(body).__name__}, not a JSON object")
    return body


ANSWERED = "ok"
REFUSED = "refused"


def answer(model: WireModel) -> dict[str, Any]:
    """The frame body of an answer: `{"ok": …}`, or `{"refused": …}` for a Refusal."""
    return {REFUSED if isinstance(model, Refusal) else ANSWERED: model.to_json()}
