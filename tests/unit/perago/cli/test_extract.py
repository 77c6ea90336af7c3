"""`perago extract`: the TaskDef and the PeragoTask, printed or written."""

import io
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
    """--kubernetes writes a PeragoTask with task type, module, image and the limit on concurrent attempts."""
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


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-o", "taken"], "-o taken: taken/text.repeat.taskdef.json cannot be written: File exists"),
        (["-o", "taken/deeper"], "cannot be written: Not a directory"),
        (["-o", "task.json"], "-o takes a folder, not 'task.json'; the file in it is named after the task"),
        (["-o", ""], "-o takes a folder, not ''"),
        (["--image", "app:1"], "--image needs --kubernetes"),
        (["--kubernetes", "--image", "an app"], "--image must name an image"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(
    good: str, capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    """The text names the option and its value, nothing is on standard output, and the exit code is 2."""
    Path("taken").write_text("")
    assert main(["extract", good, *options]) == 2
    printed = capsys.readouterr()
    assert (words in printed.err, printed.out) == (True, "")


def test_what_is_doubtful_is_warned_of(module: ModuleMaker, capsys: pytest.CaptureFixture[str]) -> None:
    """A warning is one line of the command's, without a line of its source."""
    budget = "perago.PublishBudget(200, 100, 300, 30, 300, 60)"
    assert main(["extract", module(GOOD.replace("TaskControls(", f"TaskControls(publish_budget={budget}, "))]) == 0
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert told[0].startswith("warning: task 'text.repeat': Conductor gives up after timeout.response_seconds=600")


def test_a_name_that_is_not_ascii_is_extracted_for_every_terminal(
    module: ModuleMaker, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where standard output is ASCII, JSON and YAML escape all other characters."""
    name = module(GOOD.replace("text.repeat", "wörter"))
    stdout = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr("sys.stdout", stdout)
    assert main(["extract", name]) == main(["extract", name, "--kubernetes", "--image", "x"]) == 0
    stdout.seek(0)
    taskdef, _, manifest = stdout.read().partition("\napiVersion")
    assert json.loads(taskdef)["name"] == yaml.safe_load("apiVersion" + manifest)["spec"]["taskType"] == "wörter"
