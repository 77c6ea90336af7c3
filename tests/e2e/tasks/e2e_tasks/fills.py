"""Writes more into its workspace than the workspace may hold."""

import time
from pathlib import Path

import perago
from e2e_tasks.shapes import Answer, Numbers


@perago.task(name="e2e-fills", owner_email="tests@example.com", workspace=perago.WorkspaceSpec())
def body(workspace: Path, params: Numbers) -> Answer:
    """Write 64 MiB, and stay until the kubelet has counted them."""
    (workspace / "large.bin").write_bytes(bytes(64 << 20))
    time.sleep(params.delay)
    return Answer(text=params.text, files=1)
