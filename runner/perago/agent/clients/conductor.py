"""One read of Conductor: the fresh task that the attempt fence compares, and its input where the spec has none.

Protocol: `GET /tasks/{id}` of Conductor OSS 3.32; 404 for an unknown task. Nothing is ever written from here: leases
and reports are the operator's.
"""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import aiohttp

from perago.agent.clients.http import NoAnswer, answering, basic_auth, transient
from perago.agent.mounts import ConductorKeys

_TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=10)


class ConductorRefused(Exception):
    """Conductor said no for another reason than an unknown task; the text has status and words, never credentials."""


@dataclass(frozen=True)
class FreshTask:
    """The task as Conductor tells it now."""

    status: str
    task_id: str
    workflow_instance_id: str
    reference_task_name: str
    seq: int
    iteration: int
    retry_count: int
    input_data: dict[str, Any] = field(default_factory=dict)
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
        async with answering("Conductor", what), self._session.get(url) as response:
            if response.status == 404:
                return None
            if transient(response.status):
                raise NoAnswer(f"Conductor could not {what}: {response.status}")
            if response.status >= 400:
                raise ConductorRefused(f"Conductor refused to {what}: {response.status} {response.reason}")
            return _fresh(await response.json(content_type=None))


def _fresh(record: dict[str, Any]) -> FreshTask:
    return FreshTask(
        status=str(record["status"]),
        task_id=str(record["taskId"]),
        workflow_instance_id=str(record["workflowInstanceId"]),
        reference_task_name=str(record["referenceTaskName"]),
        seq=int(record.get("seq") or 0),
        iteration=int(record.get("iteration") or 0),
        retry_count=int(record.get("retryCount") or 0),
        input_data=record.get("inputData") or {},
        input_is_elsewhere=bool(record.get("externalInputPayloadStoragePath")),
    )
