"""The task's end of the socket: calls, refusals as exceptions, an agent that goes away."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from perago import wire
from perago.attempt import Changes, TaskExecutionContext
from perago.controls import PublishBudget
from perago.errors import PublishFenceError, TaskExecutionError, TaskInputError
from perago.models import WorkspaceSpec
from perago.reference import WorkspaceInput
from perago.staging import StagedWorkspace
from perago.taskside.__main__ import _report
from perago.taskside.client import AgentClient, AgentGone, connect
from perago.workspace.changelist import ChangeList
from perago.workspace.manifest import Manifest, ManifestEntry
from tests.unit.perago.taskside.scripted import Script, ok, serve

WORKSPACE = WorkspaceInput(repository="lake", branch="main", ref_type="commit", ref="a" * 64)
ATTEMPT = wire.CurrentAttempt(
    status="IN_PROGRESS",
    task_type="t",
    workflow_instance_id="w",
    task_id="t",
    retry_count=0,
    reference_task_name="build",
    seq=1,
)


class Agent:
    """The other end: answers each frame by a function of its body."""

    def __init__(self, script: Script) -> None:
        ours, theirs = socket.socketpair()
        self.calls: list[dict[str, Any]] = []
        self.client = AgentClient(ours)
        self.thread = threading.Thread(target=serve, args=(theirs, script, self.calls))
        self.thread.start()

    def close(self) -> None:
        self.client._connection.close()
        self.thread.join()


@pytest.fixture
def agent() -> Iterator[Callable[[Script], Agent]]:
    made: list[Agent] = []

    def make(script: Script) -> Agent:
        made.append(Agent(script))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_an_answer_is_read_whole(agent: Callable[[Script], Agent]) -> None:
    """Also when it comes in many pieces."""
    given = wire.Published(ref="x" * 3_000_000)
    one = agent(ok(given))
    assert one.client._call(wire.CompleteNoop(), wire.Published) == given


@pytest.mark.parametrize("read_only", [False, True])
def test_a_download_says_what_is_wanted_and_returns_what_came(
    agent: Callable[[Script], Agent], tmp_path: Path, read_only: bool
) -> None:
    """The prefix, and whether anything may be published; the manifest is read from where the agent left it."""
    manifest = Manifest.of([ManifestEntry("a", (1, 2, 3, 4, "file"), "00")])
    manifest.write(tmp_path / "manifest")
    one = agent(ok(wire.Downloaded(manifest_path=str(tmp_path / "manifest"), changes_path=str(tmp_path / "changes"))))
    assert one.client.download(WORKSPACE, WorkspaceSpec("data", read_only=read_only), tmp_path) == manifest
    assert one.calls == [{"call": "download", "prefix": "data", "readOnly": read_only}]


def test_a_download_says_how_long_a_merge_may_take(agent: Callable[[Script], Agent], tmp_path: Path) -> None:
    """The publish budget is declared with the task, in the image of which the agent knows nothing."""
    Manifest.of([]).write(tmp_path / "manifest")
    one = agent(ok(wire.Downloaded(manifest_path=str(tmp_path / "manifest"), changes_path=str(tmp_path / "changes"))))
    one.client.budget(PublishBudget(20, 10, 130, 30, 30, 60))
    one.client.download(WORKSPACE, WorkspaceSpec(), tmp_path)
    assert one.calls[0]["mergeSeconds"] == 130


def test_staging_lists_all_changes(agent: Callable[[Script], Agent], tmp_path: Path) -> None:
    """Files that only the body's own user can read are published as others are: the agent is that user."""
    for name in ("new", "other"):
        (tmp_path / name).touch(0o600)
    execution = TaskExecutionContext(ATTEMPT, "u-1", Changes(("new",), ("other",), ("gone",)))
    one = agent(ok(wire.Staged(repository="lake", branch="staging", commit="c")))
    one.client._changes_path = changes = tmp_path / "changes"
    before = os.umask(0o777)
    staged = one.client.stage(tmp_path, WORKSPACE, WorkspaceSpec(), execution)
    assert staged == StagedWorkspace("lake", "staging", "c")
    os.umask(before)
    assert one.calls == [{"call": "stage"}]
    with changes.open("rb") as file:
        written = ChangeList(file.fileno())
        assert (written.added, written.modified, written.deleted) == (1, 1, 1)
        assert list(written.uploads()) == ["new", "other"]
    assert changes.stat().st_mode & 0o400, "whatever umask the body has left"


def test_a_publication_carries_the_output(agent: Callable[[Script], Agent]) -> None:
    """It is kept with the commit, as evidence."""
    execution = TaskExecutionContext(ATTEMPT, "u-1", Changes(("new",)), {"result": {"n": 1}})
    one = agent(ok(wire.Published(ref="p")))
    assert one.client.publish(StagedWorkspace("lake", "staging", "c"), WORKSPACE, WorkspaceSpec(), execution) == "p"
    assert one.calls == [{"call": "publish", "output": {"result": {"n": 1}}}]


