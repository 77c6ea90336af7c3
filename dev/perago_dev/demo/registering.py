"""Registers the demo's definitions in Conductor as an author does: with `perago register`."""

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from perago_dev.demo import definitions, own_task
from perago_dev.host import commands


def register(url: str, log: Path) -> None:
    """The example's and the demo's own tasks and workflows; raises CommandFailed with what the command said."""
    _run(url, log, definitions.EXAMPLE, definitions.MODULES, [definitions.WORKFLOW_FILE])
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{task_type}.json" for task_type in own_task.MODULES]
        for file, task_type in zip(files, own_task.MODULES, strict=True):
            file.write_text(json.dumps(own_task.workflow(task_type)))
        _run(url, log, own_task.IMAGE_FOLDER, list(own_task.MODULES.values()), files)


def _run(url: str, log: Path, folder: Path, modules: Sequence[str], workflows: Sequence[Path]) -> None:
    files = [word for file in workflows for word in ("--workflow", str(file))]
    commands.run(
        [sys.executable, "-m", "perago.cli", "register", *modules, *files, "--url", url],
        log=log,
        cwd=folder,
        env={"PYTHONDONTWRITEBYTECODE": "1"},
    )
