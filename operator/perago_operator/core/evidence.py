"""Did a pod that ended without a word publish its work? What to ask lakeFS, and what its answer means. Pure."""

import json

from perago.wire import Outcome, metadata_keys, stored_output
from perago_operator.api.base import JsonObject
from perago_operator.api.reasons import Reason
from perago_operator.core.actions import AskEvidence
from perago_operator.core.situation import Situation


def question(s: Situation) -> AskEvidence | None:
    """What to ask; None when the answer is there, or when nothing can have been published.

    A staging branch is planned in the status before it exists, so without one there is no publication.
    """
    known = s.memory.evidence
    if s.status.staging is None or (known and known.execution == s.execution):
        return None
    workspace = _workspace(s)
    return AskEvidence(workspace["repository"], workspace["branch"], workspace["ref"]) if workspace else None


def outcome_from(s: Situation) -> Outcome | None:
    """COMPLETED with the output that the publication carries; None without a publication, or where it has no output."""
    found, workspace = s.memory.evidence, _workspace(s)
    if found is None or found.ref is None or workspace is None or metadata_keys.OUTPUT not in found.metadata:
        return None
    output = json.loads(found.metadata[metadata_keys.OUTPUT])
    told = f"the pod ended before it could say so: commit {found.ref} on {workspace['branch']} carries its work"
    completed = {"workspace": {**workspace, "ref": found.ref}, **output}
    return Outcome(status="COMPLETED", reason=Reason.COMPLETED.value, message=told, **stored_output(completed))


def _workspace(s: Situation) -> dict[str, str] | None:
    """The workspace as the input spells it; from the agent's report where the input is kept in Conductor."""
    given = (s.attempt.spec.input or {}).get("workspace")
    if isinstance(given, dict):
        return _strings(given)
    reported = s.status.workspace
    if reported is None or not (reported.repository and reported.branch and reported.input_ref):
        return None
    return {
        "repository": reported.repository,
        "branch": reported.branch,
        "refType": "commit",
        "ref": reported.input_ref,
    }


def _strings(given: JsonObject) -> dict[str, str] | None:
    """The input's workspace if it is complete; whether it is otherwise right is the attempt core's business."""
    workspace = {key: value for key, value in given.items() if isinstance(value, str)}
    return workspace if {"repository", "branch", "ref"} <= workspace.keys() else None
