"""One attempt as the API server keeps it, over HTTP for an agent's process and in memory for its parts.

GET, watch, and merge patches of its status, as Kubernetes treats them. The suite in `tests/contract/attempts` holds for
both and for a real server alike. The schema is the operator's model, from which the CRD is generated.
"""

import asyncio
import copy
import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ValidationError

from perago.agent.clients.attempt_api import AttemptGone, AttemptObject, ClusterRefused, attempt_object
from perago.agent.clients.http import NoAnswer, Server
from perago_operator.api.attempt_status import AttemptStatus
from perago_operator.api.outcome_status import OutcomeStatus
from tests.fakes.faulty import CallFaults, faulty
from tests.fakes.written_once import WRITTEN_ONCE, keeps_outcome

TOKEN = "pod-bound-token"


@dataclass
class StoredAttempt:
    """One attempt and what happened to it."""

    attempt: dict[str, Any]
    patches: list[dict[str, Any]] = field(default_factory=list)
    """The statuses that were merged into it."""
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Set, and replaced, at each change."""

    def __post_init__(self) -> None:
        self.attempt["metadata"].setdefault("resourceVersion", "1")

    @property
    def namespace(self) -> str:
        """The attempt's."""
        namespace: str = self.attempt["metadata"]["namespace"]
        return namespace

    @property
    def status(self) -> dict[str, Any]:
        """The attempt's status now."""
        status: dict[str, Any] = self.attempt.setdefault("status", {})
        return status

    @property
    def version(self) -> str:
        """The attempt's resource version."""
        version: str = self.attempt["metadata"]["resourceVersion"]
        return version

    def merge(self, patch: dict[str, Any]) -> None:
        """Merge a patch into the status. Raises ValueError for one that the server refuses."""
        merged = stored(merge_patch(self.status, patch), before=self.status)
        self.patches.append(patch)
        if merged != self.status:
            self.attempt["status"] = merged
            self.touched()

    def touched(self) -> None:
        """The attempt was changed: it has another version, and whoever watches it hears of that."""
        self.attempt["metadata"]["resourceVersion"] = str(int(self.version) + 1)
        self.news.set()
        self.news = asyncio.Event()

    async def change_after(self, version: str) -> None:
        """Wait until the attempt is newer than `version`."""
        while int(self.version) <= int(version):
            await self.news.wait()


class AttemptServer(StoredAttempt):
    """An API server that has the attempt."""

    def application(self) -> web.Application:
        """To be served by a test."""
        app = web.Application(client_max_size=1 << 24)
        path = "/apis/perago.dev/v1alpha1/namespaces/{namespace}/peragoattempts/{name}"
        app.router.add_get(path, self._get)
        app.router.add_get(path.removesuffix("/{name}"), self._watch)
        app.router.add_patch(f"{path}/status", self._patch)
        return app

    async def _get(self, request: web.Request) -> web.Response:
        return self._refusal(request) or web.json_response(self.attempt)

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        if refusal := self._unauthorized(request):
            return refusal
        stream, query = web.StreamResponse(), request.query
        await stream.prepare(request)
        seen = query["resourceVersion"]
        wanted = query["fieldSelector"] == f"metadata.name={self.attempt['metadata']['name']}"
        try:
            async with asyncio.timeout(float(query["timeoutSeconds"])):
                while wanted:
                    await self.change_after(seen)
                    seen = self.version
                    await stream.write(json.dumps({"type": "MODIFIED", "object": self.attempt}).encode() + b"\n")
                await asyncio.Event().wait()
        except TimeoutError:
            pass
        return stream

    async def _patch(self, request: web.Request) -> web.Response:
        if refusal := self._refusal(request):
            return refusal
        if request.content_type != "application/merge-patch+json":
            return _status(415, "the body of the request was in an unknown format")
        try:
            self.merge((await request.json())["status"])
        except ValueError as error:
            return _status(422, str(error))
        return web.json_response(self.attempt)

    def _unauthorized(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _status(401, "Unauthorized")
        return None

    def _refusal(self, request: web.Request) -> web.Response | None:
        if refusal := self._unauthorized(request):
            return refusal
        metadata, place = self.attempt["metadata"], request.match_info
        if (place["namespace"], place["name"]) != (metadata["namespace"], metadata["name"]):
            return _status(404, f'peragoattempts "{place["name"]}" not found')
        return None


class FakeAttemptApi(StoredAttempt):
    """The agent's client of the attempt, in memory; any call can go wrong by `faults`."""

    def __init__(self, attempt: dict[str, Any]) -> None:
        super().__init__(attempt)
        self.faults = CallFaults(lambda call: NoAnswer(Server.CLUSTER, f"the API server did not answer ({call})"))
        self.uid = attempt["metadata"]["uid"]
        self.outcome_error: Exception | None = None
        """What a patch with an outcome is answered with."""

    @faulty
    async def get(self) -> AttemptObject:
        if self.attempt["metadata"]["uid"] != self.uid:
            raise AttemptGone("another attempt has its name")
        return attempt_object(self.attempt)

    @faulty
    async def changed(self, version: str) -> None:
        await self.change_after(version)

    @faulty
    async def patch_status(self, status: dict[str, Any]) -> None:
        if self.outcome_error is not None and "outcome" in status:
            raise self.outcome_error
        try:
            self.merge(status)
        except ValueError as error:
            raise ClusterRefused(f"422 {error}") from error


def _status(code: int, message: str) -> web.Response:
    return web.json_response({"kind": "Status", "status": "Failure", "message": message, "code": code}, status=code)


def stored(status: dict[str, Any], *, before: dict[str, Any]) -> dict[str, Any]:
    """What the server keeps of a status: the fields that it knows. Raises ValueError for one that it refuses."""
    outcome = status.get("outcome")
    if places := [*_wrong(AttemptStatus, status, "status"), *_wrong(OutcomeStatus, outcome, "status", "outcome")]:
        raise ValueError(f"PeragoAttempt is invalid: {', '.join(places)}")
    known = AttemptStatus.model_validate(status)
    kept = known.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)
    if not keeps_outcome(before, kept):
        raise ValueError(f"PeragoAttempt is invalid: {WRITTEN_ONCE}")
    return kept


def _wrong(model: type[BaseModel], value: Any, *place: str) -> list[str]:
    """The fields that the CRD's schema refuses; the operator itself reads an outcome that has some."""
    try:
        if value is not None:
            model.model_validate(value)
    except ValidationError as error:
        return [".".join(map(str, (*place, *problem["loc"]))) for problem in error.errors()]
    return []


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396, and nulls in new objects and in lists are dropped as well, as the API server's library does."""
    if not isinstance(patch, dict):
        return [merge_patch(None, value) for value in patch if value is not None] if isinstance(patch, list) else patch
    result = copy.deepcopy(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result
