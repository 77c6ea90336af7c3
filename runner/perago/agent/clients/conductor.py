"""One read of Conductor: the fresh task that the attempt fence compares, and its input where the spec has none.

Protocol: `GET /tasks/{id}` of Conductor OSS 3.32; 404 for an unknown task. Nothing is ever written from here: leases
and reports are the operator's.
"""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

import aiohttp

from perago.agent.clients.http import NoAnswer, Server, answering, basic_auth, json_of, transient
from perago.agent.mounts import ConductorKeys
from perago.wire import CurrentAttempt, JsonObject

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


def open_session(keys: ConductorKeys) -> aiohttp.ClientSession:
    """A session with the optional credentials: a token, or a user name and password."""
    headers = {"X-Authorization": keys.token} if keys.token else {}
    if keys.username:
        headers["Authorization"] = basic_auth(keys.username, keys.password or "")
    return aiohttp.ClientSession(headers=headers, timeout=_TIMEOUT)


class Conductor:
    """Reads tasks of one server."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def task(self, task_id: str) -> FreshTask | None:
        """The task, or None when Conductor does not know it. Raises NoAnswer, ConductorRefused."""
        what = f"read the task {task_id}"
        url = f"{self._url}/tasks/{quote(task_id, safe='')}"
        async with answering(Server.CONDUCTOR, what), self._session.get(url) as response:
            if response.status == 404:
                return None
            if transient(response.status):
                raise NoAnswer(Server.CONDUCTOR, f"Conductor could not {what}: {response.status}")
            if response.status >= 400:
                raise ConductorRefused(f"Conductor refused to {what}: {response.status} {response.reason}")
            return _fresh(await json_of(response, Server.CONDUCTOR, what))


def _fresh(record: JsonObject) -> FreshTask:
    identity = {key: record[key] for key in _IDENTITY if record.get(key) is not None}
    return FreshTask(
        attempt=CurrentAttempt.model_validate(identity),
        input_data=record.get("inputData") or {},
        input_is_elsewhere=bool(record.get("externalInputPayloadStoragePath")),
    )
