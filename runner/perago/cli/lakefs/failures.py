"""What lakeFS's refusals mean to people: one table from a failed call to a message with the remedy.

It knows no library: `perago.cli.lakefs.repository` takes errors of the SDK apart.
"""

from dataclasses import dataclass
from typing import Final

from perago.cli.output import Unusable, printable
from perago.problems import Problem

LONGEST_ANSWER = 500
"""Characters of the server's own words that a message shows."""
GONE: Final = 404
READ_ONLY: Final = "read-only"
PROTECTED: Final = "protected branch"
DIRTY: Final = "dirty branch"
HOOK: Final = "hook aborted"
NO_CHANGES: Final = "no changes"


@dataclass(frozen=True)
class Call:
    """One call: what it does in words, on which repository, and the right that it takes."""

    what: str
    repository: str
    right: str


class LakefsFailed(Unusable):
    """lakeFS cannot be reached, or refuses a call; the message says which, and what to do."""

    exit_code = 3

    def __init__(self, message: str, status: int = 0, words: str = "") -> None:
        super().__init__([Problem(message)])
        self.status = status
        self.words = words

    @property
    def gone(self) -> bool:
        """Whether lakeFS itself says that there is no such object; a 404 of something on the way says nothing."""
        return self.status == GONE and bool(self.words)


def unreachable(call: Call, api: str, reason: str) -> LakefsFailed:
    """No answer came."""
    remedy = "check the URL and the network"
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        remedy = "name the file with its authority's certificates in SSL_CERT_FILE"
    return LakefsFailed(f"lakeFS cannot be reached at {api} to {call.what}: {_cut(reason)}; {remedy}")


def refused(call: Call, api: str, status: int, words: str | None) -> LakefsFailed:
    """An answer that is no success; `words` are lakeFS's own, None where something on the way has answered."""
    if words is None:
        text = f"{api} answers {status} to {call.what}, but not in lakeFS's words; check the URL"
        return LakefsFailed(text, status)
    return LakefsFailed(
        f"lakeFS cannot {call.what}: {status} {_cut(words)}; {_remedy(call, status, words)}", status, words
    )


def _remedy(call: Call, status: int, words: str) -> str:
    if READ_ONLY in words:
        return f"repository {call.repository!r} is read-only, and nothing can be published or changed there"
    if PROTECTED in words:
        return "a rule of the repository protects the branch; ask its owner to change the rule"
    if DIRTY in words:
        return "somebody's uncommitted changes are on the branch; commit or reset them, then try again"
    if HOOK in words:
        return "a hook of the repository refuses it; see the repository's actions in lakeFS"
    return _BY_STATUS.get(status, "look into the server's log").format(right=call.right, repository=call.repository)


_BY_STATUS: Final = {
    401: "it does not know the keys; renew LAKECTL_CREDENTIALS_ACCESS_KEY_ID and LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY",
    403: "the keys lack the right {right}; ask for a policy that allows it on the repository {repository!r}",
    404: "check the name, and that the keys are those of the right server",
    409: "somebody is changing the same, so try again",
    429: "the server is busy, so try again",
}


def _cut(text: str) -> str:
    line = printable(" ".join(text.split()))
    return line if len(line) <= LONGEST_ANSWER else f"{line[:LONGEST_ANSWER]}…"