def test_all_symlinks_are_named_before_the_agent_is_asked(agent: Callable[[Script], Agent], tmp_path: Path) -> None:
    """One failed attempt says everything that has to go."""
    for name in ("latest", "newest"):
        (tmp_path / name).symlink_to("run-1")
    (tmp_path / "file").touch()
    execution = TaskExecutionContext(ATTEMPT, "u-1", Changes(added=("file", "latest", "newest")))
    one = agent(ok(wire.Staged(repository="r", branch="s", commit="c")))
    one.client._changes_path = tmp_path / "changes"
    with pytest.raises(TaskInputError, match="'latest'; 'newest' are symlinks"):
        one.client.stage(tmp_path, WORKSPACE, WorkspaceSpec(), execution)
    assert one.calls == []


def test_all_closed_files_are_named_before_the_agent_is_asked(agent: Callable[[Script], Agent], tmp_path: Path) -> None:
    """In the words of `perago run`."""
    for name in ("a", "b"):
        (tmp_path / name).touch(0o200)
    execution = TaskExecutionContext(ATTEMPT, "u-1", Changes(added=("a", "b")))
    one = agent(ok(wire.Staged(repository="r", branch="s", commit="c")))
    one.client._changes_path = tmp_path / "changes"
    with pytest.raises(TaskInputError, match="'a'; 'b' cannot be published: the mode does not let the owner read it"):
        one.client.stage(tmp_path, WORKSPACE, WorkspaceSpec(), execution)
    assert one.calls == []


def test_a_refusal_is_raised_as_the_class_it_names(agent: Callable[[Script], Agent]) -> None:
    """With the agent's message."""
    one = agent(ok(wire.Refusal(error="PublishFenceError", message="moved")))
    with pytest.raises(PublishFenceError, match="moved"):
        one.client._call(wire.Publish(output={}), wire.Published)


@pytest.mark.parametrize("name", ["Nonsense", "os", "TaskExecutionError"])
def test_a_class_that_is_none_of_ours_is_an_execution_error(agent: Callable[[Script], Agent], name: str) -> None:
    """The attempt fails either way."""
    one = agent(ok(wire.Refusal(error=name, message="why")))
    with pytest.raises(TaskExecutionError, match="why"):
        one.client._call(wire.CompleteNoop(), wire.Published)


def test_an_agent_that_hangs_up_is_gone(agent: Callable[[Script], Agent]) -> None:
    """AgentGone, not a result."""
    one = agent(lambda call: b"")
    with pytest.raises(AgentGone):
        one.client.hello()


def test_an_answer_that_was_not_awaited_is_not_taken_for_the_next_one(
    agent: Callable[[Script], Agent],
) -> None:
    """A body's signal handler that raises while the agent works leaves a connection that nobody can trust."""
    interrupted = threading.Event()

    def interrupt(_signal: int, _frame: object) -> None:
        raise KeyError("the handler's own error")

    def late(_call: dict[str, Any]) -> bytes:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
        assert interrupted.wait(10)
        return wire.encode_frame(wire.answer(wire.Published(ref="of the first call")))

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        one = agent(late)
        with pytest.raises(KeyError):
            one.client._call(wire.Publish(output={}), wire.Published)
    finally:
        signal.signal(signal.SIGUSR1, before)
        interrupted.set()
    with pytest.raises(AgentGone):
        one.client._call(wire.CompleteNoop(), wire.Published)


def test_connecting_waits_for_the_agent(tmp_path: Path) -> None:
    """The socket may appear later than the task's process."""
    path = str(tmp_path / "s")
    listener = socket.socket(socket.AF_UNIX)

    def listen() -> None:
        listener.bind(path)
        listener.listen()

    timer = threading.Timer(0.05, listen)
    timer.start()
    connect(path, 10).close()
    timer.join()
    listener.close()


def test_connecting_gives_up(tmp_path: Path) -> None:
    """AgentGone names the socket."""
    with pytest.raises(AgentGone, match="agent listens at"):
        connect(str(tmp_path / "none"), 0)


def test_a_result_that_the_agent_refuses_is_a_failure_by_name(agent: Callable[[Script], Agent]) -> None:
    """An output may be nested deeper than can be recorded."""

    def answer(call: dict[str, Any]) -> bytes:
        refusal = wire.Refusal(error="TaskExecutionError", message="nested too deep")
        return ok(refusal if call["status"] == "COMPLETED" else wire.Done())(call)

    one = agent(answer)
    _report(one.client, wire.Result(status="COMPLETED", reason="Completed", output={"result": []}))
    assert [call["reason"] for call in one.calls] == ["Completed", "OutputTooLarge"]
    assert "nested too deep" in one.calls[-1]["message"]
