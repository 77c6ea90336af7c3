"""What `perago extract --kubernetes` writes is what a real API server takes."""

from pathlib import Path

import pytest

from perago.cli import main
from tests.contract.crds.conftest import Server

MODULE = """
from pydantic import BaseModel
import perago

class Params(BaseModel):
    x: int

@perago.task(
    name="Team.Double_It",
    owner_email="a@example.org",
    controls=perago.TaskControls(limits=perago.ExecutionLimits(concurrent_exec_limit=3)),
)
def double(params: Params) -> Params:
    return Params(x=2 * params.x)
"""


def test_an_extracted_task_is_applied(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """kubectl applies the file, and the object has the module, the image and the limit."""
    (tmp_path / "extracted_sample.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert main(["extract", "extracted_sample", "--kubernetes", "--image", "app:1", "-o", str(tmp_path)]) == 0
    server.prints("apply", "-f", str(tmp_path / "Team.Double_It.peragotask.yaml"))
    shown = server.prints("get", "peragotask", "team-double-it", "-o", "jsonpath={.spec.module} {.spec.maxConcurrency}")
    assert shown == "extracted_sample 3"
