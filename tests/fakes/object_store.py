"""A lakeFS of one branch and its objects alone; its listings are short and its transfers can go wrong.

The suite in `tests/contract/objects` holds for it and for the real server alike.
"""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from aiohttp import web

PAGE = 3
"""Objects of a page, where no shorter one is asked for."""
MOST_DELETED = 1000
"""Paths in one call, as lakeFS has it."""


@dataclass
class ObjectStore:
    """`break_off`, `corrupt` and `overload` count how often a path is still to be broken, spoilt, or refused."""

    objects: dict[str, bytes] = field(default_factory=dict)
    break_off: Counter[str] = field(default_factory=Counter)
    corrupt: Counter[str] = field(default_factory=Counter)
    overload: Counter[str] = field(default_factory=Counter)
    content_types: set[str] = field(default_factory=set)
    on_upload: Callable[[], object] = lambda: None
    """What happens when the first bytes of an upload have arrived."""
    bulks: list[int] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    """Checksums other than the MD5."""
    ranges: list[tuple[str, int]] = field(default_factory=list)
    """What was read, and from which byte on."""

    def application(self) -> web.Application:
        """To be served by a test."""
        app = web.Application(client_max_size=1 << 26)
        base = "/api/v1/repositories/repo"
        app.router.add_get(f"{base}/refs/main/objects/ls", self._list)
        app.router.add_get(f"{base}/refs/main/objects", self._get)
        app.router.add_post(f"{base}/branches/main/objects", self._put)
        app.router.add_post(f"{base}/branches/main/objects/delete", self._delete)
        app.router.add_post(f"{base}/branches/{{other}}/objects/delete", _nothing_to_delete)
        app.router.add_route("*", f"{base}/{{any:.*}}", _no_such_branch)
        return app

    async def _list(self, request: web.Request) -> web.Response:
        prefix, after = request.query.get("prefix", ""), request.query.get("after", "")
        paths = [path for path in sorted(self.objects) if path.startswith(prefix) and path > after]
        length = min(PAGE, int(request.query.get("amount", PAGE)))
        more, page = len(paths) > length, paths[:length]
        pagination = {"has_more": more, "next_offset": page[-1] if more else ""}
        return web.json_response({"results": [self._stats(path) for path in page], "pagination": pagination})

    async def _get(self, request: web.Request) -> web.StreamResponse:
        path = request.query["path"]
        if path not in self.objects:
            return web.json_response({"message": f"{path}: not found"}, status=404)
        data = self.objects[path]
        if self._spend(self.overload, path):
            return web.json_response({"message": "slow down"}, status=503)
        if self._spend(self.corrupt, path):
            data = os.urandom(len(data))
        first, last = _range(request.headers.get("Range"), len(data))
        data, status = data[first : last + 1], 206 if "Range" in request.headers else 200
        self.ranges.append((path, first))
        if not self._spend(self.break_off, path):
            return web.Response(status=status, body=data)
        response = web.StreamResponse(status=status, headers={"Content-Length": str(len(data))})
        await response.prepare(request)
        await response.write(data[: len(data) // 2])
        assert request.transport is not None
        request.transport.abort()
        return response

    async def _put(self, request: web.Request) -> web.Response:
        path = request.query["path"]
        data = await request.content.readany()
        self.on_upload()
        data += await request.read()
        if self._spend(self.overload, path):
            return web.json_response({"message": "slow down"}, status=503)
        self.content_types.add(request.content_type)
        self.objects[path] = os.urandom(len(data)) if self._spend(self.corrupt, path) else data
        return web.json_response(self._stats(path), status=201)

    async def _delete(self, request: web.Request) -> web.Response:
        paths = (await request.json())["paths"]
        if len(paths) > MOST_DELETED:
            return web.json_response({"message": "too many paths"}, status=400)
        self.bulks.append(len(paths))
        for path in paths:
            self.objects.pop(path, None)
        return web.json_response({"errors": []})

    def _stats(self, path: str) -> dict[str, Any]:
        data = self.objects[path]
        md5 = hashlib.md5(data).hexdigest()
        return {
            "path": path,
            "size_bytes": len(data),
            "checksum": self.tags.get(path) or md5,
            "physical_address": f"mem://repo/{quote(path)}/{md5}?signature=1",
        }

    @staticmethod
    def _spend(counter: "Counter[str]", path: str) -> bool:
        counter[path] -= 1
        return counter[path] >= 0


def _range(header: str | None, size: int) -> tuple[int, int]:
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", header or "bytes=0-")
    assert found is not None
    return int(found[1]), int(found[2] or size - 1)


async def _nothing_to_delete(_request: web.Request) -> web.Response:
    """As lakeFS answers for a branch that it does not know."""
    return web.json_response({"errors": []})


async def _no_such_branch(_request: web.Request) -> web.Response:
    return web.json_response({"message": "branch not found"}, status=404)
