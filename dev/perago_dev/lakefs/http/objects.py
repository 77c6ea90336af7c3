"""Routes of objects: upload, download, stat, list, delete, copy."""

import re

from aiohttp import web

from perago_dev.lakefs.errors import ApiError, unsupported
from perago_dev.lakefs.http import params, reply, transfer
from perago_dev.lakefs.http.context import branch_of, ref_of, repo_of, store_of
from perago_dev.lakefs.model.entries import Entry
from perago_dev.lakefs.ops import objects, refs
from perago_dev.lakefs.store.state import State

_META = "x-lakefs-meta-"
_INTERNAL = "x-lakefs-internal-"
_NO_PRESIGN = "local adapter presigned URL: operation not supported"
_ONE_RANGE = re.compile(r"bytes=(\d*)-(\d*)")

routes = web.RouteTableDef()
_BRANCH = "/api/v1/repositories/{repository}/branches/{branch}"
_REF = "/api/v1/repositories/{repository}/refs/{ref}"


@routes.get(_REF + "/objects")
async def get_object(request: web.Request) -> web.StreamResponse:
    """The bytes of an object, whole or a range; HEAD gives the headers alone."""
    path = params.required(request, "path")
    asked = params.byte_range(request)
    _refuse_presign(request, 400)
    store = store_of(request)
    entry = store.read(lambda state: objects.find(state, repo_of(request), ref_of(request), path))
    headers = _object_headers(entry)
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return web.Response(status=304, headers={"ETag": headers["ETag"]})
    headers["Content-Disposition"] = "attachment"
    span = _span(asked, entry, headers)
    status = 206 if asked else 200
    if request.method == "HEAD":
        length = {"Accept-Ranges": "bytes", "Content-Length": str(len(span))}
        return web.Response(status=status, headers=headers | length)
    source = store.blobs.path(entry.digest)
    if len(span) <= transfer.PIECE:
        return web.Response(body=transfer.read_span(source, span), status=status, headers=headers)
    return await transfer.send(request, store, source, span, web.StreamResponse(status=status, headers=headers))


def _object_headers(entry: Entry) -> dict[str, str]:
    headers = {"Content-Type": entry.content_type, "ETag": f'"{entry.checksum}"'}
    return headers | {f"X-Lakefs-Meta-{key}": value for key, value in entry.metadata.items() if _is_header(key, value)}


def _is_header(key: str, value: str) -> bool:
    return key.isascii() and value.isprintable() and not key.startswith("::")


def _span(asked: str | None, entry: Entry, headers: dict[str, str]) -> range:
    """Which bytes to send; sets Content-Range. Raises: ApiError 416."""
    if asked is None:
        return range(entry.size)
    match = _ONE_RANGE.fullmatch(asked)
    span = _satisfiable(match[1], match[2], entry.size) if match else range(0)
    if not span:
        refused = {key: headers[key] for key in ("ETag", "Content-Disposition")}
        where = {"Content-Range": f"bytes */{entry.size}"} if match else {}
        raise ApiError(416, "Requested Range Not Satisfiable", headers=refused | where)
    headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{entry.size}"
    return span


def _satisfiable(first: str, last: str, size: int) -> range:
    if first:
        return range(int(first), min(int(last) + 1 if last else size, size))
    return range(max(size - int(last), 0), size) if last else range(0)


@routes.get(_REF + "/objects/stat")
async def stat_object(request: web.Request) -> web.Response:
    """What is known of an object."""
    path = params.required(request, "path")
    _refuse_presign(request, 400)
    with_metadata = params.flag(request, "user_metadata", default=True)
    namespace, entry = store_of(request).read(
        lambda state: (
            refs.repository(state, repo_of(request)).namespace,
            objects.find(state, repo_of(request), ref_of(request), path),
        )
    )
    return reply.json_reply(reply.stats(namespace, path, entry, user_metadata=with_metadata))


@routes.get(_REF + "/objects/ls")
async def list_objects(request: web.Request) -> web.Response:
    """A page of objects."""
    wanted = params.page_request(request)
    _refuse_presign(request, 400)
    with_metadata = params.flag(request, "user_metadata", default=True)
    namespace, page = await store_of(request).walk(
        lambda state: (
            refs.repository(state, repo_of(request)).namespace,
            objects.listing(state, repo_of(request), ref_of(request), wanted),
        )
    )
    return reply.listing(
        page, lambda path, entry: reply.listed_stats(namespace, path, entry, user_metadata=with_metadata)
    )


