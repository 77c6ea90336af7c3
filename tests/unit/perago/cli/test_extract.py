"""`perago extract`: the TaskDef and the PeragoTask, printed or written."""

import json
from pathlib import Path

import pytest
import yaml

from perago.cli import main
from perago.cli.extract import object_name
from tests.unit.perago.cli.conftest import GOOD, ModuleMaker


def test_the_taskdef_is_printed(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without -o, standard output is the TaskDef's JSON alone."""
    assert main(["extract", good]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "text.repeat"


def test_the_taskdef_is_written_to_a_folder(good: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With -o, a file named after the task is written, its folder made, and its path printed."""
    assert main(["extract", good, "-o", str(tmp_path / "deep" / "defs")]) == 0
    path = tmp_path / "deep" / "defs" / "text.repeat.taskdef.json"
    assert capsys.readouterr().out.strip() == str(path)
    assert json.loads(path.read_text())["concurrentExecLimit"] == 4


def test_a_perago_task_is_yaml_with_what_conductor_and_the_pod_need(
    good: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """--kubernetes gives a PeragoTask with task type, module, image and the limit on attempts at once."""
    assert main(["extract", good, "--kubernetes", "--image", "registry/app:1"]) == 0
    task = yaml.safe_load(capsys.readouterr().out)
    assert task["metadata"] == {"name": "text-repeat"}
    assert task["spec"] == {"taskType": "text.repeat", "module": good, "image": "registry/app:1", "maxConcurrency": 4}


def test_a_guessed_image_is_said_on_standard_error(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --image the manifest is complete, and a remark says that its image is a guess."""
    assert main(["extract", good, "--kubernetes", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["content"]["spec"]["image"] == "text-repeat:latest"
    assert "--image" in printed.err


def test_json_tells_the_path_and_the_content(good: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With -o and --json the answer holds both."""
    assert main(["extract", good, "-o", str(tmp_path), "--kubernetes", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert yaml.safe_load(Path(answer["path"]).read_text()) == answer["content"]


def test_a_module_with_problems_is_not_extracted(module: ModuleMaker, capsys: pytest.CaptureFixture[str]) -> None:
    """Problems are reported as by check, and nothing is printed."""
    root = GOOD.replace("class Report(BaseModel):\n    lines: int", "class Report(perago_root):\n    root: int")
    source = "from pydantic import RootModel as perago_root\n" + root
    assert main(["extract", module(source)]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "RootModel" in printed.err


@pytest.mark.parametrize(
    ("name", "want"), [("Features.Build_v2", "features-build-v2"), ("--", "task"), ("x" * 300, "x" * 253)]
)
def test_object_names_are_what_kubernetes_takes(name: str, want: str) -> None:
    """Lower case letters, digits and `-`, at most 253 characters, never empty."""
    assert object_name(name) == want
