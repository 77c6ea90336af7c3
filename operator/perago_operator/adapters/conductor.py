"""The Conductor port over its REST API: six endpoints, explicit time-outs, nothing repeated by the HTTP layer.

It knows paths and JSON of Conductor OSS 3.x tasks; pacing, order and read-backs belong to who calls.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp

from perago.wire import ConductorTask, Outcome
from perago_operator.adapters import http
from perago_operator.ports import ConductorTaskState, PolledTask, PortError

CALL_SECONDS = 15.0
POLL_MARGIN_SECONDS = 15.0
"""How much longer than its own long-poll time-out a poll may take before its tasks are given up for lost."""
REASON_LIMIT = 500
"""Characters of `reasonForIncompletion` that the server keeps."""

AUTHORIZATION_REREAD_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class ConductorKeys:
    """Folder with the files `token`, or `username` and `password`; re-read, so that a rotated Secret takes effect.

    `header` is where a token goes: `Authorization` (as a bearer token) or `X-Authorization` (as it is).
    """

    folder: Path | None
    header: str = "Authorization"

    def headers(self) -> dict[str, str]:
        """The headers to send now; none without a folder or files in it."""
        if self.folder is None:
            return {}
        token, username = _optional(self.folder / "token"), _optional(self.folder / "username")
        if token is not None:
            return {self.header: token if self.header == "X-Authorization" else f"Bearer {token}"}
        if username is not None:
            return {"Authorization": aiohttp.encode_basic_auth(username, _optional(self.folder / "password") or "")}
        return {}


def _optional(path: Path) -> str | None:
    try:
        return path.read_text().strip() or None
    except FileNotFoundError:
        return None


class HttpConductor:
    """`ports.Conductor` over one server, whose `url` ends in `/api`; close it at the end."""

    def __init__(self, url: str, keys: ConductorKeys, *, connections: int = 200) -> None:
        self._url = url.rstrip("/")
        self._keys = keys
        self._headers: dict[str, str] = {}
        self._headers_at = float("-inf")
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections),
            middlewares=(http.never_repeat,),
            headers={"Accept": "application/json"},
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def poll(
        self, task_type: str, *, domain: str | None, worker_id: str, count: int, timeout_ms: int
    ) -> list[PolledTask]:
        """See `ports.Conductor`."""
        query = {"count": str(count), "timeout": str(timeout_ms), "workerid": worker_id}
        if domain is not None:
            query["domain"] = domain
        path = f"/tasks/poll/batch/{quote(task_type, safe='')}"
        seconds = timeout_ms / 1000 + POLL_MARGIN_SECONDS
        answer = await self._json("GET", path, query=query, seconds=seconds)
        return [polled_task(task, task_type, domain, worker_id) for task in answer or []]

    async def read(self, task_id: str) -> ConductorTaskState | None:
        """See `ports.Conductor`."""
        status, data = await self._call("GET", _task_path(task_id))
        if status == 404 or not data:
            return None
        return task_state(_decoded(status, data, f"GET {_task_path(task_id)}"))

    async def extend_lease(self, task: ConductorTask) -> None:
        """See `ports.Conductor`."""
        await self._text("POST", "/tasks", _update(task, "IN_PROGRESS") | {"extendLease": True})

    async def report(self, task: ConductorTask, outcome: Outcome) -> None:
        """See `ports.Conductor`."""
        await self._text("POST", "/tasks", task_result(task, outcome))

    async def give_back(self, task: ConductorTask) -> None:
        """See `ports.Conductor`. An update in progress that extends no lease makes the task SCHEDULED again."""
        await self._text("POST", "/tasks", _update(task, "IN_PROGRESS") | {"callbackAfterSeconds": 0})

    async def queue_size(self, task_type: str, domain: str | None) -> int:
        """See `ports.Conductor`. A domain's queue has the name `domain:type`."""
        queue = task_type if domain is None else f"{domain}:{task_type}"
        answer = await self._json("GET", "/tasks/queue/sizes", query={"taskType": queue})
        return int((answer or {}).get(queue, 0))

    async def log(self, task_id: str, text: str) -> None:
        """See `ports.Conductor`."""
        await self._text("POST", f"{_task_path(task_id)}/log", text)

    async def _json(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, seconds: float = CALL_SECONDS
    ) -> Any:
        status, data = await self._call(method, path, query=query, seconds=seconds)
        return _decoded(status, data, f"{method} {path}") if data or status >= 400 else None

    async def _text(self, method: str, path: str, body: object) -> None:
        """A call whose answer (an id as plain text, or nothing) says no more than its status."""
        status, data = await self._call(method, path, body=body)
        if status >= 400:
            raise _refused(status, data, f"{method} {path}")

    async def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        seconds: float = CALL_SECONDS,
    ) -> tuple[int, bytes]:
        payload = None if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        headers = await self._authorization() | ({} if payload is None else {"Content-Type": "application/json"})
        limits = aiohttp.ClientTimeout(total=seconds, sock_connect=5)
        try:
            async with self._session.request(
                method, self._url + path, params=query, data=payload, headers=headers, timeout=limits
            ) as response:
                return response.status, await response.read()
        except http.FOREIGN as error:
            raise http.translated(error, f"Conductor {method} {path}") from error

    async def _authorization(self) -> dict[str, str]:
        now = asyncio.get_running_loop().time()
        if now - self._headers_at > AUTHORIZATION_REREAD_SECONDS:
            self._headers = await asyncio.to_thread(self._keys.headers)
            self._headers_at = now
        return self._headers


