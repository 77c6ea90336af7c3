"""The attempt core's ports as calls to the agent over the unix socket. Standard library and pydantic only.

One call at a time; a refusal is raised as the exception that it names. File contents never cross: both containers see
the volume.
"""

import socket
import time
from pathlib import Path
from typing import TypeVar

from perago import wire
from perago.attempt import TaskExecutionContext
from perago.controls import PublishBudget
from perago.errors import TaskExecutionError, error_named
from perago.models import WorkspaceSpec
from perago.reference import WorkspaceInput
from perago.staging import StagedWorkspace
from perago.workspace.changelist import write_changes
from perago.workspace.manifest import Manifest
from perago.workspace.sync import refuse_symlinks, refuse_unreadable

CONNECT_PAUSE_SECONDS = 0.005
CONNECT_SECONDS = 600.0
"""The agent may still be starting, or its image be pulled on a loaded node; then the pod is lost anyway."""

Answer = TypeVar("Answer", bound=wire.WireModel)


class AgentGone(Exception):
    """The agent ended, or never was: nothing can be reported any more."""


def connect(path: str, seconds: float = CONNECT_SECONDS) -> socket.socket:
    """A connection to the agent, tried again until it listens; raises AgentGone after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(path)
        except OSError as error:
            connection.close()
            if time.monotonic() > deadline:
                raise AgentGone(f"no agent listens at {path}: {error}") from error
            time.sleep(CONNECT_PAUSE_SECONDS)
        else:
            return connection


class AgentClient:
    """The task's end of the socket: the store of `perago.ports`, the fence's question, and the first and last call."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._merge_seconds: int | None = None
        self._changes_path: Path | None = None
        """Where changes are listed; known once the workspace is downloaded."""

    def hello(self) -> wire.Assignment:
        """Learn what to do."""
        return self._call(wire.Hello(), wire.Assignment)

    def budget(self, budget: PublishBudget | None) -> None:
        """How long a merge of the task may take; the agent learns it with the download."""
        self._merge_seconds = budget.lakefs_merge_timeout_seconds or None if budget else None

    def download(self, workspace: WorkspaceInput, spec: WorkspaceSpec, directory: Path) -> Manifest:
        """The agent fills the directory and leaves the manifest of what it put there."""
        call = wire.Download(prefix=spec.prefix, read_only=spec.read_only, merge_seconds=self._merge_seconds)
        answer = self._call(call, wire.Downloaded)
        self._changes_path = Path(answer.changes_path)
        return Manifest.read(Path(answer.manifest_path))

    def load_current_attempt(self) -> wire.CurrentAttempt:
        """The attempt as the agent's own fence has just read it."""
        return self._call(wire.LoadCurrentAttempt(), wire.CurrentAttempt)

    def stage(
        self, directory: Path, workspace: WorkspaceInput, spec: WorkspaceSpec, execution: TaskExecutionContext
    ) -> StagedWorkspace:
        """List the changes, unless there are some that cannot be published."""
        changes = execution.changes
        if changes is None or self._changes_path is None:
            raise TaskExecutionError("there are no changes to stage, or nothing was downloaded before them")
        refuse_symlinks(directory, changes.uploads)
        refuse_unreadable(directory, changes.uploads)
        write_changes(self._changes_path, changes)
        answer = self._call(wire.Stage(), wire.Staged)
        return StagedWorkspace(answer.repository, answer.branch, answer.commit)

    def publish(
        self, staged: StagedWorkspace, workspace: WorkspaceInput, spec: WorkspaceSpec, execution: TaskExecutionContext
    ) -> str:
        """The new ref."""
        return self._call(wire.Publish(output=execution.output or {}), wire.Published).ref

    def complete_noop(self, workspace: WorkspaceInput, spec: WorkspaceSpec, execution: TaskExecutionContext) -> str:
        """The input ref, or this attempt's earlier publication."""
        return self._call(wire.CompleteNoop(), wire.Published).ref

    def cleanup_staging(self, staged: StagedWorkspace) -> None:
        """The agent knows its branch."""
        self._call(wire.CleanupStaging(), wire.Done)

    def report(self, result: wire.Result) -> None:
        """The last call; returns once the outcome is recorded."""
        self._call(result, wire.Done)

    def _call(self, call: wire.WireModel, kind: type[Answer]) -> Answer:
        body = self._exchange(wire.encode_frame(call.to_json()))
        if wire.REFUSED in body:
            refusal = wire.Refusal.model_validate(body[wire.REFUSED])
            raise error_named(refusal.error, refusal.message)
        return kind.model_validate(body[wire.ANSWERED])

    def _exchange(self, frame: bytes) -> wire.JsonObject:
        """Send one frame and wait for its answer. Once that broke off, for example because a signal handler of the
        body's raised, the connection is closed: the answer may still come, and the next call must not take it.
        """
        try:
            self._connection.sendall(frame)
            return wire.decode_frame(self._receive(wire.frame_length(self._receive(4))))
        except BaseException as error:
            self._connection.close()
            if isinstance(error, OSError):
                raise AgentGone(f"the agent is gone: {error}") from error
            raise

    def _receive(self, count: int) -> bytes:
        received = bytearray()
        while len(received) < count:
            chunk = self._connection.recv(min(count - len(received), 1 << 20))
            if not chunk:
                raise AgentGone("the agent closed the connection")
            received += chunk
        return bytes(received)
