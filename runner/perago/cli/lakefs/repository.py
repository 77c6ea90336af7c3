"""One lakeFS repository over `lakefs-sdk`, which is loaded here alone and on demand."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True)
class Commit:
    """A commit: its id, its metadata, when it was made, in seconds since 1970, by whom, and its message."""

    id: str
    metadata: Mapping[str, str]
    created_at: float
    committer: str = ""
    message: str = ""


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
        record = self._asked("read the settings", "fs:ReadRepository", api.get_repository)
        return str(record.default_branch)

    def head(self, branch: str) -> str:
        """The commit that the branch is at."""
        record = self._asked(f"read the branch {branch!r}", "fs:ReadBranch", self._branches().get_branch, branch)
        return str(record.commit_id)

    def commit_of(self, ref: str) -> Commit:
        """The commit that a ref names."""
        record = self._asked(f"read the commit {ref!r}", "fs:ReadCommit", self._commits().get_commit, ref)
        return _commit(record)

    def last_change(self, ref: str, path: str) -> Commit | None:
        """The last commit, from a ref backwards, that changed an object; None if there is none."""
        api = self._sdk.RefsApi(self._client)
        what = f"read who has changed {path!r} at {ref!r}"
        page = self._asked(what, "fs:ReadCommit", api.log_commits, ref, objects=[path], amount=1)
        return _commit(page.results[0]) if page.results else None

    def staging_branches(self) -> list[StagingBranch]:
        """The staging branches of attempts in clusters, whichever installation's."""
        branches = (staging_branch(str(ref.id), str(ref.commit_id)) for ref in self._named(f"{BRANCH_PREFIX}-"))
        return [branch for branch in branches if branch is not None]

    def _named(self, prefix: str) -> Iterator[Any]:
        right, list_page, after = "fs:ListBranches", self._branches().list_branches, ""
        while True:
            page = self._asked("list the branches", right, list_page, prefix=prefix, after=after, amount=PAGE)
            yield from page.results
            if not page.pagination.has_more:
                return
            after = page.pagination.next_offset

    def text(self, commit: str, path: str) -> str | None:
        """An object's content at an existing commit; None if there is no such object."""
        what = f"read {path!r} at {commit}"
        try:
            content = self._asked(what, "fs:ReadObject", self._objects().get_object, commit, path)
        except LakefsFailed as failed:
            if failed.gone:
                return None
            raise
        return bytes(content).decode("utf-8", "replace")

    def create_branch(self, branch: str, source: str) -> None:
        """Make a branch at a commit."""
        body = self._sdk.BranchCreation(name=branch, source=source)
        self._asked(f"create the branch {branch!r}", "fs:CreateBranch", self._branches().create_branch, body)

    def delete_branch(self, branch: str) -> None:
        """Delete a branch."""
        self._asked(f"delete the branch {branch!r}", "fs:DeleteBranch", self._branches().delete_branch, branch)

    def put(self, branch: str, path: str, text: str) -> None:
        """Upload an object."""
        upload = self._objects().upload_object
        with tempfile.TemporaryDirectory() as folder:  # the SDK uploads nothing but files
            file = Path(folder) / Path(path).name
            file.write_text(text, "utf-8")
            self._asked(f"write {path!r}", "fs:WriteObject", upload, branch, path, content=str(file))

    def remove(self, branch: str, path: str) -> None:
        """Delete an object."""
        self._asked(f"delete {path!r}", "fs:DeleteObject", self._objects().delete_object, branch, path)

    def commit(self, branch: str, message: str) -> None:
        """Commit what is on a branch."""
        body = self._sdk.CommitCreation(message=message)
        self._asked(f"commit on the branch {branch!r}", "fs:CreateCommit", self._commits().commit, branch, body)

    def merge(self, source: str, target: str, message: str, metadata: Mapping[str, str] | None = None) -> None:
        """Merge a branch as one commit, with metadata also without a change; without either, nothing is done."""
        body = self._sdk.Merge(
            message=message, squash_merge=True, metadata=dict(metadata or {}), allow_empty=metadata is not None
        )
        what, api = f"merge into the branch {target!r}", self._sdk.RefsApi(self._client)
        try:
            self._asked(what, "fs:CreateCommit", api.merge_into_branch, source, target, merge=body)
        except LakefsFailed as failed:
            if NO_CHANGES not in failed.words:
                raise self._naming_what_is_uncommitted(failed, target) from failed

    def _naming_what_is_uncommitted(self, failed: LakefsFailed, branch: str) -> LakefsFailed:
        if DIRTY not in failed.words:
            return failed
        what = f"list what is uncommitted on the branch {branch!r}"
        page = self._asked(what, "fs:ListObjects", self._branches().diff_branch, branch, amount=SHOWN_PATHS)
        paths = ", ".join(repr(entry.path) for entry in page.results) + (" …" if page.pagination.has_more else "")
        return LakefsFailed(f"{failed.problems[0].message}: {paths}", failed.status, failed.words)

    def _branches(self) -> Any:
        return self._sdk.BranchesApi(self._client)

    def _commits(self) -> Any:
        return self._sdk.CommitsApi(self._client)

    def _objects(self) -> Any:
        return self._sdk.ObjectsApi(self._client)

    def _asked(self, what: str, right: str, method: Callable[..., Any], *arguments: object, **named: object) -> Any:
        """The answer of a method of the SDK, whose first argument is the repository's name."""
        import urllib3
        from lakefs_sdk.exceptions import ApiException

        asked = Call(f"{what} in the repository {self.name!r}", self.name, right)
        try:
            return method(self.name, *arguments, **named, _request_timeout=TIMEOUT)
        except ApiException as error:
            raise refused(asked, self._api, int(error.status or 0), _own_words(error)) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise unreachable(asked, self._api, str(error)) from error


def _commit(record: Any) -> Commit:
    created_at, who, message = float(record.creation_date), str(record.committer), str(record.message)
    return Commit(str(record.id), dict(record.metadata or {}), created_at, who, message)


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