def _task_path(task_id: str) -> str:
    return f"/tasks/{quote(task_id, safe='')}"


def _decoded(status: int, data: bytes, what: str) -> Any:
    if status >= 400:
        raise _refused(status, data, what)
    try:
        return json.loads(data)
    except ValueError as error:
        raise http.translated(error, f"Conductor {what}") from error


def _refused(status: int, data: bytes, what: str) -> PortError:
    """The port error for an answer of 400 or more; Conductor's errors are objects with a `message`."""
    try:
        message = str(json.loads(data)["message"])
    except (ValueError, KeyError, TypeError):
        message = data[:500].decode(errors="replace")
    return http.refusal(status, "", message, f"Conductor {what}")


def polled_task(raw: Mapping[str, Any], task_type: str, domain: str | None, worker_id: str) -> PolledTask:
    """One task of a batch poll's answer."""
    input_data: dict[str, Any] = raw.get("inputData") or {}
    return PolledTask(
        task=ConductorTask(
            task_type=raw.get("taskDefName") or raw.get("taskType") or task_type,
            workflow_instance_id=raw["workflowInstanceId"],
            task_id=raw["taskId"],
            reference_task_name=raw["referenceTaskName"],
            seq=raw.get("seq", 0),
            iteration=raw.get("iteration", 0),
            retry_count=raw.get("retryCount", 0),
            worker_id=raw.get("workerId") or worker_id,
            domain=domain,
            response_timeout_seconds=raw.get("responseTimeoutSeconds", 0),
        ),
        input_data=input_data,
        input_bytes=len(json.dumps(input_data, ensure_ascii=False, separators=(",", ":")).encode()),
        workflow_type=raw.get("workflowType"),
        workflow_priority=raw.get("workflowPriority", 0),
    )


def task_state(raw: Mapping[str, Any]) -> ConductorTaskState:
    """The task that `GET /tasks/{id}` answers with."""
    return ConductorTaskState(
        task_id=raw["taskId"],
        workflow_instance_id=raw["workflowInstanceId"],
        status=raw["status"],
        retry_count=raw.get("retryCount", 0),
        output=raw.get("outputData") or {},
        reason=raw.get("reasonForIncompletion"),
        worker_id=raw.get("workerId"),
    )


def _update(task: ConductorTask, status: str) -> dict[str, Any]:
    identity = {"workflowInstanceId": task.workflow_instance_id, "taskId": task.task_id, "status": status}
    return identity if task.worker_id is None else identity | {"workerId": task.worker_id}


def task_result(task: ConductorTask, outcome: Outcome) -> dict[str, Any]:
    """The TaskResult that reports an outcome: its output, or the reason why there is none."""
    result = _update(task, outcome.status)
    if outcome.status != "COMPLETED":
        result["reasonForIncompletion"] = (outcome.message or outcome.reason)[:REASON_LIMIT]
    output = outcome.full_output()
    return result if output is None else result | {"outputData": output}
