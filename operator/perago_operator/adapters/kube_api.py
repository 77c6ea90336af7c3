"""Requests to the Kubernetes API server: JSON in and out, explicit time-outs, errors as port errors.

It knows HTTP and the API's conventions (Status answers, lists, watches), not what Perago's objects mean.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self

import aiohttp
from pydantic_core import from_json

from perago.wire.depth import shallow
from perago_operator.adapters import http
from perago_operator.adapters.kube_access import Access
from perago_operator.adapters.observed import Observe, observed, unobserved
from perago_operator.ports import Gate, Manifest, NotFound, Refused, open_gate

REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=5)
WATCH_LINE_LIMIT = 8 * 1024 * 1024
"""Bytes of one watch event; an object is at most 1.5 MiB in etcd, and JSON escapes."""

USER_AGENT = "perago-operator"
"""By which the API server's audit log and metrics tell our requests from others."""

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
JSON = "application/json"


Heard = Callable[[str | None, float], None]
"""Called with the `Date` of an answer, and when, on the monotonic clock, its request was sent."""


def unheard(date: str | None, sent: float) -> None:
    """The default: ask nobody for the time."""


class KubeApi:
    """One pooled session with the API server; an async context that closes it."""

    def __init__(
        self,
        access: Access,
        *,
        connections: int = 100,
        observe: Observe = unobserved,
        heard: Heard = unheard,
        gate: Gate = open_gate,
    ) -> None:
        """`gate` is passed by all that has a body, which is all that changes something."""
        self._access = access
        self._gate = gate
        self._heard = heard
        self._observe = observe
        tls = access.tls()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, ssl=True if tls is None else tls),
            timeout=REQUEST_TIMEOUT,
            json_serialize=_compact,
            headers={"User-Agent": USER_AGENT},
            read_bufsize=WATCH_LINE_LIMIT,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Manifest:
        """Read an object or a list."""
        return await self._json("GET", path, query=query)

    async def served(self, group_version: str) -> frozenset[str]:
        """Plural names of the kinds that the server knows in a group and version; empty when it knows none."""
        try:
            answer = await self.get(f"/apis/{group_version}")
        except NotFound:
            return frozenset()
        return frozenset(resource["name"] for resource in answer["resources"])

    async def tail(self, path: str, query: Mapping[str, str], *, keep: int, seconds: float) -> str:
        """The last `keep` bytes of a text such as a log, as far as the server sends it within `seconds`.

        Unreachable when it has not even begun by then.
        """
        received: bytearray | None = None
        with observed(self._observe, "kubernetes", f"GET {_resource(path)}"):
            try:
                async with asyncio.timeout(seconds), self._text(path, query) as content:
                    received = bytearray()
                    async for chunk in content.iter_any():
                        received += chunk
                        del received[:-keep]
            except http.FOREIGN as error:
                if received is None or not isinstance(error, TimeoutError):
                    raise http.translated(error, f"GET {path}") from error
        return received.decode(errors="replace")

    @asynccontextmanager
    async def _text(self, path: str, query: Mapping[str, str]) -> AsyncIterator[aiohttp.StreamReader]:
        """The body of an answer as it comes; asked for once more when the server does not know the token."""
        for _ in range(2):
            request = self._session.get(self._url(path), params=query, headers=await self._headers(JSON))
            async with request as response:
                if response.status < 400:
                    yield response.content
                    return
                status, data = response.status, await response.read()
            if status != 401:
                break
            await self._access.authorization(fresh=True)
        raise _refused(status, data, f"GET {path}")

    async def create(self, path: str, body: Manifest) -> Manifest:
        """POST a new object; returns it as stored."""
        return await self._json("POST", path, body=body)

    async def replace(self, path: str, body: Manifest) -> Manifest:
        """PUT a whole object at the resource version it carries; returns it as stored."""
        return await self._json("PUT", path, body=body)

    async def patch(self, path: str, body: Any, media_type: str = MERGE_PATCH) -> Manifest:
        """PATCH an object; returns it as stored."""
        return await self._json("PATCH", path, body=body, media_type=media_type)

    async def post(self, path: str, body: Manifest, *, strict: bool = False) -> None:
        """The same as `create` for whoever does not need the object back: it is not parsed.

        A strict one is refused when it has a field that does not exist.
        """
        await self._call("POST", path, query={"fieldValidation": "Strict"} if strict else None, body=body)

    async def change(self, path: str, body: Any, media_type: str = MERGE_PATCH) -> None:
        """The same as `patch` for whoever does not need the object back."""
        await self._call("PATCH", path, body=body, media_type=media_type)

    async def delete(self, path: str, options: Manifest) -> None:
        """DELETE an object with these DeleteOptions."""
        await self._call("DELETE", path, body=options)

    async def lines(self, path: str, query: Mapping[str, str], *, silence: float) -> AsyncIterator[bytes]:
        """The lines of a watch until the server ends it; Unreachable after `silence` seconds without one."""
        what = f"watch {path}"
        limits = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=silence)
        try:
            async with self._session.get(
                self._url(path), params=query, headers=await self._headers(JSON), timeout=limits
            ) as response:
                if response.status >= 400:
                    raise _refused(response.status, await response.read(), what)
                async for line in response.content:
                    yield line
        except http.FOREIGN as error:
            raise http.translated(error, what) from error

    async def _json(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        media_type: str = JSON,
    ) -> Manifest:
        data = await self._call(method, path, query=query, body=body, media_type=media_type)
        try:
            answer: Manifest = parsed(data)
        except ValueError as error:
            raise http.translated(error, f"{method} {path}") from error
        return answer

    async def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        media_type: str = JSON,
    ) -> bytes:
        """One request; once more with a fresh token when the server does not know the one we have."""
        with observed(self._observe, "kubernetes", f"{method} {_resource(path)}"):
            status, data = await self._once(method, path, query, body, media_type)
            if status == 401:
                await self._access.authorization(fresh=True)
                status, data = await self._once(method, path, query, body, media_type)
            if status >= 400:
                raise _refused(status, data, f"{method} {path}")
            return data

    async def _once(
        self, method: str, path: str, query: Mapping[str, str] | None, body: Any, media_type: str
    ) -> tuple[int, bytes]:
        payload = None if body is None else http.GatedBody(_compact(body).encode(), self._gate)
        sent = time.monotonic()
        try:
            async with self._session.request(
                method, self._url(path), params=query, data=payload, headers=await self._headers(media_type)
            ) as response:
                self._heard(response.headers.get("Date"), sent)
                return response.status, await response.read()
        except http.FOREIGN as error:
            raise http.translated(error, f"{method} {path}") from error

    def _url(self, path: str) -> str:
        return f"{self._access.server}{path}"

    async def _headers(self, media_type: str) -> dict[str, str]:
        headers = {"Content-Type": media_type, "Accept": JSON}
        authorization = await self._access.authorization()
        if authorization is not None:
            headers["Authorization"] = authorization
        return headers


