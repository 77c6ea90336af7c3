"""The socket: who may connect, what is answered, and how a conversation ends."""

import asyncio
import os
import socket
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from perago import wire
from perago.agent import server
from perago.agent.listen import listen
from perago.agent.server import NoTask, accept, converse, peer_of, task_connection
from perago.wire.frames import VALUES_LIMIT
from tests.fakes.waiting import until

OWN = (os.getuid(), os.getgid())
NOW = 0.0
LATER = 20.0


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with listen(str(tmp_path / "agent.sock")) as listener:
        yield listener


def connected(listener: socket.socket) -> socket.socket:
    """A task's end of a connection that waits to be accepted."""
    task = socket.socket(socket.AF_UNIX)
    task.connect(listener.getsockname())
    return task


def test_the_socket_is_open_to_its_owner_alone(listener: socket.socket) -> None:
    """From the start, so that no other process of the pod can be the one that connects."""
    assert stat.S_IMODE(Path(listener.getsockname()).stat().st_mode) == 0o600


def test_listening_leaves_the_mask_of_new_files_as_it_was(tmp_path: Path) -> None:
    """The agent's downloads get the modes that a body expects."""
    before = os.umask(0o027)
    try:
        listen(str(tmp_path / "agent.sock")).close()
        (tmp_path / "downloaded").touch()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "downloaded").stat().st_mode) == 0o640


async def test_the_file_of_an_agent_that_was_killed_is_replaced(tmp_path: Path) -> None:
    """A container that starts again in the same pod finds it."""
    path = str(tmp_path / "agent.sock")
    listen(path).close()
    with listen(path) as again, connected(again):
        pass


async def test_a_link_that_the_task_left_in_the_sockets_place_is_replaced(tmp_path: Path) -> None:
    """Also one that leads nowhere; what it leads to is not touched."""
    path = tmp_path / "agent.sock"
    path.symlink_to(tmp_path / "elsewhere")
    with listen(str(path)) as listener, connected(listener):
        assert not path.is_symlink()
    assert not (tmp_path / "elsewhere").exists()


async def test_a_task_is_accepted_and_a_second_one_finds_nothing(listener: socket.socket) -> None:
    """One connection for the attempt's whole life."""
    with connected(listener) as task, await accept(listener, OWN, LATER) as connection:
        assert peer_of(connection)[1:] == (os.getuid(), os.getgid())
        path = task.getpeername()
        with socket.socket(socket.AF_UNIX) as second, pytest.raises(FileNotFoundError):
            second.connect(path)


@pytest.mark.parametrize("stranger_of", [(1, os.getuid(), os.getgid() + 1), (1, os.getuid() + 1, os.getgid())])
async def test_a_process_of_another_user_or_group_is_turned_away(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch, stranger_of: tuple[int, int, int]
) -> None:
    """The task that comes after it is served."""
    peers = iter([stranger_of, (2, *OWN)])
    monkeypatch.setattr(server, "peer_of", lambda _connection: next(peers))
    with connected(listener) as stranger, connected(listener) as task:
        connection = await accept(listener, OWN, LATER)
        connection.send(b"x")
        assert (stranger.recv(1), task.recv(1)) == (b"", b"x")
        connection.close()


async def test_no_task_in_time_is_an_error(listener: socket.socket) -> None:
    """It says how long was waited."""
    with pytest.raises(NoTask, match="within 0 s"):
        await accept(listener, OWN, NOW)


async def test_without_a_task_there_is_no_connection(listener: socket.socket) -> None:
    """Whether its time is over, or the pod is being stopped."""
    stopping = asyncio.Event()
    assert await task_connection(listener, OWN, NOW, stopping) is None
    stopping.set()
    assert await task_connection(listener, OWN, LATER, stopping) is None


async def test_a_task_that_has_connected_is_served_though_the_pod_stops(listener: socket.socket) -> None:
    """Its connection was there before the signal."""
    stopping = asyncio.Event()
    with connected(listener):
        connecting = asyncio.create_task(task_connection(listener, OWN, LATER, stopping))
        await until(connecting.done)
        stopping.set()
        connection = await connecting
        assert connection is not None
        connection.close()


