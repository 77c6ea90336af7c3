"""What lakeFS's refusals mean: one table from status and words to an exception. PURE; it does no HTTP.

Statuses and words as observed on lakeFS 1.84 (`error authenticating request`, `repository not found`, `commit: no
changes`, `uncommitted changes (dirty branch)`, `… hook aborted …`). What is transient (429, 5xx) is not a refusal: see
`perago.agent.clients.http.NoAnswer`.
"""

from typing import Final

from perago.agent.clients.http import NoAnswer, Server, not_its_404, own_words, seconds_of, transient


class LakeFSError(Exception):
    """lakeFS refused a call. The text names the call and carries lakeFS's own words, never a key."""


class Unauthorized(LakeFSError):
    """401: the key pair is not known."""


class Forbidden(LakeFSError):
    """403: the key pair may not do this, or the branch is protected."""


class RepositoryNotFound(LakeFSError):
    """404 for the repository."""


class RefNotFound(LakeFSError):
    """404 for a branch, a commit or an object."""


class Conflict(LakeFSError):
    """409: the branch exists already, or the merge conflicts."""


class HookRefused(LakeFSError):
    """412, or 500 naming a hook: a hook of the repository refused the change."""


class UncommittedChanges(LakeFSError):
    """400: somebody writes to the target branch directly; nothing can be merged until that is committed or reset."""


class NoChanges(LakeFSError):
    """400: there is nothing to commit or to merge."""


class Refused(LakeFSError):
    """Any other refusal."""


ANY: Final = ""
NOT_FOUND: Final = 404
"""Says that something is gone, which is believed only in lakeFS's own words."""
TABLE: Final[tuple[tuple[int, str, type[LakeFSError]], ...]] = (
    (400, "dirty branch", UncommittedChanges),
    (400, "no changes", NoChanges),
    (401, ANY, Unauthorized),
    (403, ANY, Forbidden),
    (404, "repository not found", RepositoryNotFound),
    (404, ANY, RefNotFound),
    (409, ANY, Conflict),
    (412, ANY, HookRefused),
    (500, "hook aborted", HookRefused),
)


def refusal(status: int, message: str, what: str) -> LakeFSError:
    """The exception for an answer of `status` with lakeFS's `message` to the call described by `what`."""
    kind = kind_of(status, message) or Refused
    return kind(f"lakeFS refused to {what}: {status} {message}".rstrip())


def kind_of(status: int, message: str) -> type[LakeFSError] | None:
    """The first row that holds; None when the table has none."""
    return next((kind for code, words, kind in TABLE if code == status and words in message), None)


def answer_error(status: int, body: bytes, what: str, retry_after: str | None) -> Exception:
    """The exception for an answer of 400 or more: a refusal, or NoAnswer where the server says "later"."""
    own = own_words(body)
    message = body[:200].decode(errors="replace").strip() if own is None else own
    if status == NOT_FOUND and own is None:
        return not_its_404(Server.LAKEFS, what, body, seconds_of(retry_after))
    if transient(status) and kind_of(status, message) is None:
        text = f"lakeFS could not {what}: {status} {message}".rstrip()
        return NoAnswer(Server.LAKEFS, text, seconds_of(retry_after), status)
    return refusal(status, message, what)
