"""Task to agent and back: one call at a time, each with its answer or a refusal."""

from typing import Annotated, Literal

from pydantic import Field

from perago.wire.base import CurrentAttempt, JsonObject, ResultStatus, WireModel
from perago.wire.order import WORKSPACE_MOUNT

PROTOCOL_VERSION = 3

ANSWERED = "ok"
REFUSED = "refused"


class Assignment(WireModel):
    """The agent's answer to `hello`: all that the task container learns about its attempt."""

    module: str
    input: JsonObject
    attempt: CurrentAttempt
    execution_id: str
    exclude: tuple[str, ...] = ()
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
    merge_seconds: Annotated[int, Field(ge=1)] | None = None
    """How long a merge or a commit of this task may take: its publish budget, where it declares one."""


class Downloaded(WireModel):
    """Where the manifest of the downloaded files is, and where the task lists its changes before it stages them."""

    manifest_path: str
    changes_path: str


class LoadCurrentAttempt(WireModel):
    """Attempt fence: read the attempt afresh; answered with `CurrentAttempt`."""

    call: Literal["loadCurrentAttempt"] = "loadCurrentAttempt"


class Stage(WireModel):
    """Upload the changes to a new staging branch and commit them.

    Their list is a file, `perago.workspace.changelist`: no frame grows with the number of files.
    """

    call: Literal["stage"] = "stage"


class Staged(WireModel):
    """The staging branch and its commit."""

    repository: str
    branch: str
    commit: str


class Publish(WireModel):
    """Publish the staged commit; `output` is the body's result (`{"result": …}`), kept with the commit."""

    call: Literal["publish"] = "publish"
    output: JsonObject


class CompleteNoop(WireModel):
    """Nothing changed: make the target branch's head the input ref again where that is needed."""

    call: Literal["completeNoop"] = "completeNoop"


class Published(WireModel):
    """The ref that the attempt's output names."""

    ref: str


class CleanupStaging(WireModel):
    """Delete the staging branch; answered with `Done`."""

    call: Literal["cleanupStaging"] = "cleanupStaging"


LONGEST_EXECUTION = 1e9
"""Seconds that a body may say to have taken: thirty years. Infinity and NaN are none."""


class Result(WireModel):
    """Last call: how the attempt ended. Answered with `Done` once it is recorded in the attempt's status."""

    call: Literal["result"] = "result"
    status: ResultStatus
    reason: str
    message: str | None = None
    traceback: tuple[str, ...] = ()
    """The last lines of the traceback of the exception that ended the attempt."""
    exceptions: tuple[str, ...] = ()
    """The class of that exception and those that it is derived from, as `module.Class`, the nearest first."""
    exit_code: int | None = None
    """The exit code that the body asked for with `sys.exit`."""
    output: JsonObject | None = None
    executing_seconds: Annotated[float, Field(ge=0, le=LONGEST_EXECUTION)] | None = None


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


def answer(model: WireModel) -> JsonObject:
    """The frame body of an answer: `{"ok": …}`, or `{"refused": …}` for a Refusal."""
    return {REFUSED if isinstance(model, Refusal) else ANSWERED: model.to_json()}
