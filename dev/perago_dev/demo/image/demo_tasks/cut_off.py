"""The same task as `patient` under another name; its agents are sent to a lakeFS that never answers merges."""

from pathlib import Path

import perago
from demo_tasks.patient import CONTROLS, Nothing, Run, patient


@perago.task(name="demo_cut_off", owner_email="demo@perago.dev", workspace=perago.WorkspaceSpec(), controls=CONTROLS)
def cut_off(workspace: Path, params: Nothing) -> Run:
    """Do what the other task does."""
    return patient(workspace, params)
