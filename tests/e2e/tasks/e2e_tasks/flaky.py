"""Fails in the first attempt and completes in the retry."""

import json
from pathlib import Path

import perago
from e2e_tasks.shapes import Answer, Numbers


@perago.task(name="e2e-flaky", owner_email="tests@example.com", workspace=perago.WorkspaceSpec())
def body(workspace: Path, params: Numbers) -> Answer:
    """The marker beside the user's files says which attempt this is."""
    marker = json.loads((workspace / ".perago-attempt.json").read_text())
    (workspace / "retried.txt").write_text(f"retry {marker['retry_count']}")
    if marker["retry_count"] == 0:
        raise perago.TaskFailed("the first attempt fails on purpose")
    return Answer(text=params.text, files=1)