class Conversation:
    """A task that talks to `converse`; each call is answered with its number, and the last one ends it."""

    def __init__(self, last: int = 99) -> None:
        self.calls: list[wire.Call] = []
        self.last = last
        agent, self.task = socket.socketpair()
        self.task.setblocking(False)
        self.ended = asyncio.create_task(converse(agent, self.answer, lambda: len(self.calls) >= self.last))

    async def answer(self, call: wire.Call) -> wire.WireModel:
        self.calls.append(call)
        return wire.Published(ref=str(len(self.calls)))

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.task, data)

    async def received(self) -> wire.JsonObject:
        """The next answer, or an empty one when the agent has hung up."""
        loop = asyncio.get_running_loop()
        header = await loop.sock_recv(self.task, 4)
        return wire.decode_frame(await loop.sock_recv(self.task, wire.frame_length(header))) if header else {}

    async def __aenter__(self) -> "Conversation":
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.close()
        await self.ended


KEEP = wire.encode_frame(wire.CompleteNoop().to_json())


async def test_calls_are_answered_one_after_another() -> None:
    """Also when two arrive at once, or one in pieces."""
    async with Conversation() as task:
        await task.send(KEEP + KEEP[:3])
        assert await task.received() == {"ok": {"ref": "1"}}
        await task.send(KEEP[3:])
        assert await task.received() == {"ok": {"ref": "2"}}
    assert task.calls == [wire.CompleteNoop()] * 2


async def test_the_conversation_ends_with_the_attempt() -> None:
    """The agent hangs up when the outcome is recorded, whatever the task still sends."""
    async with Conversation(last=1) as task:
        await task.send(KEEP + KEEP)
        assert await task.received() == {"ok": {"ref": "1"}}
        assert await task.received() == {}
    assert len(task.calls) == 1


async def test_an_unknown_call_is_refused_and_the_next_one_answered() -> None:
    """A task of another version learns what it speaks to."""
    async with Conversation() as task:
        await task.send(wire.encode_frame({"call": "steal"}) + KEEP)
        refusal = await task.received()
        assert refusal["refused"]["message"] == f"this is not a call of protocol {wire.PROTOCOL_VERSION}"
        assert await task.received() == {"ok": {"ref": "1"}}


def framed(data: bytes) -> bytes:
    """A frame of these bytes."""
    return struct.pack(">I", len(data)) + data


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(b'{"call":' + b"[" * 100_000, "101 levels", id="deeper than Python can read"),
        pytest.param(b'{"call":' + b"[" * 101 + b"]" * 101 + b"}", "101 levels", id="deeper than can be recorded"),
        pytest.param(b'{"call":[' + b'"ab",' * 1_000_000 + b'""]}', "1000000 values", id="more than fits the memory"),
        pytest.param(b'{"call":{' + b'"a":{},' * 600_000 + b'"":1}}', "1000000 values", id="objects without an end"),
    ],
)
async def test_a_call_with_too_much_structure_is_refused_by_name(data: bytes, says: str) -> None:
    """However small its bytes: the agent lives on and answers the next call."""
    async with Conversation() as task:
        await task.send(framed(data) + KEEP)
        assert says in (await task.received())["refused"]["message"]
        assert await task.received() == {"ok": {"ref": "1"}}


async def test_a_text_may_have_any_number_of_commas() -> None:
    """What counts is values, not characters."""
    text = 'a,\\"[{' * (VALUES_LIMIT // 2)
    async with Conversation() as task:
        await task.send(wire.encode_frame(wire.Publish(output={"result": text}).to_json()))
        assert await task.received() == {"ok": {"ref": "1"}}
    assert task.calls == [wire.Publish(output={"result": text})]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(struct.pack(">I", wire.FRAME_LIMIT + 1), id="a frame that is too long"),
        pytest.param(struct.pack(">I", 4) + b"none", id="a frame that is not JSON"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="another protocol"),
    ],
)
async def test_bytes_that_are_not_frames_end_the_conversation(data: bytes) -> None:
    """Nothing is answered, nothing is raised, and what was wrong is told."""
    async with Conversation() as task:
        await task.send(data)
        await until(task.ended.done)
    assert (task.calls, bool(await task.ended)) == ([], True)


