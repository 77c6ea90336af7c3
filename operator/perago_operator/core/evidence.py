"""Did a pod that ended without reporting publish its work? What to ask lakeFS, and what its answer means. Pure."""

from perago.wire import Outcome, published_output, stored_output
from perago_operator.api.base import JsonObject
from perago_operator.api.reasons import Reason
from perago_operator.core.actions import AskEvidence
from perago_operator.core.situation import Situation


def question(s: Situation) -> AskEvidence | None:
    """What to ask; None when the answer is there, or when nothing can have been published.

    A staging branch is planned in the status before it exists, so without one there is no publication.
    """
    evidence = s.memory.evidence
    if s.status.staging is None or (evidence and evidence.execution == s.execution):
        return None
    workspace = _workspace(s)
    return AskEvidence(workspace["repository"], workspace["branch"], workspace["ref"]) if workspace else None


def outcome(s: Situation) -> Outcome | None:
    """COMPLETED with the output that the publication carries; None without a publication, or where it has no output."""
    publication, workspace = s.publication, _workspace(s)
    output = published_output(publication.metadata) if publication else None
    if publication is None or workspace is None or output is None:
        return None
    completed = {"workspace": {**workspace, "ref": publication.ref}, **output}
    where = f"commit {publication.ref} on {workspace['branch']}"
    end = f"the agent gave up with {s.recoverable.reason}" if s.recoverable else "the pod ended before reporting"
    message = with_strays(s, f"{end}, but its work is published as {where}")
    return Outcome(status="COMPLETED", reason=Reason.COMPLETED.value, message=message, **stored_output(completed))


def with_strays(s: Situation, message: str) -> str:
    """The message, with what the attempt has left on the branch: its agent did not live to take it back."""
    workspace = _workspace(s)
    if not s.astray or workspace is None:
        return message
    branch = f"the branch {workspace['branch']!r} of {workspace['repository']}"
    left = f"this attempt left {', '.join(s.astray)} on top of other commits of {branch}"
    return f"{message}; {left}: undo that with `lakectl branch revert`"


def _workspace(s: Situation) -> dict[str, str] | None:
    """The workspace as the input spells it; from the agent's report where the input is kept in Conductor."""
    workspace = (s.attempt.spec.input or {}).get("workspace")
    if isinstance(workspace, dict):
        return _complete(workspace)
    reported = s.status.workspace
    if reported is None or not (reported.repository and reported.branch and reported.input_ref):
        return None
    return {
        "repository": reported.repository,
        "branch": reported.branch,
        "refType": "commit",
        "ref": reported.input_ref,
    }


def _complete(workspace: JsonObject) -> dict[str, str] | None:
    """The input's workspace if it is complete; whether it is otherwise right is the attempt core's business."""
    strings = {key: value for key, value in workspace.items() if isinstance(value, str)}
    return strings if {"repository", "branch", "ref"} <= strings.keys() else None
