"""An API server that has one attempt: GET, and merge patches of its status, as Kubernetes treats them.

A merge patch drops nulls (RFC 7396), a wrong token is 401, an unknown name 404. `down` makes it answer 503. Over HTTP
for an agent's process, in memory for its parts.
"""

import copy
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from perago.agent.clients.attempt_api import AttemptObject
from perago.agent.clients.http import NoAnswer, Server
from tests.fakes.faulty import CallFaults, faulty

TOKEN = "pod-bound-token"


@dataclass
class AttemptServer:
    """One attempt and what happened to it."""

    name: str
    attempt: dict[str, Any]
    patches: list[dict[str, Any]] = field(default_factory=list)
    down: bool = False
    refuse_patches: int = 0
    refuse_outcomes_of: str = "none"
    reads: int = 0

    @property
    def status(self) -> dict[str, Any]:
        """The attempt's status now."""
        status: dict[str, Any] = self.attempt.setdefault("status", {})
        return status

    def application(self, namespace: str = "team-a") -> web.Application:
        """To be served by a test."""
        app = web.Application(client_max_size=1 << 24)
        path = f"/apis/perago.dev/v1alpha1/namespaces/{namespace}/peragoattempts/{self.name}"
        app.router.add_get(path, self._get)
        app.router.add_patch(f"{path}/status", self._patch)
        return app

    async def _get(self, request: web.Request) -> web.Response:
        self.reads += 1
        return self._refusal(request) or web.json_response(self.attempt)

    async def _patch(self, request: web.Request) -> web.Response:
        refusal = self._refusal(request)
        if refusal is None and self.refuse_patches:
            self.refuse_patches -= 1
            refusal = web.json_response({"message": "the server is overloaded"}, status=503)
        if refusal is not None:
            return refusal
        if request.content_type != "application/merge-patch+json":
            return web.json_response({"message": "unsupported patch type"}, status=415)
        patch = await request.json()
        if patch["status"].get("outcome", {}).get("status") == self.refuse_outcomes_of:
            return web.json_response({"message": "status.outcome is invalid"}, status=422)
        self.patches.append(patch)
        self.attempt["status"] = merge_patch(self.attempt.get("status", {}), patch["status"])
        return web.json_response(self.attempt)

    def _refusal(self, request: web.Request) -> web.Response | None:
        if self.down:
            return web.json_response({"message": "etcd is away"}, status=503)
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response({"message": "Unauthorized"}, status=401)
        return None


class FakeAttemptApi:
    """The attempt's object as the fence and the status writer use it; any call can go wrong by `faults`."""

    def __init__(self, uid: str, spec_input: dict[str, Any] | None = None) -> None:
        self.faults = CallFaults(lambda call: NoAnswer(Server.CLUSTER, f"the API server did not answer ({call})"))
        self.attempt = AttemptObject(uid, deleted=False, canceled=False, input=spec_input, staging=None)
        self.status: dict[str, Any] = {}
        self.patches: list[dict[str, Any]] = []
        self.outcome_error: Exception | None = None
        """What a patch with an outcome is answered with."""

    @faulty
    async def get(self) -> AttemptObject:
        return self.attempt

    @faulty
    async def patch_status(self, status: dict[str, Any]) -> None:
        if self.outcome_error is not None and "outcome" in status:
            raise self.outcome_error
        self.patches.append(status)
        self.status = merge_patch(self.status, status)


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
