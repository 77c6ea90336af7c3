"""One read of Conductor: the fresh task that the attempt fence compares, and its input where the spec has none.

Protocol: `GET /tasks/{id}` of Conductor OSS 3.32; 404 in its own words for an unknown task. Nothing is ever
written from here: leases and reports are the operator's.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

import aiohttp

from perago.agent.clients.http import (
    NoAnswer,
    Server,
    answering,
    json_of,
    not_its_404,
    own_words,
    seconds_of,
    transient,
)
from perago.agent.mounts import Mounted
from perago.wire import CurrentAttempt, JsonObject
from perago.wire.egress import redirection
from perago.wire.secrets import ConductorKeys

_IDENTITY: Final = tuple(field.alias or name for name, field in CurrentAttempt.model_fields.items())
"""The keys of Conductor's record that identify a task: the wire spells them in the same way."""
_TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=10)


class ConductorRefused(Exception):
    """Conductor refused a call, not for an unknown task; the text has status and words, never credentials."""


@dataclass(frozen=True)
class FreshTask:
    """A task as Conductor has it now: the attempt that it is, and its input."""

    attempt: CurrentAttempt
    input_data: JsonObject = field(default_factory=dict)
    input_is_elsewhere: bool = False
    """Inputs over 3 MiB are in the server's external payload storage, and `input_data` is empty then."""


def open_session() -> aiohttp.ClientSession:
    """A session for Conductor."""
    return aiohttp.ClientSession(timeout=_TIMEOUT)


class Conductor:
    """Reads tasks of one server."""

    def __init__(self, session: aiohttp.ClientSession, mounted: Mounted[ConductorKeys]) -> None:
        self._session = session
        self._mounted = mounted

    async def task(self, task_id: str) -> FreshTask | None:
        """The task, or None when Conductor does not know it. Raises NoAnswer, ConductorRefused."""
        what, path = f"read the task {task_id}", f"/tasks/{quote(task_id, safe='')}"
        async with answering(Server.CONDUCTOR, what), self._accepted(path) as response:
            if response.status == 404:
                if own_words(body := await response.read()) is None:
                    raise not_its_404(Server.CONDUCTOR, what, body)
                return None
            if transient(response.status):
                raise NoAnswer(
                    Server.CONDUCTOR,
                    f"Conductor could not {what}: {response.status}",
                    seconds_of(response.headers.get("Retry-After")),
                )
            if elsewhere := redirection(response.status, response.headers.get("Location")):
                raise ConductorRefused(f"Conductor does not {what}: {elsewhere}")
            if response.status >= 400:
                raise ConductorRefused(f"Conductor refused to {what}: {response.status} {response.reason}")
            return _fresh(await json_of(response, Server.CONDUCTOR, what))

    @asynccontextmanager
    async def _accepted(self, path: str) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer; where the credentials are refused and the Secret has others by now, the answer to those."""
        keys = self._mounted.keys
        async with self._session.get(keys.url + path, **keys.request_options()) as response:
            if response.status != 401 or not self._mounted.renewed(keys):
                yield response
                return
        keys = self._mounted.keys
        async with self._session.get(keys.url + path, **keys.request_options()) as response:
            yield response


def _fresh(record: JsonObject) -> FreshTask:
    identity = {key: record[key] for key in _IDENTITY if record.get(key) is not None}
    return FreshTask(
        attempt=CurrentAttempt.model_validate(identity),
        input_data=record.get("inputData") or {},
        input_is_elsewhere=bool(record.get("externalInputPayloadStoragePath")),
    )
