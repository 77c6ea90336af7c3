"""The Feed port: one kind of object as a paginated list and as a watch.

It knows the API's list and watch conventions; what becomes of the objects, and when to list again, `watch` decides.
"""

from collections.abc import AsyncIterator
from typing import get_args

from perago_operator.adapters import http
from perago_operator.adapters.kube import without_managed_fields
from perago_operator.adapters.kube_api import KubeApi, parsed
from perago_operator.ports import Manifest, Page, Unreachable, WatchEvent, WatchKind

PAGE_SIZE = 250
"""Objects of one page: about 2.5 MB of pods, which take some 20 ms to parse, and a hundred of the API server."""
WATCH_SECONDS = 300
"""How long the server lets one watch last; then it ends it, and we resume."""
SILENCE_SECONDS = 90.0
"""A stream that brings no line for this long is dead: the server sends a bookmark about once a minute."""

KINDS = frozenset(get_args(WatchKind))


class KubeFeed:
    """`ports.Feed` over the objects at `path`, those that the label selector matches (all, when it is empty)."""

    def __init__(self, api: KubeApi, path: str, *, label_selector: str = "", page_size: int = PAGE_SIZE) -> None:
        self._api = api
        self._path = path
        self._selector = {"labelSelector": label_selector} if label_selector else {}
        self._page_size = page_size

    async def page(self, next_page: str | None) -> Page:
        """Items of a list carry no kind; it is taken from the list's own."""
        query = self._selector | {"limit": str(self._page_size)}
        answer = await self._api.get(self._path, query if next_page is None else query | {"continue": next_page})
        kind, version = str(answer["kind"]).removesuffix("List"), answer["apiVersion"]
        named = ({"apiVersion": version, "kind": kind} | item for item in answer["items"])
        return Page(
            items=tuple(without_managed_fields(item) for item in named),
            resource_version=answer["metadata"]["resourceVersion"],
            next_page=answer["metadata"].get("continue") or None,
        )

    async def watch(self, resource_version: str) -> AsyncIterator[WatchEvent]:
        query = self._selector | {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        async for line in self._api.lines(self._path, query, silence=SILENCE_SECONDS):
            yield watch_event(line, f"watch {self._path}")


def watch_event(line: bytes, what: str) -> WatchEvent:
    """The event in one line of a watch; raises Expired or another port error for an ERROR line."""
    try:
        raw: Manifest = parsed(line)
        kind, obj = raw["type"], raw["object"]
    except (ValueError, KeyError, TypeError) as error:
        raise Unreachable(f"{what}: a line is not an event ({error}); the watch starts again") from error
    if kind == "ERROR":
        raise http.refusal(int(obj.get("code", 500)), str(obj.get("reason", "")), str(obj.get("message", "")), what)
    if kind not in KINDS:
        raise Unreachable(f"{what}: unknown event {kind!r}; the watch starts again")
    return WatchEvent(kind=kind, obj=without_managed_fields(obj))
