"""The shapes of answers: stored values as the JSON of lakeFS's API."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from aiohttp import web

from perago_dev.lakefs.model.entries import Entry
from perago_dev.lakefs.model.merging import Difference
from perago_dev.lakefs.model.paging import MAX_AMOUNT, Page
from perago_dev.lakefs.store.rows import COMMIT_VERSION, Commit, Repository, Run

Item = TypeVar("Item")


def json_reply(content: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """An answer with exactly the content type that lakeFS uses."""
    return web.Response(
        body=json.dumps(content).encode(), status=status, content_type="application/json", headers=headers
    )


def nothing() -> web.Response:
    """204."""
    return web.Response(status=204)


def listing(page: Page[Item], show: Callable[[str, Item | None], dict[str, Any]]) -> web.Response:
    """A page with its pagination."""
    return listed([show(*each) for each in page.results], page.has_more, page.next_offset())


def listed(results: list[dict[str, Any]], has_more: bool, next_offset: str) -> web.Response:
    """Results with lakeFS's pagination object."""
    pagination = {
        "has_more": has_more,
        "max_per_page": MAX_AMOUNT,
        "next_offset": next_offset if has_more else "",
        "results": len(results),
    }
    return json_reply({"pagination": pagination, "results": results})


def repository(shown: Repository) -> dict[str, Any]:
    """A `Repository` of the API."""
    return {
        "id": shown.name,
        "storage_namespace": shown.namespace,
        "storage_id": "",
        "default_branch": shown.default_branch,
        "creation_date": shown.created,
        "read_only": shown.read_only,
    }


def ref(name: str, commit_id: str) -> dict[str, Any]:
    """A `Ref` of the API: a branch or tag and where it points."""
    return {"id": name, "commit_id": commit_id}


def commit(shown: Commit) -> dict[str, Any]:
    """A `Commit` of the API."""
    return {
        "id": shown.id,
        "parents": list(shown.parents),
        "committer": shown.committer,
        "message": shown.message,
        "creation_date": shown.created,
        "meta_range_id": shown.metarange,
        "metadata": shown.metadata,
        "generation": shown.generation,
        "version": COMMIT_VERSION,
    }


def stats(namespace: str, path: str, entry: Entry, *, user_metadata: bool = True) -> dict[str, Any]:
    """An `ObjectStats` of the API."""
    return {
        "path": path,
        "path_type": "object",
        "physical_address": f"{namespace}/data/{entry.digest}",
        "checksum": entry.checksum,
        "size_bytes": entry.size,
        "mtime": entry.mtime,
        "content_type": entry.content_type,
        "metadata": entry.metadata if user_metadata else {},
    }


def listed_stats(namespace: str, path: str, entry: Entry | None, *, user_metadata: bool) -> dict[str, Any]:
    """The same within a listing, where common prefixes occur and empty metadata is left out."""
    if entry is None:
        return {"path": path, "path_type": "common_prefix", "physical_address": "", "checksum": "", "mtime": 0}
    shown = stats(namespace, path, entry, user_metadata=user_metadata)
    if not shown["metadata"]:
        del shown["metadata"]
    return shown


def difference(path: str, shown: Difference | None) -> dict[str, Any]:
    """A `Diff` of the API."""
    if shown is None:
        return {"path": path, "path_type": "common_prefix", "type": "prefix_changed"}
    return {"path": path, "path_type": "object", "type": shown.kind, "size_bytes": shown.size}


def run(shown: Run) -> dict[str, Any]:
    """An `ActionRun` of the API."""
    return {
        "run_id": shown.id,
        "branch": shown.branch,
        "commit_id": shown.commit_id,
        "event_type": shown.event,
        "start_time": _iso(shown.started),
        "end_time": _iso(shown.ended),
        "status": "completed" if shown.passed else "failed",
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
