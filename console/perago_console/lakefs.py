"""lakeFS, found and asked as `perago lakefs` does."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from perago.cli.lakefs.account import account
from perago.cli.lakefs.failures import LakefsFailed
from perago.cli.lakefs.repository import Commit as CliCommit
from perago.cli.lakefs.repository import Repository
from perago.cli.output import Misused as CliMisused
from perago.wire.egress import basic_auth
from perago_console.core.provenance import Commit
from perago_console.http import Http
from perago_console.problems import Misused, NotFound, Unanswered

T = TypeVar("T")


def commit_for(repository: str, what: str, at: str | None) -> Commit:
    """The commit that a ref names, or the last one that changed an object on a branch or before a commit."""

    def read() -> Commit:
        opened = Repository(account(os.environ, Path.home()), repository)
        return _named(opened, what) if at is None and "/" not in what else _last_change(opened, what, at)

    return _translated(read)


def check() -> None:
    """Raises a problem if lakeFS cannot be reached, or does not know the keys; Misused where none are set."""
    login = _translated(lambda: account(os.environ, Path.home()))
    header = {"Authorization": basic_auth(login.access_key, login.secret)}
    Http("lakeFS", login.api, header).call("GET", "/user", "tell who you are")


def credentials() -> tuple[str, ...]:
    """The keys of whoever asks; none where none are set."""
    try:
        login = account(os.environ, Path.home())
    except CliMisused:
        return ()
    return login.access_key, login.secret


def _named(repository: Repository, what: str) -> Commit:
    try:
        return _commit(repository.commit_of(what))
    except LakefsFailed as failed:
        if not failed.gone:
            raise
        return _last_change(repository, what, None)


def _last_change(repository: Repository, path: str, at: str | None) -> Commit:
    ref = at or repository.default_branch()
    commit = repository.last_change(ref, path)
    if commit is None:
        raise NotFound(
            f"repository {repository.name} has no commit {path}, and no commit of {ref} has changed an object of that "
            "path; --at names another branch"
        )
    return _commit(commit, path)


def _commit(commit: CliCommit, path: str | None = None) -> Commit:
    return Commit(commit.id, commit.metadata, commit.created_at, commit.committer, commit.message, path)


def _translated(call: Callable[[], T]) -> T:
    try:
        return call()
    except CliMisused as error:
        raise Misused(error.problems[0].message) from error
    except LakefsFailed as error:
        raise (NotFound if error.gone else Unanswered)(error.problems[0].message) from error
