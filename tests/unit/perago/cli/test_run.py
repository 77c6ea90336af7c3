"""`perago run`: the attempt core on a local folder."""

import io
import json
from pathlib import Path

import pytest

from perago.cli import main
from tests.unit.perago.cli.conftest import GOOD, ModuleMaker


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """A workspace with a text, one that is not UTF-8, and a folder."""
    folder = tmp_path / "workspace"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("one\n")
    (folder / "sub" / "raw.bin").write_bytes(b"\xff\xfe")
    return folder


@pytest.fixture
def payload(tmp_path: Path) -> str:
    """A file with the params alone."""
    path = tmp_path / "input.json"
    path.write_text('{"params": {"factor": 3}}')
    return str(path)


def test_the_difference_the_result_and_the_timings_are_shown(
    good: str, texts: Path, payload: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --in-place, what would be published is shown and the folder is left as it was."""
    assert main(["run", good, "--input", payload, "--workspace", str(texts)]) == 0
    text = capsys.readouterr().out
    for words in ("~ a.txt", "+one", '"lines": 3', "the folder is left as it was", "downloading ", "total "):
        assert words in text
    assert (texts / "a.txt").read_text() == "one\n"


def test_in_place_applies_the_changes(good: str, texts: Path, payload: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With --in-place the folder is what the branch would be."""
    assert main(["run", good, "--input", payload, "--workspace", str(texts), "--in-place", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["changes"]["modified"], answer["applied"]) == (["a.txt"], True)
    assert answer["result"]["outputData"]["workspace"]["ref"] == "local-published"
    assert (texts / "a.txt").read_text() == "one\n" * 3


REPLACING = GOOD.replace(
    "    lines = 0\n",
    '    (workspace / "a.txt").unlink()\n    (workspace / "a.txt").mkdir()\n'
    '    (workspace / "a.txt" / "b").write_bytes(b"\\xff" * 70000)\n'
    '    (workspace / "sub" / "raw.bin").unlink()\n    return Report(lines=0)\n',
)


def test_in_place_lets_a_folder_take_a_files_place(module: ModuleMaker, texts: Path, payload: str) -> None:
    """Deletions come before additions, and folders that become empty go."""
    assert main(["run", module(REPLACING), "--input", payload, "--workspace", str(texts), "--in-place"]) == 0
    assert sorted(path.relative_to(texts).as_posix() for path in texts.rglob("*")) == ["a.txt", "a.txt/b"]


def test_nothing_changed_is_said(
    module: ModuleMaker, texts: Path, payload: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A body that changes nothing completes with the input's ref."""
    source = GOOD.replace("        path.write_text(text)\n", "")
    assert main(["run", module(source), "--input", payload, "--workspace", str(texts)]) == 0
    assert "nothing changed" in capsys.readouterr().out


def test_a_failed_attempt_exits_1_with_its_reason(
    good: str, texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A guardrail that does not hold is a terminal result on standard output and a traceback in the log."""
    (texts / "a.txt").unlink()
    (tmp_path / "in.json").write_text('{"params": {}}')
    assert main(["run", good, "--input", str(tmp_path / "in.json"), "--workspace", str(texts), "--json"]) == 1
    result = json.loads(capsys.readouterr().out)["result"]
    assert result["status"] == "FAILED_WITH_TERMINAL_ERROR"
    assert "require_glob: '*.txt' matches 0 files" in result["reasonForIncompletion"]


def test_a_symlink_is_refused_by_name(
    module: ModuleMaker, texts: Path, payload: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A body that leaves a symlink fails, as it would in the cluster."""
    source = GOOD.replace("    lines = 0\n", '    lines = 0\n    (workspace / "link").symlink_to("a.txt")\n')
    assert main(["run", module(source), "--input", payload, "--workspace", str(texts)]) == 1
    assert "'link' is a symlink" in capsys.readouterr().out


def test_input_may_come_from_standard_input(
    good: str, texts: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--input -` reads the payload from standard input."""
    monkeypatch.setattr("sys.stdin", io.StringIO('{"params": {}}'))
    assert main(["run", good, "--input", "-", "--workspace", str(texts)]) == 0


FREE = """
from pydantic import BaseModel
import perago

class Params(BaseModel):
    x: int

@perago.task(name="double", owner_email="a@example.org")
def double(params: Params) -> Params:
    return Params(x=2 * params.x)
"""


def test_a_workspace_free_task_needs_no_folder(
    module: ModuleMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A task without workspace runs on its params; a folder given nevertheless is remarked upon."""
    (tmp_path / "in.json").write_text('{"params": {"x": 4}}')
    assert (
        main(["run", module(FREE), "--input", str(tmp_path / "in.json"), "--workspace", str(tmp_path), "--json"]) == 0
    )
    printed = capsys.readouterr()
    assert json.loads(printed.out)["result"]["outputData"] == {"result": {"x": 8}}
    assert "takes no workspace" in printed.err


@pytest.mark.parametrize(
    ("content", "workspace", "words"),
    [
        ("{", ".", "--input"),
        ("[]", ".", "must hold an object"),
        ('{"params": {}}', "absent", "--workspace must name a folder"),
        ('{"params": {}}', None, "--workspace must name a folder"),
    ],
)
def test_unusable_options_are_named_before_anything_runs(
    good: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, workspace: str | None, words: str
) -> None:
    """Input that is no JSON object and a folder that is not there exit 1 and name the option."""
    (tmp_path / "in.json").write_text(content)
    given = [] if workspace is None else ["--workspace", workspace]
    assert main(["run", good, "--input", str(tmp_path / "in.json"), *given]) == 1
    assert words in capsys.readouterr().err
