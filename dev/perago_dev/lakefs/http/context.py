"""How handlers reach the store, and the names in a request's path."""

from aiohttp import web

from perago_dev.lakefs.store.store import Store

STORE: web.AppKey[Store] = web.AppKey("store", Store)


def store_of(request: web.Request) -> Store:
    """The server's store."""
    return request.app[STORE]


def repo_of(request: web.Request) -> str:
    """The repository named in the path."""
    return request.match_info["repository"]


def branch_of(request: web.Request) -> str:
    """The branch named in the path."""
    return request.match_info["branch"]


def ref_of(request: web.Request) -> str:
    """The reference expression in the path."""
    return request.match_info["ref"]
