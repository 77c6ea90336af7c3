"""What `perago extract --kubernetes` writes is what a real API server takes."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from perago.cli import main
from tests.kubectl import Kubectl

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "authors-guide.md"

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


def test_an_extracted_task_is_applied(kubectl: Kubectl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """kubectl applies the file, and the object has the module, the image and the limit."""
    (tmp_path / "extracted_sample.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert main(["extract", "extracted_sample", "--kubernetes", "--image", "app:1", "-o", str(tmp_path)]) == 0
    kubectl("apply", "-f", str(tmp_path / "Team.Double_It.peragotask.yaml"))
    shown = kubectl("get", "peragotask", "team-double-it", "-o", "jsonpath={.spec.module} {.spec.maxConcurrency}")
    assert shown == "extracted_sample 3"


def test_the_authors_guide_applies_its_task(kubectl: Kubectl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guide's own line, in a shell, on what its own module and `perago extract` give."""
    guide = GUIDE.read_text()
    (source,) = re.findall(r"^```python file=wordcount.py\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    (line,) = re.findall(r"^kubectl .*", guide, re.MULTILINE)
    (tmp_path / "wordcount.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert main(["extract", "wordcount", "--kubernetes", "--image", "app:1", "-o", str(tmp_path / "deploy")]) == 0
    kubectl("create", "namespace", "jobs")
    path = f"{kubectl.program.parent}:{os.environ['PATH']}"
    environment = os.environ | {"KUBECONFIG": str(kubectl.kubeconfig), "PATH": path}
    subprocess.run(["bash", "-c", line], cwd=tmp_path, env=environment, check=True)
    assert kubectl("-n", "jobs", "get", "peragotask", "wordcount", "-o", "jsonpath={.spec.module}") == "wordcount"


def test_standard_output_is_applied_as_it_is(
    kubectl: Kubectl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """`perago extract … --kubernetes | kubectl apply -f -` takes a module that prints while it is imported."""
    (tmp_path / "printing_sample.py").write_text('print("hello")\n' + MODULE.replace("Double_It", "Printing"))
    monkeypatch.syspath_prepend(str(tmp_path))
    assert main(["extract", "printing_sample", "--kubernetes", "--image", "app:1"]) == 0
    (tmp_path / "task.yaml").write_text(capfd.readouterr().out)
    kubectl("apply", "--server-side", "--dry-run=server", "-f", str(tmp_path / "task.yaml"))
