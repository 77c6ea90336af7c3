"""A task that does not behave: the agent keeps its keys, its order and its memory, and the target stays as it was."""

import asyncio
import os
import socket
import struct
from pathlib import Path
from typing import Any

import pytest

from perago import wire
from perago.attempt import Changes
from perago.errors import TaskExecutionError, TaskInputError
from perago.taskside.client import AgentClient, AgentGone, connect
from perago.workspace.changelist import write_changes
from tests.contract.agent.pod import Pod
from tests.contract.agent.repository import Repository
from tests.contract.agent.test_deaths import client_of, ended, hang_up, staged
from tests.contract.agent.test_paths import base_of


async def refused(client: AgentClient, call: wire.WireModel, kind: type[Exception] = TaskExecutionError) -> str:
    with pytest.raises(kind) as caught:
        await asyncio.to_thread(client._call, call, wire.Done)
    return str(caught.value)


def directory_of(given: wire.Assignment) -> Path:
    return Path(given.workspace_root) / f"task_id={given.attempt.task_id}-exec={given.execution_id}"


def changes_of(directory: Path) -> Path:
    """Where the task of this directory lists its changes."""
    return directory.parent / f".perago-changes-{directory.name.partition('-exec=')[2]}.jsonl"


def list_changes(directory: Path, **paths: tuple[str, ...]) -> None:
    """The list that a task writes before it stages."""
    write_changes(changes_of(directory), Changes(**paths))


async def working(pod: Pod) -> tuple[AgentClient, Path]:
    """A task that has downloaded and passed the first fence."""
    client = await client_of(pod)
    given = await asyncio.to_thread(client.hello)
    directory = directory_of(given)
    directory.mkdir()
    await asyncio.to_thread(client._call, wire.Download(prefix="/", read_only=False), wire.Downloaded)
    await asyncio.to_thread(client._call, wire.LoadCurrentAttempt(), wire.CurrentAttempt)
    return client, directory


@pytest.mark.parametrize(
    "call",
    [wire.Publish(output={}), wire.Stage(), wire.CompleteNoop(), wire.Hello()],
    ids=lambda call: call.call,
)
async def test_calls_out_of_order_are_refused_and_change_nothing(
    pod: Pod, repository: Repository, call: wire.WireModel
) -> None:
    """Right after hello nothing but a download or a result may come; the session goes on."""
    base = await base_of(repository, a=b"a")
    client = await client_of(pod.input(base))
    given = await asyncio.to_thread(client.hello)
    assert "OutOfOrder" in await refused(client, call)
    directory_of(given).mkdir()
    await asyncio.to_thread(client._call, wire.Download(prefix="/", read_only=True), wire.Downloaded)
    hang_up(client)
    assert await ended(pod) == wire.NO_RESULT_EXIT
    assert await repository.head() == base


async def test_a_writable_task_cannot_claim_success_without_publishing(pod: Pod, repository: Repository) -> None:
    """A COMPLETED result past publication is refused; only a failure can be reported."""
    base = await base_of(repository, a=b"a")
    client, _ = await working(pod.input(base))
    claim = wire.Result(status="COMPLETED", reason="Completed", output={"result": {}})
    assert "OutOfOrder" in await refused(client, claim)
    hang_up(client)
    assert await ended(pod) == wire.NO_RESULT_EXIT
    assert "outcome" not in pod.api.status


async def test_the_agent_vouches_for_the_refs_of_the_output(pod: Pod, repository: Repository) -> None:
    """Whatever ref the task claims, the recorded output names the published one."""
    base = await base_of(repository, a=b"a")
    client = await client_of(pod.input(base))
    await asyncio.to_thread(staged, client)
    await asyncio.to_thread(client._call, wire.Publish(output={"result": {}}), wire.Published)
    claim: dict[str, Any] = {"workspace": {"repository": "other", "ref": "ffff"}, "result": {}}
    await asyncio.to_thread(client.report, wire.Result(status="COMPLETED", reason="Completed", output=claim))
    assert await ended(pod) == 0
    workspace = (pod.outcome.full_output() or {})["workspace"]
    assert (workspace["repository"], workspace["ref"]) == (repository.name, await repository.head())


async def test_a_folder_that_is_a_symlink_to_the_keys_is_not_followed(pod: Pod, repository: Repository) -> None:
    """The agent reads no file outside the attempt's directory, however the path is dressed."""
    base = await base_of(repository, a=b"a")
    client, directory = await working(pod.input(base))
    (directory / "sly").symlink_to(pod.mounts["lakefs"])
    list_changes(directory, added=("sly/secretAccessKey",))
    await refused(client, wire.Stage(), TaskInputError)
    hang_up(client)
    await ended(pod)
    assert await repository.files() == {"a": b"a"}


@pytest.mark.parametrize("path", ["../../lakefs/secretAccessKey", "/etc/passwd", "a/../../x", ""])
async def test_paths_out_of_the_workspace_are_refused(pod: Pod, repository: Repository, path: str) -> None:
    """TaskInputError, before a branch is made."""
    base = await base_of(repository, a=b"a")
    client, directory = await working(pod.input(base))
    list_changes(directory, added=(path,))
    await refused(client, wire.Stage(), TaskInputError)
    hang_up(client)
    await ended(pod)
    assert "staging" not in pod.api.status


