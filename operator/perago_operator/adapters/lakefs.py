"""The Versions port over `lakefs-sdk`, whose blocking calls run in worker threads.

It knows the SDK's API and errors; when evidence is asked for, and what it means, the core decides.
"""

import asyncio
import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import urllib3.exceptions
from lakefs_sdk import exceptions as sdk
from lakefs_sdk.api.branches_api import BranchesApi
from lakefs_sdk.api.commits_api import CommitsApi
from lakefs_sdk.api.refs_api import RefsApi
from lakefs_sdk.api_client import ApiClient
from lakefs_sdk.configuration import Configuration
from lakefs_sdk.models.commit import Commit
from lakefs_sdk.models.commit_list import CommitList
from lakefs_sdk.models.ref import Ref
from lakefs_sdk.models.ref_list import RefList
from loguru import logger
from pydantic import ValidationError

from perago.wire import metadata_keys
from perago.wire.leftovers import BRANCH_PREFIX, StagingBranch, staging_branch
from perago.wire.secrets import LakeFSKeys
from perago_operator.adapters import http
from perago_operator.adapters.observed import Observe, observed, unobserved
from perago_operator.core import answers
from perago_operator.core.answers import Landed, Publication
from perago_operator.ports import (
    Gate,
    NotFound,
    PortError,
    Refused,
    Unreachable,
    open_gate,
)

DELETED = 204
GONE = 404
"""lakeFS's statuses; a 404 counts only with its own words."""
PAGE = 25
"""Commits of one page of a branch's log, each of which may carry an output of 342 KiB."""
BRANCH_PAGE = 1000
"""Branches of one page, the most that lakeFS gives: a name and a commit's id each."""
MOST_COMMITS = 10_000
"""Commits that are looked through. Above its input ref a branch has far fewer while an attempt lasts, unless somebody
has reset it to below the input ref, and then it holds no publication on that."""
CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
TIMEOUT = (CONNECT_SECONDS, READ_SECONDS)
THREADS = 8
"""Calls under way at once, on threads of their own."""
QUEUE_SECONDS = 1.0
"""How long a call waits for one of them. Where lakeFS hangs, whoever waits keeps others from their turn: an attempt
that is looked at, for example, keeps one of the reconciler's slots, which heartbeats need as well."""

T = TypeVar("T")

NEVER_SENT: tuple[type[Exception], ...] = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NameResolutionError,
    urllib3.exceptions.ProxyError,
)
FOREIGN: tuple[type[Exception], ...] = (
    sdk.OpenApiException,
    urllib3.exceptions.HTTPError,
    OSError,
    ValidationError,
    ValueError,
)
"""What a call of the SDK may raise; `translated` maps all of them."""


