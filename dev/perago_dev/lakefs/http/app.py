"""The application: routes, keys, and refusals as JSON. Composition of the HTTP layer; decides nothing."""

import base64
import hmac
import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from perago_dev.lakefs.errors import ApiError
from perago_dev.lakefs.http import history, objects, reply, repositories, server
from perago_dev.lakefs.http.context import STORE
from perago_dev.lakefs.store.store import Store

MAX_HEADER_BYTES = 1024 * 1024
"""lakeFS takes 100 KB of object metadata in headers and refuses 1.2 MB."""
MAX_LINE_BYTES = 64 * 1024
"""A line of a request: its path and query; paths have up to 1,024 bytes, each three when quoted."""
MAX_JSON_BYTES = 64 * 1024 * 1024

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_log = logging.getLogger("perago_dev.lakefs")


class Keys(NamedTuple):
    """The one user's keys."""

    access_key: str
    secret_key: str


def build_app(store: Store, keys: Keys) -> web.Application:
    """The server on a store. Serve it with `max_field_size=MAX_HEADER_BYTES` and the like."""
    app = web.Application(middlewares=[_refusals, _authentication(keys)], client_max_size=MAX_JSON_BYTES)
    app[STORE] = store
    for part in (objects, history, repositories, server):
        app.add_routes(part.routes)
    app.router.add_get("/api/v1/user", _user(store))
    app.on_response_prepare.append(_sign)
    return app


async def _sign(request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = server.VERSION


def _user(store: Store) -> _Handler:
    created = store.read(lambda state: state.now())

    async def user(request: web.Request) -> web.StreamResponse:
        content = {"id": "admin", "creation_date": created, "friendly_name": "", "email": ""}
        return reply.json_reply({"user": content})

    return user


@web.middleware
async def _refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ApiError as error:
        return reply.json_reply(error.body, error.status, dict(error.headers))
    except web.HTTPNotFound:
        return reply.json_reply({"message": "invalid API endpoint"}, 404)
    except web.HTTPException as error:
        return reply.json_reply({"message": error.reason}, error.status)
    except (ConnectionError, TimeoutError):
        raise
    except Exception as error:  # noqa: BLE001  the edge of the server: a fault is logged and answered, not hidden
        _log.exception("%s %s failed", request.method, request.path)
        return reply.json_reply({"message": f"internal error of the development server: {error!r}"}, 500)


def _authentication(keys: Keys) -> Middleware:
    expected = b"Basic " + base64.b64encode(f"{keys.access_key}:{keys.secret_key}".encode())

    @web.middleware
    async def authentication(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").encode()
        if request.path not in server.OPEN_PATHS and not hmac.compare_digest(given, expected):
            raise ApiError(401, "error authenticating request")
        return await handler(request)

    return authentication