async def test_bytes_that_are_not_frames_are_told_also_when_they_come_during_a_call() -> None:
    """The call is given up: nobody waits for its answer."""
    agent, task = socket.socketpair()
    work = Blocked()
    conversing = asyncio.create_task(converse(agent, work.answer, lambda: False))
    with task:
        task.sendall(wire.encode_frame(wire.LoadCurrentAttempt().to_json()))
        await work.begun.wait()
        task.sendall(struct.pack(">I", wire.FRAME_LIMIT + 1))
        assert "over the limit" in str(await asyncio.wait_for(conversing, LATER))


@pytest.mark.parametrize("data", [b"", KEEP[:2], KEEP[:-1]], ids=["between calls", "in a header", "in a frame"])
async def test_a_task_that_is_gone_ends_the_conversation(data: bytes) -> None:
    """Wherever it broke off."""
    async with Conversation() as task:
        await task.send(data)
        task.task.shutdown(socket.SHUT_WR)
        await until(task.ended.done)
    assert (task.calls, await task.ended) == ([], None)


async def test_what_leaves_no_attempt_to_report_to_is_raised() -> None:
    """The connection is closed nevertheless."""
    agent, task = socket.socketpair()

    async def gone(_call: wire.Call) -> wire.WireModel:
        raise KeyError("gone")

    with task:
        task.sendall(KEEP)
        with pytest.raises(KeyError):
            await converse(agent, gone, lambda: False)
        task.setblocking(False)
        assert await asyncio.get_running_loop().sock_recv(task, 1) == b""


class Blocked:
    """Answers to calls that take until they are let go."""

    def __init__(self) -> None:
        self.begun, self.go, self.canceled, self.finished = asyncio.Event(), asyncio.Event(), False, False

    async def answer(self, call: wire.Call) -> wire.WireModel:
        self.begun.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.canceled = True
            raise
        self.finished = True
        return wire.Done()


@pytest.mark.parametrize("last_words", [b"", b"\x00", b"\xff\xff\xff\xff"], ids=["nothing", "half a frame", "no frame"])
async def test_a_task_that_ends_during_a_call_ends_the_call(last_words: bytes) -> None:
    """At once: a download of hours is for nobody any more."""
    work = Blocked()
    agent, task = socket.socketpair()
    conversing = asyncio.create_task(converse(agent, work.answer, lambda: False))
    task.sendall(wire.encode_frame(wire.Download(prefix="", read_only=False).to_json()))
    await asyncio.wait_for(work.begun.wait(), LATER)
    task.sendall(last_words)
    task.close()
    await asyncio.wait_for(conversing, LATER)
    assert (work.canceled, work.finished) == (True, False)


@pytest.mark.parametrize("call", [wire.Publish(output={}), wire.CompleteNoop()])
async def test_a_call_that_holds_all_that_is_needed_is_finished(call: wire.Call) -> None:
    """The function's work is done, and its publication tells the outcome."""
    work = Blocked()
    agent, task = socket.socketpair()
    conversing = asyncio.create_task(converse(agent, work.answer, lambda: False))
    task.sendall(wire.encode_frame(call.to_json()))
    await asyncio.wait_for(work.begun.wait(), LATER)
    task.close()
    for _ in range(50):  # the end of the connection is there at once, and heard within a few of these
        await asyncio.sleep(0)
    work.go.set()
    await asyncio.wait_for(conversing, LATER)
    assert (work.canceled, work.finished) == (False, True)


async def test_a_call_that_comes_too_early_waits_for_the_answer_before_it() -> None:
    """It is not taken for the end of the task."""
    work = Blocked()
    agent, task = socket.socketpair()
    conversing = asyncio.create_task(converse(agent, work.answer, lambda: False))
    frame = wire.encode_frame(wire.LoadCurrentAttempt().to_json())
    task.sendall(frame + frame)
    await asyncio.wait_for(work.begun.wait(), LATER)
    await asyncio.sleep(0.05)
    work.go.set()
    answer = wire.encode_frame(wire.answer(wire.Done()))
    assert await asyncio.to_thread(task.recv, 2 * len(answer), socket.MSG_WAITALL) == 2 * answer
    task.close()
    await asyncio.wait_for(conversing, LATER)
    assert not work.canceled
