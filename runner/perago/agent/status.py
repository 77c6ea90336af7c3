"""What the agent tells about its attempt while it works: merge patches, coalesced, behind the data path's back.

`post` returns at once; what is posted while a patch is under way travels with the next one. `write` waits until the
cluster has taken it. It decides nothing about what is reported.
"""

import asyncio
from typing import Protocol

from loguru import logger

from perago import wire
from perago.agent.http import NoAnswer, retried
from perago.wire import JsonObject


class StatusApi(Protocol):
    """Takes merge patches of one attempt's status."""

    async def patch_status(self, status: JsonObject) -> None:
        """Merge into the status; raises NoAnswer when it may be tried again."""


class StatusWriter:
    """Serialises the patches of one attempt; a report is lost only when the cluster refuses it."""

    def __init__(self, api: StatusApi, retry_seconds: float) -> None:
        self._api = api
        self._retry_seconds = retry_seconds
        self._pending: JsonObject = {}
        self._turn = asyncio.Lock()
        self._background: asyncio.Task[None] | None = None

    def post(self, report: wire.StatusReport) -> None:
        """Report when there is time; a later report overtakes what was not sent yet."""
        self._pending = merged(self._pending, report.to_json())
        if self._background is None or self._background.done():
            self._background = asyncio.create_task(self._send_logged())

    async def write(self, report: wire.StatusReport) -> None:
        """Report now, with all that is pending; raises NoAnswer after `retry_seconds`, and the cluster's refusals."""
        self._pending = merged(self._pending, report.to_json())
        await self._send()

    async def flush(self) -> None:
        """Wait until all that was posted is written; raises as `write` does."""
        await self._send()

    async def _send_logged(self) -> None:
        try:
            await self._send()
        except NoAnswer as error:
            logger.warning("the status could not be written yet; it goes with the next report: {}", error)
        except Exception:  # noqa: BLE001 - edge of a background task: the step's status is lost, the attempt goes on
            logger.exception("the status could not be written")

    async def _send(self) -> None:
        async with self._turn:
            while self._pending:
                await retried(self._send_pending, self._retry_seconds)

    async def _send_pending(self) -> None:
        sending, self._pending = self._pending, {}
        try:
            await self._api.patch_status(sending)
        except NoAnswer:
            self._pending = merged(sending, self._pending)
            raise


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
