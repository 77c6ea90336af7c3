"""One lakeFS repository over `lakefs-sdk`, which is loaded here alone and on demand."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from perago.cli.lakefs.account import INSTALL, Account
from perago.cli.lakefs.failures import DIRTY, NO_CHANGES, Call, LakefsFailed, refused, unreachable
from perago.cli.output import Misused
from perago.wire.egress import InvalidEgress, Proxies, ProxyServer
from perago.wire.leftovers import BRANCH_PREFIX, StagingBranch, staging_branch

TIMEOUT = (10.0, 120.0)
"""Seconds to connect, and of silence before an answer: a merge runs hooks."""
SHOWN_PATHS = 10
PAGE = 1000
"""Most branches of a list that lakeFS takes in one call."""

T = TypeVar("T")


@dataclass(frozen=True)
class Commit:
    """A commit: its id, its metadata, and when it was made, in seconds since 1970."""

    id: str
    metadata: Mapping[str, str]
    made: float


class Repository:
    """What the commands read and change. Every method raises LakefsFailed that names the object and the remedy."""

    def __init__(self, account: Account, name: str) -> None:
        self.name = name
        self._api = account.api
        self._sdk = _sdk()
        self._client = _client(self._sdk, account)

    def default_branch(self) -> str:
        """The repository's default branch."""
        api = self._sdk.RepositoriesApi(self._client)
        record = self._asked(
            "read the settings", "fs:ReadRepository", lambda: api.get_repository(self.name, **_in_time())
        )
        return str(record.default_branch)

    def head(self, branch: str) -> str:
        """The commit that the branch is at."""
        what = f"read the branch {branch!r}"
        record = self._asked(
            what, "fs:ReadBranch", lambda: self._branches().get_branch(self.name, branch, **_in_time())
        )
        return str(record.commit_id)

    def commit_of(self, ref: str) -> Commit:
        """The commit that a ref names."""
        api = self._sdk.CommitsApi(self._client)
        what = f"read the commit {ref!r}"
        record = self._asked(what, "fs:ReadCommit", lambda: api.get_commit(self.name, ref, **_in_time()))
        return Commit(str(record.id), dict(record.metadata or {}), float(record.creation_date))

    def staging_branches(self) -> list[StagingBranch]:
        """The staging branches of attempts in clusters, whichever installation's."""
        found = (staging_branch(str(ref.id), str(ref.commit_id)) for ref in self._named(f"{BRANCH_PREFIX}-"))
        return [branch for branch in found if branch is not None]

    def _named(self, prefix: str) -> Iterator[Any]:
        api, after = self._branches(), ""
        while True:
            list_page = partial(api.list_branches, self.name, prefix=prefix, after=after, amount=PAGE, **_in_time())
            page = self._asked("list the branches", "fs:ListBranches", list_page)
            yield from page.results
            if not page.pagination.has_more:
                return
            after = page.pagination.next_offset

    def text(self, commit: str, path: str) -> str | None:
        """An object's content at an existing commit; None if there is no such object."""
        api = self._sdk.ObjectsApi(self._client)
        try:
            content = self._asked(
                f"read {path!r} at {commit}",
                "fs:ReadObject",
                lambda: api.get_object(self.name, commit, path, **_in_time()),
            )
        except LakefsFailed as failed:
            if failed.gone:
                return None
            raise
        return bytes(content).decode("utf-8", "replace")

    def create_branch(self, branch: str, source: str) -> None:
        """Make a branch at a commit."""
        body = self._sdk.BranchCreation(name=branch, source=source)
        what = f"create the branch {branch!r}"
        self._asked(what, "fs:CreateBranch", lambda: self._branches().create_branch(self.name, body, **_in_time()))

    def delete_branch(self, branch: str) -> None:
        """Delete a branch."""
        what = f"delete the branch {branch!r}"
        self._asked(what, "fs:DeleteBranch", lambda: self._branches().delete_branch(self.name, branch, **_in_time()))

    def put(self, branch: str, path: str, text: str) -> None:
        """Upload an object."""
        api = self._sdk.ObjectsApi(self._client)
        with tempfile.TemporaryDirectory() as folder:  # the SDK uploads nothing but files
            file = Path(folder) / Path(path).name
            file.write_text(text, "utf-8")
            self._asked(
                f"write {path!r}",
                "fs:WriteObject",
                lambda: api.upload_object(self.name, branch, path, content=str(file), **_in_time()),
            )

    def remove(self, branch: str, path: str) -> None:
        """Delete an object."""
        api = self._sdk.ObjectsApi(self._client)
        what = f"delete {path!r}"
        self._asked(what, "fs:DeleteObject", lambda: api.delete_object(self.name, branch, path, **_in_time()))

    def commit(self, branch: str, message: str) -> None:
        """Commit what is on a branch."""
        api, body = self._sdk.CommitsApi(self._client), self._sdk.CommitCreation(message=message)
        what = f"commit on the branch {branch!r}"
        self._asked(what, "fs:CreateCommit", lambda: api.commit(self.name, branch, body, **_in_time()))

    def merge(self, source: str, target: str, message: str, metadata: Mapping[str, str] | None = None) -> str | None:
        """Merge a branch as one commit, also without a change if there is metadata; None if there was no change."""
        body = self._sdk.Merge(
            message=message, squash_merge=True, metadata=dict(metadata or {}), allow_empty=metadata is not None
        )
        what = f"merge into the branch {target!r}"
        try:
            result = self._asked(
                what,
                "fs:CreateCommit",
                lambda: self._refs().merge_into_branch(self.name, source, target, merge=body, **_in_time()),
            )
        except LakefsFailed as failed:
            if NO_CHANGES in failed.words:
                return None
            raise self._naming_what_is_uncommitted(failed, target) from failed
        return str(result.reference)

    def _naming_what_is_uncommitted(self, failed: LakefsFailed, branch: str) -> LakefsFailed:
        if DIRTY not in failed.words:
            return failed
        what = f"list what is uncommitted on the branch {branch!r}"
        page = self._asked(
            what,
            "fs:ListObjects",
            lambda: self._branches().diff_branch(self.name, branch, amount=SHOWN_PATHS, **_in_time()),
        )
        paths = ", ".join(repr(entry.path) for entry in page.results) + (" …" if page.pagination.has_more else "")
        return LakefsFailed(f"{failed.problems[0].message}: {paths}", failed.status, failed.words)

    def _branches(self) -> Any:
        return self._sdk.BranchesApi(self._client)

    def _refs(self) -> Any:
        return self._sdk.RefsApi(self._client)

    def _asked(self, what: str, right: str, call: Callable[[], T]) -> T:
        import urllib3
        from lakefs_sdk.exceptions import ApiException

        asked = Call(f"{what} in the repository {self.name!r}", self.name, right)
        try:
            return call()
        except ApiException as error:
            raise refused(asked, self._api, int(error.status or 0), _own_words(error)) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise unreachable(asked, self._api, str(error)) from error


def _in_time() -> dict[str, tuple[float, float]]:
    return {"_request_timeout": TIMEOUT}


def _sdk() -> Any:
    try:
        import lakefs_sdk
    except ImportError as error:
        raise Misused(f"{INSTALL} ({error})") from error
    return lakefs_sdk


def _client(sdk: Any, account: Account) -> Any:
    import urllib3

    configuration = sdk.Configuration(
        host=account.api,
        username=account.access_key,
        password=account.secret,
        ssl_ca_cert=os.environ.get("SSL_CERT_FILE") or None,
    )
    # No merge is repeated unseen, and no redirection is followed: it is an answer with its status.
    configuration.retries = urllib3.Retry(total=0, redirect=False)
    if (proxy := _proxy_to(account.api)) is not None:
        configuration.proxy = proxy.url
        configuration.proxy_headers = proxy.headers()
    return sdk.ApiClient(configuration)


def _proxy_to(api: str) -> ProxyServer | None:
    try:
        return Proxies.of(os.environ).to(api)
    except InvalidEgress as error:
        raise Misused(str(error)) from error


def _own_words(error: Any) -> str | None:
    try:
        return str(json.loads(error.body)["message"])
    except (ValueError, KeyError, TypeError):
        return None
