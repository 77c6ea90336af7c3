"""One agent's life: put the parts together, serve the task, leave nothing behind. Only it names them all."""

import asyncio
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from loguru import logger

from perago import wire
from perago.agent.clients import attempt_api, conductor, lakefs
from perago.agent.fence import AttemptFence, ReadsTask
from perago.agent.mounts import LakeFSKeys, MissingKeys, Mounts, conductor_keys, lakefs_keys
from perago.agent.preparation import Preparation, Sources
from perago.agent.server import NoTask, accept, converse
from perago.agent.session import Parts, Session
from perago.agent.status import StatusWriter
from perago.agent.steps import Place, WorkspaceSteps
from perago.reference import WorkspaceInput


async def run(order: wire.Order, mounts: Mounts, listener: socket.socket) -> int:
    """Serve one attempt; the exit code is 0 when its outcome is recorded."""
    _log_plainly()
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    logger.info("serving {}/{} execution {}", order.namespace, order.name, order.execution)
    try:
        async with _session(order, mounts) as session:
            return await _serve(session, await _connected(session, order, mounts, listener, stopping))
    except Exception:  # noqa: BLE001 - the edge of the process: the traceback is all that is left of what went wrong
        logger.exception("the agent gives up; the outcome is not recorded")
        return 1


def _log_plainly() -> None:
    """To stderr, without the values of variables in tracebacks: some of them are keys."""
    logger.remove()
    logger.add(sys.stderr, level="INFO", backtrace=False, diagnose=False)


async def _connected(
    session: Session, order: wire.Order, mounts: Mounts, listener: socket.socket, stopping: asyncio.Event
) -> socket.socket | None:
    """The task's connection; None when there is nothing to serve it for, or it does not come."""
    if order.execution > 1 and await session.completed_by_evidence():
        return None
    accepting = asyncio.create_task(accept(listener, mounts.peer_gid, order.connect_seconds))
    stopped = asyncio.create_task(stopping.wait())
    await asyncio.wait((accepting, stopped), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not accepting.done():
        accepting.cancel()
        logger.warning("told to stop before a task connected")
        return None
    try:
        return accepting.result()
    except NoTask as error:
        logger.error("{}", error)
        return None


async def _serve(session: Session, connection: socket.socket | None) -> int:
    try:
        if connection is not None:
            await converse(connection, session.answer, session.ended)
        if connection is not None and not session.ended():
            logger.warning("the task ended without a result")
            await session.published_without_result()
    finally:
        await _leave_nothing(session)
    return 0 if session.ended() else 1


async def _leave_nothing(session: Session) -> None:
    try:
        await session.cleanup()
        await session.flush()
    except Exception:  # noqa: BLE001 - best effort: the operator deletes the branch that the status names
        logger.exception("the staging branch could not be deleted, or that could not be reported")


@asynccontextmanager
async def _session(order: wire.Order, mounts: Mounts) -> AsyncIterator[Session]:
    async with AsyncExitStack() as opened:
        api = attempt_api.AttemptApi(await opened.enter_async_context(attempt_api.open_session(mounts)), mounts, order)
        reader = await _conductor(order, mounts, opened)
        status, fence = StatusWriter(api, order.retry_seconds), AttemptFence(order, api, reader)
        repositories = _Repositories(mounts, opened)

        def steps(workspace: WorkspaceInput, client: lakefs.LakeFS, input_ref: str) -> WorkspaceSteps:
            replace_unmarked = repositories.keys().replace_unmarked
            place = Place(order, mounts.workspace, client, workspace, input_ref, replace_unmarked)
            return WorkspaceSteps(place, status, fence)

        preparation = Preparation(order, Sources(api, reader, repositories.client, steps))
        yield Session(Parts(order, mounts.workspace, status, fence, preparation, time.monotonic))


async def _conductor(order: wire.Order, mounts: Mounts, opened: AsyncExitStack) -> ReadsTask | None:
    if order.conductor is None:
        return None
    try:
        keys = conductor_keys(mounts.conductor)
    except MissingKeys as error:
        return _NoConductor(str(error))
    return conductor.Conductor(await opened.enter_async_context(conductor.open_session(keys)), keys.url)


class _NoConductor:
    """In the place of Conductor when its Secret cannot be used: the first question fails with the reason."""

    def __init__(self, why: str) -> None:
        self._why = why

    async def task(self, task_id: str) -> conductor.FreshTask | None:
        raise MissingKeys(f"task {task_id} cannot be read: {self._why}")


class _Repositories:
    """lakeFS, opened when a workspace is first needed: a task without one needs no Secret."""

    def __init__(self, mounts: Mounts, opened: AsyncExitStack) -> None:
        self._mounts = mounts
        self._opened = opened

    def keys(self) -> LakeFSKeys:
        return lakefs_keys(self._mounts.lakefs)

    def client(self, repository: str) -> lakefs.LakeFS:
        keys = self.keys()
        session = lakefs.open_session(keys)
        self._opened.push_async_callback(session.close)
        return lakefs.LakeFS(session, keys.endpoint, repository)
