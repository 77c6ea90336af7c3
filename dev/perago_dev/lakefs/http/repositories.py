"""Routes of repositories, branches, tags and their settings."""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from perago_dev.lakefs.errors import ApiError, not_found, unsupported
from perago_dev.lakefs.http import params, reply
from perago_dev.lakefs.http.context import branch_of, repo_of, store_of
from perago_dev.lakefs.model.paging import Page, page
from perago_dev.lakefs.ops import objects, refs, repositories
from perago_dev.lakefs.store.rows import Run
from perago_dev.lakefs.store.state import State

routes = web.RouteTableDef()
_REPOS = "/api/v1/repositories"
_REPO = _REPOS + "/{repository}"
_PROTECTION = _REPO + "/settings/branch_protection"

_NAME = {"pattern": "^[a-z0-9][a-z0-9-]{2,62}$", "type": "string"}
_STORAGE_ID = "Unique identifier of the underlying data store. *EXPERIMENTAL*"
_CREATION = {
    "properties": {
        "default_branch": {"example": "main", "type": "string"},
        "name": _NAME,
        "read_only": {"default": False, "example": True, "type": "boolean"},
        "sample_data": {"default": False, "example": True, "type": "boolean"},
        "storage_id": {
            "description": _STORAGE_ID,
            "type": "string",
        },
        "storage_namespace": {
            "description": 'Filesystem URI to store the underlying data in (e.g. "s3://my-bucket/some/path/")',
            "example": "s3://example-bucket/",
            "pattern": "^(s3|gs|https?|mem|local|transient)://.*$",
            "type": "string",
        },
    },
    "required": ["name", "storage_namespace"],
    "type": "object",
}


@routes.post(_REPOS)
async def create_repository(request: web.Request) -> web.Response:
    """A new repository on a namespace that was never used."""
    content = {"read_only": False, "sample_data": False} | await params.body(request)
    _check_creation(content)
    order = repositories.NewRepository(
        content["name"], content["storage_namespace"], content.get("default_branch") or "main", content["read_only"]
    )
    made = await store_of(request).write(lambda state: repositories.create(state, order))
    return reply.json_reply(reply.repository(made), status=201)


def _check_creation(content: dict[str, Any]) -> None:
    for name in ("name", "storage_namespace"):
        if name not in content:
            problem = f'property "{name}" is missing'
            raise _creation_error(name, params.schema_error(problem, _CREATION, content))
    name = content["name"]
    if not isinstance(name, str) or not re.fullmatch(_NAME["pattern"], name):
        problem = f'string doesn\'t match the regular expression "{_NAME["pattern"]}"'
        raise _creation_error("name", params.schema_error(problem, _NAME, name))
    if not str(content["storage_namespace"]).startswith("local://"):
        raise ApiError(400, f"{content['storage_namespace']}: the block store is local: it must begin with local://")
    if content["sample_data"]:
        raise unsupported("sample_data")


def _creation_error(name: str, problem: str) -> ApiError:
    where = "doesn't match schema #/components/schemas/RepositoryCreation"
    return ApiError(400, f'request body has an error: {where}: Error at "/{name}": {problem}')


@routes.get(_REPOS)
async def list_repositories(request: web.Request) -> web.Response:
    """A page of repositories."""
    wanted = params.page_request(request)
    page = await store_of(request).walk(lambda state: repositories.listing(state, wanted))
    return reply.listing(page, lambda _, repo: reply.repository(repo) if repo else {})


@routes.get(_REPO)
async def get_repository(request: web.Request) -> web.Response:
    """One repository."""
    return reply.json_reply(
        reply.repository(store_of(request).read(lambda state: refs.repository(state, repo_of(request))))
    )


@routes.delete(_REPO)
async def delete_repository(request: web.Request) -> web.Response:
    """Deletes a repository and all its history; its namespace stays used."""
    force = params.flag(request, "force")
    await store_of(request).write(lambda state: repositories.delete(state, repo_of(request), force))
    return reply.nothing()


@routes.post(_REPO + "/branches")
async def create_branch(request: web.Request) -> web.Response:
    """A branch from any reference; answers with the bare commit id."""
    content = await params.body(request)
    name, source = params.text_field(content, "name"), params.text_field(content, "source")
    commit_id = await store_of(request).write(
        lambda state: repositories.create_branch(state, repo_of(request), name, source, bool(content.get("hidden")))
    )
    return web.Response(text=commit_id, status=201)


@routes.get(_REPO + "/branches")
async def list_branches(request: web.Request) -> web.Response:
    """A page of branches, hidden ones only on demand."""
    wanted, hidden = params.page_request(request), params.flag(request, "show_hidden")
    page = await store_of(request).walk(lambda state: repositories.branches(state, repo_of(request), wanted, hidden))
    return reply.listing(page, lambda name, branch: reply.ref(name, branch.commit_id if branch else ""))


