"""What the agent reports of its attempt while it works: merge patches, coalesced, without blocking the data path.

`post` returns at once; what is posted travels with the next report that has to be written, or after a moment on its
own: a step that is over before anybody could read it costs no patch. `write` waits until the cluster has taken the
patch that carries it. It decides nothing about what is reported.
"""

import asyncio
import math
from collections.abc import Iterable
from contextlib import suppress
from typing import Final, Protocol

from loguru import logger

from perago import wire
from perago.agent.clients.http import NoAnswer, retried
from perago.wire import JsonObject

POST_SECONDS: Final = 1.0
"""How long a post waits for company. The steps of a short attempt follow each other faster."""


class StatusApi(Protocol):
    """Takes merge patches of one attempt's status."""

    async def patch_status(self, status: JsonObject) -> None:
        """Merge into the status; raises NoAnswer when it may be tried again."""


class StatusWriter:
    """Sends the patches of one attempt one after another; a report is lost only when the cluster refuses it.

    One task sends all patches. Whoever waits for a report is answered by the patch that carried it, so an error reaches
    every writer that it concerns, and no one else.
    """

    def __init__(self, api: StatusApi, retry_seconds: float, post_seconds: float = POST_SECONDS) -> None:
        self._api = api
        self._retry_seconds = retry_seconds
        self._post_seconds = post_seconds
        self._pending: JsonObject = {}
        self._due_at = math.inf
        """When what is pending is sent, by the loop's clock, if nobody waits for it before."""
        self._sooner = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []
        self._sender: asyncio.Task[None] | None = None

    def post(self, report: wire.StatusReport, within: float | None = None) -> None:
        """Report within so many seconds, a moment unless given; a later report replaces what was not sent yet."""
        self._pending = merged(self._pending, report.to_json())
        self._send_within(self._post_seconds if within is None else min(within, self._post_seconds))

    async def write(self, report: wire.StatusReport) -> None:
        """Report now, with all that is pending; raises NoAnswer after `retry_seconds`, and the cluster's refusals."""
        self._pending = merged(self._pending, report.to_json())
        await self._sent()

    async def flush(self) -> None:
        """Wait until all that was posted is written; raises as `write` does."""
        if self._pending or self._is_sending():
            await self._sent()

    async def _sent(self) -> None:
        """Wait for the patch that carries what is pending now."""
        fate = asyncio.get_running_loop().create_future()
        self._waiting.append(fate)
        self._send_within(0)
        await fate

    def _is_sending(self) -> bool:
        return self._sender is not None and not self._sender.done()

    def _send_within(self, seconds: float) -> None:
        self._due_at = min(self._due_at, asyncio.get_running_loop().time() + seconds)
        self._sooner.set()
        if not self._is_sending():
            self._sender = asyncio.create_task(self._send())

    async def _until_due(self) -> None:
        while not self._waiting and (left := self._due_at - asyncio.get_running_loop().time()) > 0:
            self._sooner.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._sooner.wait()

    async def _send(self) -> None:
        while self._pending or self._waiting:
            await self._until_due()
            patient = tuple(self._waiting)  # a report that joins later still has all of `retry_seconds`
            try:
                await retried(self._send_pending, self._retry_seconds)
            except NoAnswer as error:
                self._waiting = [fate for fate in self._waiting if fate not in patient]
                _fail(patient, error)
                if not self._waiting:
                    logger.warning("the status could not be written yet; it goes with the next report: {}", error)
                    return

    async def _send_pending(self) -> None:
        sending, self._pending, self._due_at = self._pending, {}, math.inf
        carried, self._waiting = self._waiting, []
        try:
            if sending:
                await self._api.patch_status(sending)
        except NoAnswer:
            self._pending, self._waiting = merged(sending, self._pending), carried + self._waiting
            raise
        except Exception as error:  # noqa: BLE001 - edge of the sending task: each writer gets the error, posts are lost
            logger.opt(exception=error).warning("the cluster did not take the status: {}", error)
            _fail(carried, error)
        else:
            for fate in carried:
                if not fate.done():
                    fate.set_result(None)


def _fail(fates: Iterable[asyncio.Future[None]], error: Exception) -> None:
    for fate in fates:
        if not fate.done():
            fate.set_exception(error)


def merged(older: JsonObject, newer: JsonObject) -> JsonObject:
    """One merge patch with the effect of both; objects are merged, anything else is replaced by the newer."""
    result = dict(older)
    for key, value in newer.items():
        before = result.get(key)
        if isinstance(before, dict) and isinstance(value, dict) and key != "outcome":
            result[key] = merged(before, value)
        else:
            result[key] = value
    return result
