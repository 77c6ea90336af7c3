"""The agent's own attempt in the API server: reads, a watch, and merge patches of its status, nothing else.

Protocol: Kubernetes API, `GET …/peragoattempts/NAME`, the same with `watch`, and `PATCH …/NAME/status` with
`application/merge-patch+json`. The projected token is read for every call, because the kubelet renews it.
"""

import json
import ssl
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp

from perago import wire
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
from perago.agent.mounts import Mounts
from perago.wire import JsonObject

_TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=5)
_WATCH_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5)
USER_AGENT = "perago-agent"
"""By which the API server's audit log and metrics tell the agent's requests from others."""
WATCH_SECONDS = 30
"""How long the server lets one watch last. What a watch has missed, the read after it finds."""
TOO_OLD = 410
"""The status of a watch from a version that the server has no more."""
NOT_ALLOWED = 'is forbidden: User "'
"""In the 403 of a call that no Role allows."""


class ClusterRefused(Exception):
    """The API server refused a call; the text has the status and the server's message."""


class AttemptGone(Exception):
    """The attempt no longer exists, or another one has its name."""


@dataclass(frozen=True)
class AttemptObject:
    """What the agent reads of its attempt."""

    uid: str
    deleted: bool
    canceled: bool
    input: JsonObject | None
    staging: wire.Staging | None
    input_json: str | None = None
    """The exact text of an input of which `input` shows changed values."""
    version: str = ""
    """Its resource version, to watch from."""
    turn: wire.TurnStatus = field(default_factory=wire.TurnStatus)
    executions: int = 0
    """The number of the execution that counts; 0 before the operator has written it."""
    ended: bool = False
    """Its outcome is known."""


def open_session(mounts: Mounts) -> aiohttp.ClientSession:
    """A session that trusts the cluster's own certificate authority."""
    authority = mounts.cluster / "ca.crt"
    secure = mounts.api_server.startswith("https:")
    context: ssl.SSLContext | bool = ssl.create_default_context(cafile=str(authority)) if secure else True
    connector, named = aiohttp.TCPConnector(ssl=context, limit=4), {"User-Agent": USER_AGENT}
    return aiohttp.ClientSession(connector=connector, headers=named, timeout=_TIMEOUT)


class AttemptApi:
    """Get and watch one attempt, and patch its status."""

    def __init__(self, session: aiohttp.ClientSession, mounts: Mounts, order: wire.Order) -> None:
        self._session = session
        self._token: Path = mounts.cluster / "token"
        self._order = order
        group = f"apis/{wire.API_GROUP}/{wire.API_VERSION}"
        kind = f"namespaces/{quote(order.namespace)}/{wire.ATTEMPTS_PLURAL}"
        self._kind_url = f"{mounts.api_server}/{group}/{kind}"
        self._url = f"{self._kind_url}/{quote(order.name)}"

    async def get(self) -> AttemptObject:
        """The attempt; raises NoAnswer, ClusterRefused, AttemptGone (also when its uid is not the order's)."""
        attempt = attempt_object(await self._call("GET", self._url, "read the attempt"))
        if attempt.uid != self._order.uid:
            raise AttemptGone(f"attempt {self._name} has uid {attempt.uid}; this pod serves {self._order.uid}")
        return attempt

    async def changed(self, version: str) -> None:
        """Wait for something to happen to the attempt after `version`, or for the end of the watch: `get` says what.

        Raises as `get` does. A watch that breaks without a word waits for ever.
        """
        query = {
            "watch": "true",
            "fieldSelector": f"metadata.name={self._order.name}",
            "resourceVersion": version,
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        what = "watch the attempt"
        async with answering(Server.CLUSTER, what), self._session.get(
            self._kind_url, params=query, headers=self._authorization(), timeout=_WATCH_TIMEOUT
        ) as response:  # fmt: skip
            if response.status >= 400 and response.status != TOO_OLD:
                raise await _refusal(response, f"{what} {self._name}")
            await response.content.readany()

    async def patch_status(self, status: JsonObject) -> None:
        """Merge `status` into the attempt's status; raises as `get` does. Merging twice is harmless."""
        body = json.dumps({"status": status}, separators=(",", ":"))
        headers = {"Content-Type": "application/merge-patch+json"}
        await self._call("PATCH", f"{self._url}/status", "patch the status", data=body, headers=headers)

    @property
    def _name(self) -> str:
        return f"{self._order.namespace}/{self._order.name}"

    async def _call(self, method: str, url: str, what: str, **options: Any) -> Any:  # aiohttp's options, JSON
        headers = {**self._authorization(), **options.pop("headers", {})}
        async with answering(Server.CLUSTER, what), self._session.request(
            method, url, headers=headers, **options
        ) as response:  # fmt: skip
            if response.status < 400:
                return await json_of(response, Server.CLUSTER, what)
            raise await _refusal(response, f"{what} {self._name}")

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token.read_text().strip()}"}


async def _refusal(response: aiohttp.ClientResponse, what: str) -> Exception:
    status, body = response.status, await response.read()
    own = own_words(body)
    message = body[:200].decode(errors="replace") if own is None else own
    if status == 404 and own is None:
        return not_its_404(Server.CLUSTER, what, body)
    if status == 404:
        return AttemptGone(f"the API server could not {what}: {message}")
    if transient(status) or status == 409 or _may_pass(status, message):
        later = seconds_of(response.headers.get("Retry-After"))
        return NoAnswer(Server.CLUSTER, f"the API server could not {what}: {status} {message}", later)
    return ClusterRefused(f"the API server refused to {what}: {status} {message}")


def _may_pass(status: int, message: str) -> bool:
    """The API server does not know the account or its Role at the moment, as while a release is being replaced.

    What an admission policy denies stays denied.
    """
    return status == 401 or (status == 403 and NOT_ALLOWED in message)


def attempt_object(record: JsonObject) -> AttemptObject:
    """What the agent reads of the object that the API server returned."""
    spec, status, metadata = record.get("spec") or {}, record.get("status") or {}, record["metadata"]
    staging = status.get("staging")
    return AttemptObject(
        uid=metadata["uid"],
        deleted="deletionTimestamp" in metadata,
        canceled=bool(spec.get("cancel")),
        input=spec.get("input"),
        staging=wire.Staging.model_validate(staging) if staging else None,
        input_json=spec.get("inputJson"),
        version=metadata.get("resourceVersion", ""),
        turn=wire.TurnStatus.model_validate(status.get("turn") or {}),
        executions=status.get("executions") or 0,
        ended=_has_ended(status),
    )


def _has_ended(status: JsonObject) -> bool:
    """Whether there is an outcome that counts: that of an execution which was given up does not."""
    outcome = status.get("outcome")
    return outcome is not None and outcome.get("execution", inf) >= (status.get("executions") or 0)
