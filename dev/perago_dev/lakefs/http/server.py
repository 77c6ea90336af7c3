"""Routes about the server itself: health, set-up state, configuration, versions, the user of the keys."""

from typing import Any

from aiohttp import web

from perago_dev.lakefs.http import reply

VERSION = "perago-development-server"
DESCRIPTION = "Perago development server, not lakeFS: for development and tests only"
OPEN_PATHS = frozenset({"/api/v1/healthcheck", "/api/v1/setup_lakefs", "/_health", "/"})
"""Answered without keys."""

routes = web.RouteTableDef()
_VERSION = {"version": VERSION, "version_context": DESCRIPTION}
_STORAGE = {
    "blockstore_description": DESCRIPTION,
    "blockstore_id": "",
    "blockstore_namespace_ValidityRegex": "^local://",
    "blockstore_namespace_example": "local://example-bucket/",
    "blockstore_type": "local",
    "default_namespace_prefix": "local://",
    "import_support": False,
    "import_validity_regex": "^local://",
    "pre_sign_multipart_upload": False,
    "pre_sign_support": False,
    "pre_sign_support_ui": False,
}


@routes.get("/")
async def welcome(request: web.Request) -> web.Response:
    """For people who open the address in a browser."""
    return web.Response(text=DESCRIPTION + "\n")


@routes.get("/_health")
@routes.get("/api/v1/healthcheck")
async def healthcheck(request: web.Request) -> web.Response:
    """204 while the event loop runs."""
    return reply.nothing()


@routes.get("/api/v1/setup_lakefs")
async def setup_state(request: web.Request) -> web.Response:
    """Always set up."""
    return reply.json_reply({"state": "initialized", "comm_prefs_missing": False})


@routes.get("/api/v1/config")
async def config(request: web.Request) -> web.Response:
    """What clients ask first; it says what this server is."""
    content: dict[str, Any] = {
        "version_config": _VERSION,
        "storage_config": _STORAGE,
        "storage_config_list": [],
        "capabilities_config": {},
        "ui_config": {},
    }
    return reply.json_reply(content)


@routes.get("/api/v1/config/version")
async def version(request: web.Request) -> web.Response:
    """The version alone."""
    return reply.json_reply(_VERSION)


@routes.get("/api/v1/config/storage")
async def storage(request: web.Request) -> web.Response:
    """The storage part alone."""
    return reply.json_reply(_STORAGE)