@routes.post(_BRANCH + "/objects")
async def upload_object(request: web.Request) -> web.Response:
    """Stores the body and stages it at a path."""
    path, force = params.required(request, "path"), params.flag(request, "force")
    objects.check_path(path)
    only_new = _only_new(request)
    store, repo, branch = store_of(request), repo_of(request), branch_of(request)
    namespace = store.read(lambda state: objects.writable_branch(state, repo, branch, force)[0].namespace)
    blob, content_type = await transfer.receive(request, store)
    metadata = _user_metadata(request)

    def stage(state: State) -> Entry:
        entry = Entry(blob.checksum, blob.size, state.now(), content_type, blob.digest, metadata)
        objects.put(state, (repo, branch, path), entry, only_new=only_new, force=force)
        return entry

    return reply.json_reply(reply.stats(namespace, path, await store.write(stage)), status=201)


def _only_new(request: web.Request) -> bool:
    if "If-Match" in request.headers:
        raise ApiError(501, "If-Match is not supported")
    condition = request.headers.get("If-None-Match")
    if condition not in (None, "*"):
        raise ApiError(400, 'Unsupported value for If-None-Match - Only "*" is supported')
    return condition == "*"


def _user_metadata(request: web.Request) -> dict[str, str]:
    metadata: dict[str, str] = {}
    for name, value in request.headers.items():
        key = name.lower()
        if key.startswith(_META):
            metadata[key.removeprefix(_META)] = value
        elif key.startswith(_INTERNAL):
            metadata["::lakefs::" + key.removeprefix(_INTERNAL)] = value
    return metadata


@routes.delete(_BRANCH + "/objects")
async def delete_object(request: web.Request) -> web.Response:
    """Stages the deletion of one path."""
    path, force = params.required(request, "path"), params.flag(request, "force")
    await store_of(request).write(
        lambda state: objects.delete(state, repo_of(request), branch_of(request), path, force)
    )
    return reply.nothing()


@routes.post(_BRANCH + "/objects/delete")
async def delete_objects(request: web.Request) -> web.Response:
    """Stages the deletion of many paths."""
    content, force = await params.body(request), params.flag(request, "force")
    paths = content.get("paths")
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise ApiError(400, 'request body has an error: doesn\'t match schema: "paths" must be a list of strings')
    failed = await store_of(request).write(
        lambda state: objects.delete_many(state, repo_of(request), branch_of(request), paths, force)
    )
    errors = [{"path": path, "status_code": refusal.status, "message": str(refusal)} for path, refusal in failed]
    return reply.json_reply({"errors": errors})


@routes.post(_BRANCH + "/objects/copy")
async def copy_object(request: web.Request) -> web.Response:
    """Stages what another path or reference of the repository holds."""
    path, content = params.required(request, "dest_path"), await params.body(request)
    objects.check_path(path)
    source = params.text_field(content, "src_ref", ""), params.text_field(content, "src_path")
    target = repo_of(request), branch_of(request), path
    namespace, entry = await store_of(request).write(
        lambda state: (
            refs.repository(state, repo_of(request)).namespace,
            objects.copy(state, source, target, bool(content.get("force"))),
        )
    )
    return reply.json_reply(reply.stats(namespace, path, entry), status=201)


@routes.get(_BRANCH + "/staging/backing")
async def physical_address(request: web.Request) -> web.Response:
    """An address on the block store; without pre-signed URLs nobody can write to it."""
    params.required(request, "path")
    _refuse_presign(request, 500)
    repo = store_of(request).read(lambda state: objects.writable_branch(state, repo_of(request), branch_of(request))[0])
    return reply.json_reply({"physical_address": f"{repo.namespace}/data/unlinked", "presigned_url": None})


@routes.put(_BRANCH + "/staging/backing")
async def link_physical_address(request: web.Request) -> web.Response:
    """Refused: the data files of the development server are its own."""
    raise unsupported("linking a physical address")


def _refuse_presign(request: web.Request, status: int) -> None:
    if params.flag(request, "presign"):
        raise ApiError(status, _NO_PRESIGN)