@routes.get(_REPO + "/branches/{branch}")
async def get_branch(request: web.Request) -> web.Response:
    """A branch and its head."""
    found = store_of(request).read(
        lambda state: refs.branch(state, refs.repository(state, repo_of(request)), branch_of(request))
    )
    return reply.json_reply(reply.ref(found.name, found.commit_id))


@routes.delete(_REPO + "/branches/{branch}")
async def delete_branch(request: web.Request) -> web.Response:
    """Deletes a branch; its commits can still be reached by id."""
    force = params.flag(request, "force")
    await store_of(request).write(
        lambda state: repositories.delete_branch(state, repo_of(request), branch_of(request), force)
    )
    return reply.nothing()


@routes.put(_REPO + "/branches/{branch}")
async def reset_branch(request: web.Request) -> web.Response:
    """Drops uncommitted changes."""
    content = await params.body(request)
    kind, path = params.text_field(content, "type"), params.text_field(content, "path", "")
    force = bool(content.get("force"))
    await store_of(request).write(
        lambda state: objects.reset(state, repo_of(request), branch_of(request), (kind, path), force)
    )
    return reply.nothing()


@routes.post(_REPO + "/tags")
async def create_tag(request: web.Request) -> web.Response:
    """Names a commit."""
    content = await params.body(request)
    name, ref = params.text_field(content, "id"), params.text_field(content, "ref")
    commit_id = await store_of(request).write(
        lambda state: repositories.create_tag(state, repo_of(request), name, ref, bool(content.get("force")))
    )
    return reply.json_reply(reply.ref(name, commit_id), status=201)


@routes.get(_REPO + "/tags")
async def list_tags(request: web.Request) -> web.Response:
    """A page of tags."""
    wanted = params.page_request(request)
    page = await store_of(request).walk(lambda state: repositories.tags(state, repo_of(request), wanted))
    return reply.listing(page, lambda name, commit_id: reply.ref(name, commit_id or ""))


@routes.get(_REPO + "/tags/{tag}")
async def get_tag(request: web.Request) -> web.Response:
    """A tag and its commit."""
    name = request.match_info["tag"]
    commit_id = store_of(request).read(lambda state: repositories.tag(state, repo_of(request), name))
    return reply.json_reply(reply.ref(name, commit_id))


@routes.delete(_REPO + "/tags/{tag}")
async def delete_tag(request: web.Request) -> web.Response:
    """Forgets a tag; its commit stays."""
    name = request.match_info["tag"]
    await store_of(request).write(lambda state: repositories.delete_tag(state, repo_of(request), name))
    return reply.nothing()


@routes.get(_PROTECTION)
async def get_protection(request: web.Request) -> web.Response:
    """The branch protection rules; the ETag serves conditional updates."""
    repo = store_of(request).read(lambda state: refs.repository(state, repo_of(request)))
    rules = [{"pattern": pattern} for pattern in repo.protected]
    return reply.json_reply(rules, headers={"ETag": _rules_tag(repo.protected)})


@routes.put(_PROTECTION)
async def set_protection(request: web.Request) -> web.Response:
    """Replaces the branch protection rules."""
    rules, expected = json.loads(await request.read()), request.headers.get("If-Match")
    if not isinstance(rules, list) or not all(isinstance(rule, dict) and rule.get("pattern") for rule in rules):
        raise ApiError(400, "request body has an error: doesn't match schema: a list of {pattern} is expected")

    def replace(state: State) -> None:
        held = refs.repository(state, repo_of(request)).protected
        if expected is not None and expected != _rules_tag(held):
            raise ApiError(412, "precondition failed")
        repositories.protect(state, repo_of(request), [rule["pattern"] for rule in rules])

    await store_of(request).write(replace)
    return reply.nothing()


def _rules_tag(patterns: tuple[str, ...]) -> str:
    return hashlib.sha256(json.dumps(patterns).encode()).hexdigest()[:16] if patterns else ""


@routes.get(_REPO + "/actions/runs")
async def list_runs(request: web.Request) -> web.Response:
    """Runs of actions, newest first, of one branch or commit on demand."""
    wanted, query = params.page_request(request), request.query

    def look(state: State) -> Page[Run]:
        repo = refs.repository(state, repo_of(request))
        wants = {key: query[key] for key in ("branch", "commit") if key in query}

        def covered(start: str) -> Iterator[tuple[str, Run]]:
            for run_id, run in state.runs_from(repo.id, start):
                if wants.items() <= {("branch", run.branch), ("commit", run.commit_id)}:
                    yield run_id, run

        return page(covered, wanted)

    return reply.listing(await store_of(request).walk(look), lambda _, run: reply.run(run) if run else {})


@routes.get(_REPO + "/actions/runs/{run}")
async def get_run(request: web.Request) -> web.Response:
    """One run of actions."""
    wanted = request.match_info["run"]

    def look(state: State) -> dict[str, Any]:
        repo = refs.repository(state, repo_of(request))
        for run_id, run in state.runs_from(repo.id, wanted):
            if run_id == wanted:
                return reply.run(run)
            break
        raise not_found("not found")

    return reply.json_reply(store_of(request).read(look))
