"""The unix socket: one connection from the task's process, one call at a time, frames of `perago.wire`.

Listening is the first thing that the agent does (`perago.agent.listen` needs the standard library alone), so that the
task's first connection succeeds and its call waits in the kernel until the agent is ready. What a call does is not
known here.
"""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

from loguru import logger
from pydantic import TypeAdapter, ValidationError

from perago import wire
from perago.errors import TaskExecutionError

_CREDENTIALS = struct.Struct("3i")
_CALLS: TypeAdapter[wire.Call] = TypeAdapter(wire.Call)

Answering = Callable[[wire.Call], Awaitable[wire.WireModel]]


class NoTask(Exception):
    """No task connected in time."""


async def accept(listener: socket.socket, peer: tuple[int, int], seconds: float) -> socket.socket:
    """The task's connection; raises NoTask after `seconds`. A process of another user or group is turned away.

    There is one connection for an attempt's whole life: the listener is closed afterwards, so a second finds nothing.
    """
    listener.setblocking(False)
    try:
        async with asyncio.timeout(seconds):
            connection = await _accept_from(listener, peer)
    except TimeoutError:
        raise NoTask(f"no task connected within {seconds:g} s") from None
    close(listener)
    return connection


async def task_connection(
    listener: socket.socket, peer: tuple[int, int], seconds: float, stopping: asyncio.Event
) -> socket.socket | None:
    """The task's connection; None when none comes within `seconds`, or before the pod is stopped."""
    accepting = asyncio.create_task(accept(listener, peer, seconds))
    stopped = asyncio.create_task(stopping.wait())
    await asyncio.wait((accepting, stopped), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not accepting.done():
        accepting.cancel()
        logger.warning("the pod is being stopped, and no task has connected")
        return None
    try:
        return accepting.result()
    except NoTask as error:
        logger.error("{}", error)
        return None


def close(listener: socket.socket) -> None:
    """Stop listening and remove the socket's file."""
    path = listener.getsockname()
    listener.close()
    Path(path).unlink(missing_ok=True)


async def _accept_from(listener: socket.socket, peer: tuple[int, int]) -> socket.socket:
    while True:
        connection, _ = await asyncio.get_running_loop().sock_accept(listener)
        _pid, *owner = peer_of(connection)
        if tuple(owner) == peer:
            return connection
        logger.warning("a connection of uid and gid {} was turned away: the task has {}", tuple(owner), peer)
        connection.close()


def peer_of(connection: socket.socket) -> tuple[int, int, int]:
    """Pid (0 across namespaces), uid and gid of the process at the other end, as the kernel says."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, gid = _CREDENTIALS.unpack(credentials)
    return pid, uid, gid


FINISHED = (wire.Publish, wire.CompleteNoop, wire.Result)
"""Calls that hold all that is needed: they are carried out to their end although the task is gone."""


class _CutShort(ConnectionError):
    """The connection ended inside a frame: the task's process did, in whatever way."""


async def converse(connection: socket.socket, answering: Answering, ended: Callable[[], bool]) -> str | None:
    """Answer calls until `ended()`, or until the task is gone or sends something other than frames.

    Returns what was wrong with what it has sent, if anything. A task that ends during a call ends the call as well:
    nobody is there to go on with it. On SIGTERM a task ends at once, except after its function has returned.
    """
    reader, writer = await asyncio.open_unix_connection(sock=connection)
    frames = asyncio.create_task(_read_frame(reader))
    try:
        while not ended() and (frame := await frames) is not None:
            frames = asyncio.create_task(_read_frame(reader))
            if (answer := await _answered(frame, answering, frames)) is None:
                break
            writer.write(wire.encode_frame(wire.answer(answer)))
            await writer.drain()
        return _wrong_with(frames)
    except (wire.FrameError, ConnectionError) as error:
        logger.warning("the conversation with the task broke off: {}", error)
        return str(error) if isinstance(error, wire.FrameError) else None
    finally:
        frames.cancel()
        await asyncio.gather(frames, return_exceptions=True)
        writer.close()


def _wrong_with(following: asyncio.Task[bytes | None]) -> str | None:
    """Why what came after the last call is no frame; None where it is one, or where nothing has come."""
    error = following.exception() if following.done() else None
    return str(error) if isinstance(error, wire.FrameError) else None


async def _answered(frame: bytes, answering: Answering, following: asyncio.Task[bytes | None]) -> wire.WireModel | None:
    """The answer to one call; None when the task ended meanwhile, which is seen by what follows the call."""
    try:
        call = _CALLS.validate_python(wire.decode_call(frame))
    except wire.TooComplex as error:
        logger.warning("refused: {}", error)
        return wire.Refusal(error=TaskExecutionError.__name__, message=str(error))
    except ValidationError as error:
        logger.warning("refused a call that does not have a known form: {} errors", error.error_count())
        message = f"this is not a call of protocol {wire.PROTOCOL_VERSION}"
        return wire.Refusal(error=TaskExecutionError.__name__, message=message)
    working = asyncio.ensure_future(answering(call))
    try:
        await asyncio.wait((working, following), return_when=asyncio.FIRST_COMPLETED)
        if working.done() or isinstance(call, FINISHED) or not _has_ended(following):
            return await working
        logger.warning("the task has ended during its call {!r}", call.call)
        return None
    finally:
        working.cancel()
        await asyncio.wait((working,))


def _has_ended(following: asyncio.Task[bytes | None]) -> bool:
    """Whether nothing follows any more, rather than a call that came too early."""
    return following.exception() is not None or following.result() is None


async def _read_frame(reader: asyncio.StreamReader) -> bytes | None:
    try:
        return await reader.readexactly(wire.frame_length(await reader.readexactly(4)))
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise _CutShort("the connection ended inside a frame") from error
        return None