async def test_a_pipe_in_a_files_place_does_not_hang_the_agent(pod: Pod, repository: Repository) -> None:
    """Only regular files are read."""
    base = await base_of(repository, a=b"a")
    client, directory = await working(pod.input(base))
    os.mkfifo(directory / "pipe")
    list_changes(directory, added=("pipe",))
    assert "'pipe'" in await refused(client, wire.Stage(), TaskInputError)
    hang_up(client)
    await ended(pod)


@pytest.mark.parametrize("kind", ["link to the keys", "pipe", "no list"])
async def test_what_is_no_list_of_changes_is_refused(pod: Pod, repository: Repository, kind: str) -> None:
    """Nothing is read through a link, nobody waits at a pipe, and no branch is made."""
    base = await base_of(repository, a=b"a")
    client, directory = await working(pod.input(base))
    changes = changes_of(directory)
    if kind == "pipe":
        os.mkfifo(changes)
    elif kind == "no list":
        changes.write_bytes(b"[" * 100_000)
    else:
        changes.symlink_to(Path(pod.mounts["lakefs"]) / "secretAccessKey")
    assert repository.server.secret_key not in await refused(client, wire.Stage(), TaskInputError)
    hang_up(client)
    await ended(pod)
    assert "staging" not in pod.api.status


async def test_an_attempt_directory_that_is_a_symlink_is_not_written_to(pod: Pod, repository: Repository) -> None:
    """The download goes below the volume's root or nowhere."""
    base = await base_of(repository, a=b"a")
    client = await client_of(pod.input(base))
    given = await asyncio.to_thread(client.hello)
    elsewhere = pod.folder / "elsewhere"
    elsewhere.mkdir()
    directory_of(given).symlink_to(elsewhere)
    await refused(client, wire.Download(prefix="/", read_only=False), TaskInputError)
    assert list(elsewhere.iterdir()) == []
    hang_up(client)
    await ended(pod)


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="another protocol"),
        pytest.param(struct.pack(">I", 5) + b"hello", id="no JSON"),
        pytest.param(struct.pack(">I", 2) + b"[]", id="no object"),
        pytest.param(struct.pack(">I", 1 << 31), id="a length over the limit"),
    ],
)
async def test_garbage_ends_the_conversation(pod: Pod, garbage: bytes) -> None:
    """The agent hangs up, does not wait for more, and records that the task has failed."""
    await said(pod, garbage)
    assert await ended(pod) == 0
    assert (pod.outcome.status, pod.outcome.reason) == ("FAILED", "TaskExecutionError")


async def test_a_frame_that_is_cut_short_says_nothing(pod: Pod) -> None:
    """Whatever ended the task's process: the pod shows it."""
    await said(pod, b"\0\0")
    assert await ended(pod) == wire.NO_RESULT_EXIT
    assert "outcome" not in pod.api.status


async def said(pod: Pod, data: bytes) -> None:
    """Send these bytes in the task's place, until the agent hangs up."""
    pod.api.attempt["spec"]["input"] = {"params": {}}
    await pod.start_agent()
    connection = await asyncio.to_thread(connect, pod.mounts["socket"])
    await asyncio.to_thread(connection.sendall, data)
    connection.shutdown(socket.SHUT_WR)
    assert await asyncio.to_thread(connection.recv, 1) == b""


async def test_an_unknown_call_is_refused(pod: Pod) -> None:
    """A frame of no known shape is answered with a refusal, and the session goes on."""
    pod.api.attempt["spec"]["input"] = {"params": {}}
    client = await client_of(pod)

    class Dump(wire.WireModel):
        call: str = "dumpKeys"

    await refused(client, Dump())
    assert (await asyncio.to_thread(client.hello)).module == "writable"
    hang_up(client)
    await ended(pod)


async def test_a_second_connection_finds_no_agent(pod: Pod) -> None:
    """The socket is closed and gone once the task has connected."""
    pod.api.attempt["spec"]["input"] = {"params": {}}
    client = await client_of(pod)
    await asyncio.to_thread(client.hello)
    with pytest.raises(AgentGone):
        await asyncio.to_thread(connect, pod.mounts["socket"], 0.1)
    hang_up(client)
    await ended(pod)


@pytest.mark.parametrize("peer", [(os.getuid(), os.getgid() + 1), (os.getuid() + 1, os.getgid())])
async def test_a_process_of_another_user_or_group_is_turned_away(pod: Pod, peer: tuple[int, int]) -> None:
    """Both are asked of the kernel."""
    pod.api.attempt["spec"]["input"] = {"params": {}}
    pod.mounts["peer"] = peer
    client = await client_of(pod.ordered(connectSeconds=2))
    with pytest.raises(AgentGone):
        await asyncio.to_thread(client.hello)
    assert await ended(pod) == wire.NO_RESULT_EXIT


async def test_another_protocol_version_is_told(pod: Pod) -> None:
    """A task built with another perago gets both numbers."""
    pod.api.attempt["spec"]["input"] = {"params": {}}
    client = await client_of(pod)
    assert "protocol 99" in await refused(client, wire.Hello(protocol=99))
    await asyncio.to_thread(client.report, wire.Result(status="FAILED", reason="x", message="m"))
    assert await ended(pod) == 0
    assert pod.outcome.reason == "ProtocolMismatch"
