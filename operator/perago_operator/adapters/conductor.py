"""The Conductor port over its REST API: eight endpoints, explicit time-outs, nothing repeated by the HTTP layer.

It knows paths and JSON of Conductor OSS 3.x tasks; pacing, order and read-backs are the caller's.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar
from urllib.parse import quote

import aiohttp
from loguru import logger

from perago.wire import IN_PROGRESS, ConductorTask, Outcome
from perago.wire.depth import read_json
from perago.wire.secrets import ConductorKeys
from perago_operator.adapters import http
from perago_operator.adapters.conductor_json import (
    ids_in_progress,
    polled_task,
    search_results,
    task_result,
    task_state,
    task_update,
    workflow_has_ended,
)
from perago_operator.adapters.observed import Observe, observed, unobserved
from perago_operator.core.answers import ConductorTaskState
from perago_operator.ports import Gate, NotFound, PolledTask, PortError, Refused, Unreachable, open_gate

CALL_SECONDS = 15.0
POLL_MARGIN_SECONDS = 15.0
"""How much longer than its own long-poll time-out a poll may take before its tasks count as lost."""
KEYS_REREAD_SECONDS = 30.0
"""How long the Secret's keys are used before they are read again: a change takes effect within it."""
NO_LIMIT = 0
"""Of connections for polls: each PeragoTask has one under way, behind which no heartbeat and no report may wait."""
SEARCH_PAGE = 100
"""Tasks of one page of a search; each comes with its input as text."""
MOST_SEARCHED = 1000
"""Tasks of a search: with the latest first, more than are lost between two searches."""

NOT_JSON = "the answer is not JSON, so it is not from Conductor's API, whose address usually ends in /api"
GONE = 404
"""Counts only in Conductor's own words."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Call:
    """One request: what it is called in metrics, and what is sent."""

    name: str
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    data: bytes | None = None
    media_type: str = "application/json"
    seconds: float | None = None
    """How long it may take; None: as long as any call of the client."""
    gate: Gate = open_gate
    waits: bool = False
    """It keeps its connection until there is something to answer."""

    def __str__(self) -> str:
        return f"Conductor {self.method} {self.path}"


class HttpConductor:
    """`ports.Conductor` over one server; close it at the end, or use it as a context."""

    def __init__(
        self,
        read: Callable[[], ConductorKeys],
        *,
        connections: int = 200,
        seconds: float = CALL_SECONDS,
        observe: Observe = unobserved,
        clock: Callable[[], float] = time.monotonic,
        gate: Gate = open_gate,
        give_back_gate: Gate = open_gate,
    ) -> None:
        """`read` reads the Secret, and raises OSError or ValueError.

        `gate` is passed by polls, which take tasks, and by all updates but those that give a task back.
        """
        self._read_keys = read
        self._seconds = seconds
        self._observe = observe
        self._clock = clock
        self._gate = gate
        self._give_back_gate = give_back_gate
        self._keys: ConductorKeys | None = None
        self._keys_at = float("-inf")
        self._session = _session(connections)
        self._polls = _session(NO_LIMIT)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await asyncio.gather(self._session.close(), self._polls.close())

    async def poll(
        self, task_type: str, *, domain: str | None, worker_id: str, count: int, timeout_ms: int
    ) -> list[PolledTask]:
        query = {"count": str(count), "timeout": str(timeout_ms), "workerid": worker_id}
        if domain is not None:
            query["domain"] = domain
        path = f"/tasks/poll/batch/{quote(task_type, safe='')}"
        seconds = timeout_ms / 1000 + POLL_MARGIN_SECONDS
        call = _Call("poll", "GET", path, query, seconds=seconds, waits=True, gate=self._gate)
        answer = await self._ask(call, list)
        return [task for raw in answer or [] if (task := _readable(raw, task_type, domain, worker_id))]

    async def read(self, task_id: str) -> ConductorTaskState | None:
        call = _Call("read", "GET", _task_path(task_id))
        try:
            answer = await self._ask(call, dict)
            return None if answer is None else task_state(answer)
        except NotFound:
            return None
        except KeyError as error:
            raise http.translated(ValueError(f"the task in the answer has no {error}"), str(call)) from error

    async def in_progress(self, task_type: str) -> list[str]:
        """A heartbeat does not change the index's time of update (observed on 3.32.3): that of the poll counts."""
        query = {"query": f"taskType = '{task_type}' AND status = '{IN_PROGRESS}'", "sort": "updateTime:DESC"}
        ids: list[str] = []
        for start in range(0, MOST_SEARCHED, SEARCH_PAGE):
            page = query | {"start": str(start), "size": str(SEARCH_PAGE)}
            call = _Call("search", "GET", "/tasks/search", page)
            results = search_results(await self._ask(call, dict) or {})
            ids += ids_in_progress(results, task_type)
            if len(results) < SEARCH_PAGE:
                break
        return list(dict.fromkeys(ids))

    async def find(self, task_id: str) -> PolledTask | None:
        call = _Call("find", "GET", _task_path(task_id))
        try:
            raw = await self._ask(call, dict) or {}
        except NotFound:
            return None
        return _readable(raw, "", raw.get("domain"), "") if raw.get("status") == IN_PROGRESS else None

    async def workflow_ended(self, workflow_id: str) -> bool | None:
        path = f"/workflow/{quote(workflow_id, safe='')}"
        call = _Call("workflow_ended", "GET", path, {"includeTasks": "false"})
        try:
            return workflow_has_ended(await self._ask(call, dict) or {})
        except NotFound:
            return None

    async def extend_lease(self, task: ConductorTask) -> None:
        await self._update("extend_lease", task_update(task, IN_PROGRESS) | {"extendLease": True}, self._gate)

    async def report(self, task: ConductorTask, outcome: Outcome) -> None:
        await self._update("report", task_result(task, outcome), self._gate)

    async def give_back(self, task: ConductorTask) -> None:
        """An update in progress that extends no lease makes the task SCHEDULED again."""
        body = task_update(task, IN_PROGRESS) | {"callbackAfterSeconds": 0}
        await self._update("give_back", body, self._give_back_gate)

    async def queue_size(self, task_type: str, domain: str | None) -> int:
        """A domain's queue has the name `domain:type`."""
        queue = task_type if domain is None else f"{domain}:{task_type}"
        call = _Call("queue_size", "GET", "/tasks/queue/sizes", {"taskType": queue})
        return int((await self._ask(call, dict) or {}).get(queue, 0))

    async def log(self, task_id: str, text: str) -> None:
        """The body is the text itself."""
        path = f"{_task_path(task_id)}/log"
        data = text.encode("utf-8", "replace")
        await self._send(_Call("log", "POST", path, data=data, media_type="text/plain", gate=self._gate))

    async def _update(self, name: str, body: dict[str, Any], gate: Gate) -> None:
        """The body of the answer, an id as plain text, adds nothing to its status."""
        # "?" stands for half of a surrogate pair, as in all that Conductor reads; agents refuse outputs that have one.
        data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        await self._send(_Call(name, "POST", "/tasks", data=data, gate=gate))

    async def _send(self, call: _Call) -> None:
        """Send what has an answer that says nothing; raises a port error for a status of 400 or more."""
        with observed(self._observe, "conductor", call.name):
            await self._answer(call)

    async def _ask(self, call: _Call, kind: type[T]) -> T | None:
        """The JSON of the answer; a call whose answer is no such JSON has failed, also for metrics."""
        with observed(self._observe, "conductor", call.name):
            return _decoded(await self._answer(call), call, kind)

    async def _answer(self, call: _Call) -> bytes:
        """The body of an answer below 400; raises a port error for any other."""
        status, data = await self._exchange(call)
        if status >= 400:
            raise _refused(status, data, call)
        return data

    async def _exchange(self, call: _Call) -> tuple[int, bytes]:
        keys = await self._fresh_keys()
        headers = keys.headers() | ({} if call.data is None else {"Content-Type": call.media_type})
        options = keys.route.request_options(keys.url, headers)
        limits = aiohttp.ClientTimeout(total=call.seconds or self._seconds, sock_connect=5)
        call.gate()
        try:
            session = self._polls if call.waits else self._session
            async with session.request(
                call.method,
                keys.url + call.path,
                params=call.query,
                data=None if call.data is None else http.GatedBody(call.data, call.gate),
                timeout=limits,
                **options,
            ) as response:
                http.refuse_redirection(response, str(call))
                return response.status, await response.read()
        except http.FOREIGN as error:
            raise http.translated(error, str(call), authority=http.OF_A_SECRET) from error

    async def _fresh_keys(self) -> ConductorKeys:
        now = self._clock()
        if self._keys is None or now - self._keys_at > KEYS_REREAD_SECONDS:
            try:
                self._keys = await asyncio.to_thread(self._read_keys)
            except (OSError, ValueError) as error:
                raise Refused(f"Conductor's keys cannot be read: {error}", status=0, message=str(error)) from error
            self._keys_at = now
        return self._keys