def parsed(data: bytes) -> Any:
    """The JSON value. Raises ValueError if it is none.

    Reading JSON is a seventh of the operator's work, and pydantic's parser does it in two thirds of the time that the
    standard library's takes. It refuses what is nested deeper than 200 levels, which the API server does not: whoever
    may create an object must not end the operator with it.
    """
    try:
        return from_json(data, cache_strings="keys")
    except ValueError:
        return json.loads(shallow(data))


def _resource(path: str) -> str:
    """The kind of object in a path, with its subresource: what metrics are kept by."""
    parts = path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    if parts[:1] == ["namespaces"]:
        parts = parts[2:]
    return "/".join([*parts[:1], *parts[2:3]])


def _compact(body: Any) -> str:
    return json.dumps(body, separators=(",", ":"))


def _refused(status: int, data: bytes, what: str) -> Exception:
    """The port error for an answer of 400 or more, with the words of the API's Status object where it is one."""
    try:
        answer = json.loads(data)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        return http.refusal(status, "", data[:500].decode(errors="replace"), what)
    return http.refusal(status, str(answer.get("reason", "")), str(answer.get("message", "")), what)


def precondition_failed(error: Refused) -> bool:
    """Whether a JSON patch was refused because one of its `test` operations (or a path in it) did not hold."""
    return error.status == 422