class LakefsVersions:
    """`ports.Versions` over one lakeFS server; a changed Secret makes a new client."""

    def __init__(
        self,
        read: Callable[[], LakeFSKeys],
        *,
        observe: Observe = unobserved,
        page: int = PAGE,
        branch_page: int = BRANCH_PAGE,
        most: int = MOST_COMMITS,
        queue_seconds: float = QUEUE_SECONDS,
        gate: Gate = open_gate,
    ) -> None:
        """`read` reads the Secret, and raises OSError or ValueError. `gate` is passed by deletions, in their thread."""
        self._read_keys = read
        self._page = page
        self._branches_at_once = branch_page
        self._most = most
        self._observe = observe
        self._gate = gate
        self._lock = threading.Lock()
        self._in_use: LakeFSKeys | None = None
        self._client: ApiClient | None = None
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="lakefs")
        self._free = asyncio.Semaphore(THREADS)
        self._queue_seconds = queue_seconds

    async def delete_branch(self, repository: str, branch: str) -> bool:
        with observed(self._observe, "lakefs", "delete_branch"):
            return await self._in_a_thread(lambda: self._delete_branch(repository, branch))

    async def find_publication(self, repository: str, branch: str, input_ref: str, attempt_uid: str) -> Landed:
        with observed(self._observe, "lakefs", "find_publication"):
            find = partial(self._find_publication, repository, branch, input_ref, attempt_uid)
            return await self._in_a_thread(find)

    async def _in_a_thread(self, call: Callable[[], T]) -> T:
        """What the call returns; Unreachable when no thread is free for it, and then it is not made."""
        try:
            async with asyncio.timeout(self._queue_seconds):
                await self._free.acquire()
        except TimeoutError:
            raise Unreachable("lakeFS: earlier calls have no answer yet; try again later") from None
        running, loop = self._threads.submit(call), asyncio.get_running_loop()
        running.add_done_callback(lambda _: self._release(loop))
        return await asyncio.wrap_future(running)

    def _release(self, loop: asyncio.AbstractEventLoop) -> None:
        """A thread is free, whether somebody still waits for its answer or not. Called in that thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: this is the end of the process
            loop.call_soon_threadsafe(self._free.release)

    async def staging_branches(self, repository: str) -> list[StagingBranch]:
        with observed(self._observe, "lakefs", "staging_branches"):
            return await self._in_a_thread(lambda: self._staging_branches(repository))

    async def commit_record(self, repository: str, ref: str) -> answers.Commit:
        with observed(self._observe, "lakefs", "commit_record"):
            return await self._in_a_thread(lambda: self._commit_record(repository, ref))

    def _staging_branches(self, repository: str) -> list[StagingBranch]:
        branches = (staging_branch(ref.id, ref.commit_id) for ref in self._refs(repository))
        return [branch for branch in branches if branch is not None]

    def _refs(self, repository: str) -> Iterator[Ref]:
        """Branches with our prefix, page by page."""
        branches, after = BranchesApi(self._api()), ""
        while True:
            page = self._branch_page(branches, repository, after)
            yield from page.results
            if not page.pagination.has_more:
                return
            after = page.pagination.next_offset

    def _branch_page(self, branches: BranchesApi, repository: str, after: str) -> RefList:
        return _call(
            f"list the staging branches of {repository}",
            lambda: branches.list_branches(
                repository,
                prefix=f"{BRANCH_PREFIX}-",
                after=after,
                amount=self._branches_at_once,
                _request_timeout=TIMEOUT,
            ),
        )

    def _commit_record(self, repository: str, ref: str) -> answers.Commit:
        commits = CommitsApi(self._api())
        record = _call(
            f"read commit {ref} of {repository}",
            lambda: commits.get_commit(repository, ref, _request_timeout=TIMEOUT),
        )
        return answers.Commit(record.metadata or {}, datetime.fromtimestamp(record.creation_date, UTC))

    def _delete_branch(self, repository: str, branch: str) -> bool:
        branches = BranchesApi(self._api())
        self._gate()
        try:
            answer = _call(
                what := f"delete branch {branch} of {repository}",
                lambda: branches.delete_branch_with_http_info(repository, branch, _request_timeout=TIMEOUT),
            )
        except NotFound:
            return False
        if answer.status_code != DELETED:
            raise _answered_on_the_way(f"lakeFS: {what}", answer.status_code)
        return True

    def _find_publication(self, repository: str, branch: str, input_ref: str, attempt_uid: str) -> Landed:
        publication, astray = None, list[str]()
        for commit in self._history(repository, branch, input_ref):
            if (commit.metadata or {}).get(metadata_keys.ATTEMPT_UID) != attempt_uid:
                continue
            if commit.parents and commit.parents[0].startswith(input_ref):
                publication = Publication(ref=commit.id, metadata=commit.metadata or {})
            else:
                astray.append(commit.id)
        return Landed(publication, tuple(astray))

    def _history(self, repository: str, branch: str, input_ref: str) -> Iterator[Commit]:
        """Commits of the branch, head first, without the input ref, which `stop_at` includes."""
        refs, after, read = RefsApi(self._api()), "", 0
        while True:
            page = self._log_page(refs, repository, branch, input_ref, after)
            yield from (commit for commit in page.results if commit.id != input_ref)
            read += len(page.results)
            if not page.pagination.has_more:
                return
            if read >= self._most:
                logger.warning("{}/{}: {} is not among the last {} commits", repository, branch, input_ref, read)
                return
            after = page.pagination.next_offset

    def _log_page(self, refs: RefsApi, repository: str, branch: str, input_ref: str, after: str) -> CommitList:
        return _call(
            f"read the log of {repository}/{branch}",
            lambda: refs.log_commits(
                repository,
                branch,
                after=after,
                amount=self._page,
                first_parent=True,
                stop_at=input_ref,
                _request_timeout=TIMEOUT,
            ),
        )

    def _api(self) -> ApiClient:
        with self._lock:
            try:
                keys = self._read_keys()
            except (OSError, ValueError) as error:
                raise Refused(f"lakeFS keys cannot be read: {error}", status=0, message=str(error)) from error
            if self._client is None or keys != self._in_use:
                self._client, self._in_use = _client(keys), keys
            return self._client


def _client(keys: LakeFSKeys) -> ApiClient:
    configuration = Configuration(host=f"{keys.endpoint}/api/v1", username=keys.access_key, password=keys.secret_key)
    # No redirection is followed: an answer of 3xx is an error with its status. The SDK declares None for all three.
    configuration.retries = urllib3.Retry(total=0, redirect=False)  # type: ignore[assignment]
    if (proxy := keys.route.proxy) is not None:
        configuration.proxy = proxy.url  # type: ignore[assignment]
        configuration.proxy_headers = proxy.headers()  # type: ignore[assignment]
    client = ApiClient(configuration)
    if (context := keys.context()) is not None:  # the SDK takes a file with the authorities alone
        client.rest_client.pool_manager.connection_pool_kw["ssl_context"] = context
    return client


def _call(what: str, call: Callable[[], T]) -> T:
    try:
        return call()
    except FOREIGN as error:
        raise translated(error, f"lakeFS: {what}") from error


def translated(error: Exception, what: str) -> PortError:
    """The port error for one of `FOREIGN`."""
    if isinstance(error, sdk.ApiException):
        if error.status == GONE and _own_words(error) is None:
            return _answered_on_the_way(what, GONE)
        return http.refusal(int(error.status or http.NO_STATUS), "", _words(error), what)
    if isinstance(certificate := _cause(error), ssl.SSLCertVerificationError):
        return http.untrusted(certificate, what, http.OF_A_SECRET)
    if isinstance(error, NEVER_SENT) or isinstance(getattr(error, "reason", None), NEVER_SENT):
        return Unreachable(f"{what}: {error}; check that the server runs and can be reached")
    if isinstance(error, urllib3.exceptions.LocationValueError | sdk.OpenApiException):
        return Refused(f"{what}: {error}; check the endpoint", status=0, message=str(error))
    return Unreachable(f"{what}: {error}; try again later", fate_unknown=True)


def _cause(error: Exception) -> object:
    """What lies at the bottom of urllib3's wrappings."""
    inner: object = getattr(error, "reason", None) or (error.args[0] if error.args else None)
    return _cause(inner) if isinstance(inner, Exception) and not isinstance(error, ssl.SSLError) else error


def _answered_on_the_way(what: str, status: int | None) -> Unreachable:
    """Something between here and lakeFS has answered, which knows nothing of branches."""
    return Unreachable(f"{what}: HTTP {status} does not come from lakeFS; check the endpoint", fate_unknown=True)


def _own_words(error: sdk.ApiException) -> str | None:
    """lakeFS's message; None where something on the way to it has answered."""
    try:
        return str(json.loads(error.body)["message"])
    except (ValueError, KeyError, TypeError):
        return None


def _words(error: sdk.ApiException) -> str:
    return str(_own_words(error) or error.body or error.reason or "no message")[:500]
