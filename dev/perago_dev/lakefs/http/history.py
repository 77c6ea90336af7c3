"""Routes of commits, merges, logs and diffs."""

from typing import Any, Literal

from aiohttp import web

from perago_dev.lakefs.errors import ApiError
from perago_dev.lakefs.http import params, reply
from perago_dev.lakefs.http.context import branch_of, ref_of, repo_of, store_of
from perago_dev.lakefs.model.merging import Strategy
from perago_dev.lakefs.ops import commits, history, hooks, refs
from perago_dev.lakefs.store.state import State

routes = web.RouteTableDef()
_REPO = "/api/v1/repositories/{repository}"
_STRATEGIES: dict[str, Strategy] = {"": "default", "source-wins": "source-wins", "dest-wins": "dest-wins"}


@routes.post(_REPO + "/branches/{branch}/commits")
async def commit(request: web.Request) -> web.Response:
    """Commits the uncommitted changes of a branch."""
    content = await params.body(request)
    order = _order(content, params.text_field(content, "message"))
    if "source_metarange" in request.query:
        raise ApiError(501, "committing a source_metarange is not supported by the Perago development server")
    made = await store_of(request).write(
        lambda state: commits.commit(state, repo_of(request), branch_of(request), order)
    )
    return reply.json_reply(reply.commit(made), status=201)


@routes.post(_REPO + "/refs/{source}/merge/{destination}")
async def merge(request: web.Request) -> web.Response:
    """Merges a reference into a branch, atomically with its pre-merge hooks."""
    content = await params.body(request)
    order = _order(content, params.text_field(content, "message", ""))
    names = request.match_info["source"], request.match_info["destination"]
    store = store_of(request)
    try:
        made = await store.write(lambda state: commits.merge(state, repo_of(request), *names, order))
    except hooks.HookRefusedError as refusal:
        repository, run = refusal.repository, refusal.run
        await store.write(lambda state: state.add_run(repository, run))
        raise
    return reply.json_reply({"reference": made.id})


def _order(content: dict[str, Any], message: str) -> commits.Order:
    strategy = _STRATEGIES.get(content.get("strategy") or "")
    if strategy is None:
        raise ApiError(400, f"invalid merge strategy: {content['strategy']}")
    date = content.get("date")
    return commits.Order(
        message,
        params.text_map(content, "metadata"),
        allow_empty=bool(content.get("allow_empty")),
        force=bool(content.get("force")),
        squash=bool(content.get("squash_merge")),
        strategy=strategy,
        created=int(date) if date is not None else None,
    )


@routes.get(_REPO + "/refs/{source}/merge/{destination}")
async def find_merge_base(request: web.Request) -> web.Response:
    """The common ancestor that a merge would use."""
    names = request.match_info["source"], request.match_info["destination"]

    def look(state: State) -> dict[str, str]:
        repo = refs.repository(state, repo_of(request))
        source, destination = (refs.resolve_commit(state, repo, name, "not found") for name in names)
        base = history.merge_base(state, repo, destination, source)
        return {
            "source_commit_id": source.id,
            "destination_commit_id": destination.id,
            "base_commit_id": base.id,
        }

    return reply.json_reply(await store_of(request).walk(look))


@routes.put(_REPO + "/branches/{branch}/hard_reset")
async def hard_reset(request: web.Request) -> web.Response:
    """Moves a branch, without asking where it is."""
    ref, force = params.required(request, "ref"), params.flag(request, "force")
    await store_of(request).write(
        lambda state: commits.hard_reset(state, repo_of(request), branch_of(request), ref, force)
    )
    return reply.nothing()


@routes.get(_REPO + "/commits/{ref}")
async def get_commit(request: web.Request) -> web.Response:
    """One commit, by id or any reference."""

    def look(state: State) -> dict[str, Any]:
        repo = refs.repository(state, repo_of(request))
        return reply.commit(refs.resolve_commit(state, repo, ref_of(request), "commit not found"))

    return reply.json_reply(store_of(request).read(look))


@routes.get(_REPO + "/refs/{ref}/commits")
async def log_commits(request: web.Request) -> web.Response:
    """The history of a reference."""
    query = request.query
    wanted = history.LogRequest(
        amount=params.amount(request),
        after=query.get("after", ""),
        objects=query.getall("objects", []),
        prefixes=query.getall("prefixes", []),
        limit=params.flag(request, "limit"),
        first_parent=params.flag(request, "first_parent"),
        since=params.moment(request, "since"),
        stop_at=query.get("stop_at", ""),
    )
    found, has_more = await store_of(request).walk(
        lambda state: history.log(state, repo_of(request), ref_of(request), wanted)
    )
    return reply.listed([reply.commit(each) for each in found], has_more, found[-1].id if found else "")


@routes.get(_REPO + "/branches/{branch}/diff")
async def diff_branch(request: web.Request) -> web.Response:
    """The uncommitted changes of a branch."""
    wanted = params.page_request(request)
    page = await store_of(request).walk(
        lambda state: history.diff_branch(state, repo_of(request), branch_of(request), wanted)
    )
    return reply.listing(page, reply.difference)


@routes.get(_REPO + "/refs/{left}/diff/{right}")
async def diff_refs(request: web.Request) -> web.Response:
    """What the right reference has over the left."""
    wanted = params.page_request(request)
    names = request.match_info["left"], request.match_info["right"]
    kind: Literal["two_dot", "three_dot"] = "two_dot" if request.query.get("type") == "two_dot" else "three_dot"
    page = await store_of(request).walk(lambda state: history.diff_refs(state, repo_of(request), names, kind, wanted))
    return reply.listing(page, reply.difference)