def _session(connections: int) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections),
        middlewares=(http.never_repeat,),
        headers={"Accept": "application/json"},
    )


def _task_path(task_id: str) -> str:
    return f"/tasks/{quote(task_id, safe='')}"


def _readable(raw: Any, task_type: str, domain: str | None, worker_id: str) -> PolledTask | None:
    """The task; None for one that cannot be understood: it waits for its time-out, and the others are kept."""
    try:
        return polled_task(raw, task_type, domain, worker_id)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        logger.error("a task of type {} cannot be understood: {!r}", task_type, error)
        return None


def _decoded(data: bytes, call: _Call, kind: type[T]) -> T | None:
    """The JSON of an answer; None for an empty one. Any other kind of JSON is not Conductor's answer."""
    try:
        answer = read_json(data) if data else None
    except ValueError as error:
        raise http.translated(ValueError(NOT_JSON), str(call)) from error
    if answer is None or isinstance(answer, kind):
        return answer
    raise http.translated(ValueError(f"the answer is not a JSON {kind.__name__}"), str(call))


def _refused(status: int, data: bytes, call: _Call) -> PortError:
    """The port error for an answer of 400 or more; Conductor's errors are objects with a `message`.

    A 404 in other words comes from something on the way to it, which knows nothing of tasks.
    """
    try:
        message = str(json.loads(data)["message"])
    except (ValueError, KeyError, TypeError):
        message = data[:500].decode(errors="replace")
        if status == GONE:
            text = f"{call}: HTTP {status} does not come from Conductor ({message}); check its address"
            return Unreachable(text, fate_unknown=True)
    return http.refusal(status, "", message, str(call))
