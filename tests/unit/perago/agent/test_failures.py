"""Every exception of the agent has a row: the class for the task, and the reason for the outcome."""

import errno

import pytest

from perago import errors
from perago.agent import failures, mounts, outcome
from perago.agent.clients import attempt_api, conductor, http, lakefs_errors
from perago.agent.data import volume
from perago.agent.failures import failure_of
from perago.wire import Reason

MODULES = (attempt_api, conductor, failures, http, lakefs_errors, mounts, outcome, volume)


def classes() -> list[type[Exception]]:
    """The exceptions that the agent's modules define."""
    return [
        kind
        for module in MODULES
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Exception) and kind.__module__ == module.__name__
    ]


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
def test_no_exception_of_the_agent_is_unmapped(kind: type[Exception]) -> None:
    """Each has a reason of its own, is never an internal error, and raises a class that the task knows."""
    of_server = issubclass(kind, http.NoAnswer | http.Insecure)
    error = kind(http.Server.LAKEFS, "silence") if of_server else kind("lakeFS refused")
    failure = failure_of(error)
    assert failure.reason != "AgentError"
    assert issubclass(getattr(errors, failure.error), Exception)


@pytest.mark.parametrize(
    ("server", "reason"),
    [
        (http.Server.LAKEFS, Reason.LAKEFS_UNREACHABLE),
        (http.Server.CONDUCTOR, Reason.CONDUCTOR_UNREACHABLE),
        (http.Server.CLUSTER, Reason.CLUSTER_UNREACHABLE),
    ],
)
def test_the_reason_of_no_answer_names_the_server(server: http.Server, reason: Reason) -> None:
    """Whatever the text says."""
    assert failure_of(http.NoAnswer(server, "lakeFS and Conductor are behind the API server")).reason == reason


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_a_full_volume(number: int) -> None:
    """Wherever it is noticed."""
    assert failure_of(OSError(number, "full")).reason == "VolumeFull"


def test_what_a_retry_cannot_mend_is_terminal() -> None:
    """A Secret that is missing stays so until people create it; lakeFS may be back for the next attempt."""
    assert failure_of(mounts.MissingKeys("no Secret")).error == errors.TaskTerminalError.__name__
    assert failure_of(http.NoAnswer(http.Server.LAKEFS, "silent")).error == errors.TaskExecutionError.__name__


def test_anything_unforeseen_is_an_error_of_the_agent() -> None:
    """The task learns that it is not its own fault."""
    failure = failure_of(RuntimeError("boom"))
    assert failure.reason == "AgentError"
    assert "the agent failed" in failure.message


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "commit: no changes", lakefs_errors.NoChanges),
        (400, "update branch main: no changes", lakefs_errors.NoChanges),
        (400, "uncommitted changes (dirty branch)", lakefs_errors.UncommittedChanges),
        (400, "something else", lakefs_errors.Refused),
        (401, "error authenticating request", lakefs_errors.Unauthorized),
        (403, "cannot write to protected branch", lakefs_errors.Forbidden),
        (404, "repository not found", lakefs_errors.RepositoryNotFound),
        (404, "branch not found", lakefs_errors.RefNotFound),
        (409, "", lakefs_errors.Conflict),
        (412, "pre-merge hook aborted", lakefs_errors.HookRefused),
        (500, "prepare-commit hook aborted, run id", lakefs_errors.HookRefused),
        (418, "teapot", lakefs_errors.Refused),
    ],
)
def test_lakefs_refusals_by_status_and_words(status: int, message: str, kind: type[Exception]) -> None:
    """The words are those of a real server; they travel with the exception."""
    error = lakefs_errors.refusal(status, message, "merge")
    assert type(error) is kind
    assert message in str(error)
