"""The agent's composition root: puts the parts of one attempt together. Only it names them all."""

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from loguru import logger

from perago import wire
from perago.agent import publication
from perago.agent.clients import attempt_api, conductor, lakefs
from perago.agent.clients.store import Presigning
from perago.agent.data.moving import Nearer, nothing_nearer
from perago.agent.ending import Ending
from perago.agent.fence import AttemptFence, ReadsTask
from perago.agent.life import Agent, live
from perago.agent.mounts import MissingKeys, Mounted, Mounts, conductor_secret, lakefs_secret
from perago.agent.nodecache.cache import open_cache
from perago.agent.nodecache.receiving import Nearby
from perago.agent.nodecache.room import Bounds
from perago.agent.preparation import Preparation
from perago.agent.publisher import Plan, Publisher, Turn
from perago.agent.reporter import Reporter
from perago.agent.server import task_connection
from perago.agent.session import Session
from perago.agent.status import StatusWriter
from perago.agent.steps import Storage, WorkspaceSteps, checked_out
from perago.agent.turn import AttemptTurn
from perago.agent.underway import Underway, follow
from perago.reference import WorkspaceInput
from perago.wire.secrets import LakeFSKeys


async def run(order: wire.Order, mounts: Mounts, listener: socket.socket) -> int:
    """Serve one attempt; returns the exit code of `perago.agent.life`."""
    _log_plainly()
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    logger.info("serving {}/{} execution {}", order.namespace, order.name, order.execution)
    try:
        async with _agent(order, mounts) as agent:
            connect = partial(task_connection, listener, mounts.peer, order.connect_seconds, stopping)
            return await live(agent, order.execution, connect)
    except Exception:  # noqa: BLE001 - the edge of the process: the traceback is all that is left of what went wrong
        logger.exception("the agent gives up; the outcome is not recorded")
        return wire.GAVE_UP_EXIT


def _log_plainly() -> None:
    """To stderr, without the values of variables in tracebacks: some of them are keys."""
    logger.remove()
    logger.add(sys.stderr, level="INFO", backtrace=False, diagnose=False)


@asynccontextmanager
async def _agent(order: wire.Order, mounts: Mounts) -> AsyncIterator[Agent]:
    async with AsyncExitStack() as opened:
        api = attempt_api.AttemptApi(await opened.enter_async_context(attempt_api.open_session(mounts)), mounts, order)
        tasks = await _conductor(order, mounts, opened)
        follow(underway := Underway())
        status, fence = StatusWriter(api, order.retry_seconds), AttemptFence(order, api, tasks)
        ending = Ending(order, status)
        turn = AttemptTurn(order, api, status, ending.took)
        workspaces = _Workspaces(order, mounts, opened, fence, turn, status)
        preparation = Preparation(order, api, tasks, workspaces.open)
        session = Session(order, mounts.workspace, preparation, fence, status, ending)
        reporting = asyncio.create_task(Reporter(underway, status).run())
        try:
            yield Agent(preparation, session, ending, status)
        finally:
            reporting.cancel()


@dataclass(frozen=True)
class _Workspaces:
    """Opens a workspace when it is needed: a task without one needs no lakeFS Secret."""

    order: wire.Order
    mounts: Mounts
    opened: AsyncExitStack
    fence: AttemptFence
    turn: Turn
    status: StatusWriter

    async def open(self, workspace: WorkspaceInput) -> WorkspaceSteps:
        """The steps on this workspace, at the commit that its ref names."""
        mounted, seconds = Mounted(partial(lakefs_secret, self.mounts)), self.order.retry_seconds
        session = await self.opened.enter_async_context(lakefs.open_session())
        client = lakefs.LakeFS(session, mounted, workspace.repository, Presigning(self.order.presign))
        checkout = await checked_out(client, workspace, seconds)
        me = publication.identity(self.order)
        plan = Plan(workspace.branch, checkout.commit, me, mounted.keys.replace_unmarked, self.order.outage_seconds)
        publisher = Publisher(client, plan, self.fence.require, self.turn)
        storage = Storage(self.mounts.workspace, await self._nearer(mounted, workspace.repository))
        return WorkspaceSteps(self.order, storage, client, checkout, publisher, self.status)

    async def _nearer(self, mounted: Mounted[LakeFSKeys], repository: str) -> Nearer:
        ordered = self.order.node_cache
        if ordered is None:
            return nothing_nearer
        bounds = Bounds(ordered.limit, ordered.keep_free)
        cache = await asyncio.to_thread(open_cache, self.mounts.node_cache, bounds)
        if cache is None:
            return nothing_nearer
        self.opened.callback(cache.close)
        return Nearby(cache, repository, lambda: mounted.keys)


async def _conductor(order: wire.Order, mounts: Mounts, opened: AsyncExitStack) -> ReadsTask | None:
    if order.conductor is None:
        return None
    try:
        mounted = Mounted(partial(conductor_secret, mounts, order.token_header))
    except MissingKeys as error:
        return _NoConductor(str(error))
    return conductor.Conductor(await opened.enter_async_context(conductor.open_session()), mounted)


class _NoConductor:
    """In the place of Conductor when its Secret cannot be used: the first question fails with the reason."""

    def __init__(self, why: str) -> None:
        self._why = why

    async def task(self, task_id: str) -> conductor.FreshTask | None:
        raise MissingKeys(f"task {task_id} cannot be read: {self._why}")
