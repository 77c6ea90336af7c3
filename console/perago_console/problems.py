"""Why a command cannot do what it was asked: a sentence for people, and the exit code."""

from typing import Final

FAILED: Final = 1
"""The object says failure, or does not exist."""
MISUSED: Final = 2
"""An option cannot be used, or there is no kubeconfig."""
REFUSED: Final = 3
"""A server cannot be reached, or refuses."""


class Problem(Exception):
    """Ends a command; its text is a sentence that says what to do."""

    exit_code = FAILED


class NotFound(Problem):
    """There is no such object."""


class Misused(Problem):
    """An option, a variable or the kubeconfig cannot be used."""

    exit_code = MISUSED


class Unanswered(Problem):
    """A server cannot be reached, or its answer is an error."""

    exit_code = REFUSED


class Forbidden(Unanswered):
    """The server knows who asks, and does not allow it; the text names the missing right."""
