"""`perago run`: the attempt core on a local folder."""

import io
import json
import os
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
    assert answer["result"]["output"]["workspace"]["ref"] == "local-published"
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
    assert json.loads(printed.out)["result"]["output"] == {"result": {"x": 8}}
    assert "does not take a workspace" in printed.err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "in.json' is not JSON: line 1, column 2"),
        ("[]", 'in.json\' must contain an object such as {"params": {}}, not a list'),
        ("null", "not null"),
        ('{"factor": 3}', 'in.json\' has no key "params"; wrap the parameters in {"params": {…}}; keys: \'factor\''),
        ("\xff", "in.json' is not valid UTF-8 at byte 0"),
        ("9" * 5000, "in.json' cannot be read: Exceeds the limit"),
        ("[" * 100_000, "in.json' cannot be read: maximum recursion depth exceeded"),
        ('{"params": {"factor": NaN}}', "in.json': the input.params.factor is NaN, which JSON does not have"),
        ('{"params": ' + "[" * 100 + "]" * 100 + "}", "in.json': the input has more than 100 levels"),
        (None, "in.json': No such file or directory"),
    ],
)
def test_input_that_is_no_payload_is_named_before_anything_runs(
    good: str, texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, words: str
) -> None:
    """The option, the file and what is wrong with it are named; the exit code is 2."""
    if content is not None:
        (tmp_path / "in.json").write_text(content, encoding="latin-1")
    assert main(["run", good, "--input", str(tmp_path / "in.json"), "--workspace", str(texts)]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "task 'text.repeat' takes a workspace: pass a folder with --workspace"),
        (["--workspace", "absent"], "--workspace 'absent' does not exist"),
        (["--workspace", ""], "--workspace '' does not exist"),
        (["--workspace", "input.json"], "--workspace 'input.json' is not a folder"),
        (["--workspace", "/proc/self", "--in-place"], "--workspace '/proc/self' is not writable; without --in-place,"),
    ],
)
def test_a_folder_that_cannot_be_used_is_named_before_anything_runs(
    good: str, payload: str, capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    """The option and its value are named; with --json as a problem of the one object; the exit code is 2."""
    assert main(["run", good, "--input", payload, *options]) == 2
    assert words in capsys.readouterr().err
    assert main(["run", good, "--input", payload, *options, "--json"]) == 2
    assert words in json.loads(capsys.readouterr().out)["problems"][0]["message"]


def body_that(lines: str) -> str:
    """The good module with another body."""
    start, end = GOOD.index("    lines = 0\n"), GOOD.index("    return Report")
    return GOOD[:start] + "".join(f"    {line}\n" for line in lines.splitlines()) + "    lines = 0\n" + GOOD[end:]


def test_a_bodys_traceback_begins_in_the_body(
    module: ModuleMaker, texts: Path, payload: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """When the body raises, its author sees their own frames and none of Perago's."""
    assert main(["run", module(body_that("{}['key']")), "--input", payload, "--workspace", str(texts)]) == 1
    printed = capsys.readouterr()
    assert "line 20, in repeat\n    {}['key']" in printed.err
    assert "runner/perago" not in printed.err
    assert "the attempt failed: nothing is published" in printed.out


@pytest.mark.parametrize("keys", ['{"params": {"factor": "x"}}', '{"params": {"q": 1}}', '{"params": {}, "more": 1}'])
def test_a_refused_payload_is_one_line_and_no_traceback(
    good: str, texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], keys: str
) -> None:
    """A wrong value, an unknown parameter and an unknown key fail as in the cluster, without a traceback."""
    (tmp_path / "in.json").write_text(keys)
    assert main(["run", good, "--input", str(tmp_path / "in.json"), "--workspace", str(texts)]) == 1
    printed = capsys.readouterr()
    assert '"status": "FAILED"' in printed.out
    assert len(printed.err.splitlines()) == 1
    assert "failed: Params." in printed.err or "must be exactly params, workspace" in printed.err


def test_a_validation_that_fails_in_the_body_shows_the_bodys_frames(
    module: ModuleMaker, texts: Path, payload: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The author's line that made a wrong value is shown, and no frame of pydantic's."""
    assert main(["run", module(body_that("Params(factor='x')")), "--input", payload, "--workspace", str(texts)]) == 1
    printed = capsys.readouterr()
    assert "line 20, in repeat\n    Params(factor='x')" in printed.err
    assert "pydantic/main.py" not in printed.err


def test_changes_are_unknown_until_the_body_has_ended(
    module: ModuleMaker, texts: Path, payload: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A failed body's changes are null, not empty; its time counts as execution."""
    assert main(["run", module(body_that("1 / 0")), "--input", payload, "--workspace", str(texts), "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["ok"], answer["changes"], answer["applied"]) == (False, None, False)
    assert list(answer["timings"]) == ["downloading", "executing", "total"]


def test_a_read_only_task_publishes_nothing_and_says_so(
    module: ModuleMaker, texts: Path, payload: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the body does to its copy."""
    source = GOOD.replace('prefix="/texts"', 'prefix="/texts", read_only=True')
    assert main(["run", module(source), "--input", payload, "--workspace", str(texts)]) == 0
    assert "read-only: nothing is published" in capsys.readouterr().out


def test_an_output_that_the_cluster_could_not_record_fails_before_the_folder_changes(
    module: ModuleMaker, texts: Path, payload: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The limit of the real attempt holds here, too."""
    source = body_that("(workspace / 'new').write_text('')\nimport os\nparams = os.urandom(10**6).hex()")
    source = source.replace("lines: int", "lines: str").replace("lines=lines", "lines=params")
    assert main(["run", module(source), "--input", payload, "--workspace", str(texts), "--in-place"]) == 1
    assert "over the limit of 921600; write large results to the workspace" in capsys.readouterr().out
    assert not (texts / "new").exists()


def test_the_same_limit_holds_without_a_workspace(
    module: ModuleMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A workspace-free task's output is checked as well."""
    source = FREE.replace("x=2 * params.x", "x=os.urandom(10**6).hex()").replace("x: int", "x: int | str")
    (tmp_path / "in.json").write_text('{"params": {"x": 1}}')
    assert main(["run", module("import os\n" + source), "--input", str(tmp_path / "in.json")]) == 1
    assert "over the limit of 921600" in capsys.readouterr().out


def test_names_and_differences_do_not_steer_the_terminal(
    module: ModuleMaker, texts: Path, payload: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Control characters are shown escaped; a tab stays one."""
    source = body_that(r"(workspace / '\x1b[31m\n').write_text('\x1b[2J\tx\n')")
    assert main(["run", module(source), "--input", payload, "--workspace", str(texts)]) == 0
    text = capsys.readouterr().out
    assert "+ \\x1b[31m\\n\n" in text
    assert "+\\x1b[2J\tx\n" in text


def test_a_name_that_is_not_utf8_leaves_the_json_valid(
    module: ModuleMaker, texts: Path, payload: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Its bytes are escaped on standard output."""
    source = body_that(r"import os; (workspace / os.fsdecode(b'\xff')).write_text('')")
    assert main(["run", module(source), "--input", payload, "--workspace", str(texts), "--json"]) == 1
    assert json.loads(capfdbinary.readouterr().out.decode("utf-8"))["changes"]["added"] == ["\udcff"]


def test_a_long_difference_is_cut_and_says_so(
    module: ModuleMaker, texts: Path, payload: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """At most a hundred paths and five hundred lines; anything but a short text is shown by its sizes."""
    source = body_that(
        "for n in range(300): (workspace / f'{n:03}').write_text('x\\n' * 9)\n(workspace / '+').write_bytes(bytes(9))"
    )
    assert main(["run", module(source), "--input", payload, "--workspace", str(texts)]) == 0
    text = capsys.readouterr().out
    for words in (
        "\n… and 201 more files\n",
        "\n… the rest of the difference is not shown\n",
        "+: absent before, 9 bytes",
    ):
        assert words in text
    assert len(text.splitlines()) < 650


def test_a_file_takes_a_folders_place(module: ModuleMaker, texts: Path, payload: str) -> None:
    """In place, an empty folder within it does not stand in the way."""
    (texts / "sub" / "empty").mkdir()
    source = body_that("import shutil; shutil.rmtree(workspace / 'sub'); (workspace / 'sub').write_text('now')")
    assert main(["run", module(source), "--input", payload, "--workspace", str(texts), "--in-place"]) == 0
    assert (texts / "sub").read_text() == "now"


def test_changes_that_cannot_be_applied_are_said_to_be_so(
    module: ModuleMaker, texts: Path, payload: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In place, a failure names the path, and does not claim that the folder is as it was."""
    source = body_that(
        f"(workspace / 'new').mkdir(); (workspace / 'new' / 'x').write_text('')\n"
        f"Path({str(texts / 'new')!r}).write_text('in the way')"
    )
    assert main(["run", module(source), "--input", payload, "--workspace", str(texts), "--in-place"]) == 1
    text = capsys.readouterr().out
    assert f"{texts}/new cannot be changed: File exists; {texts} may contain part of the changes" in text
    assert "the attempt failed while its changes were being applied to the folder" in text


def test_only_the_marker_at_the_root_is_left_out(module: ModuleMaker, texts: Path, payload: str) -> None:
    """A file of the marker's name further down is the author's."""
    for folder in (texts, texts / "sub"):
        (folder / ".perago-attempt.json").write_text("{}")
    source = body_that("assert (workspace / 'sub' / '.perago-attempt.json').read_text() == '{}'")
    assert main(["run", module(source), "--input", payload, "--workspace", str(texts)]) == 0


def test_a_workspace_around_the_temporary_folder_is_not_copied_into_itself(
    good: str, texts: Path, payload: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the workspace is /tmp."""
    monkeypatch.setattr("tempfile.tempdir", str(texts / "sub"))
    assert main(["run", good, "--input", payload, "--workspace", str(texts)]) == 0


def test_a_file_that_cannot_be_copied_is_named(
    good: str, texts: Path, payload: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pipe in the folder fails the attempt before the body runs."""
    os.mkfifo(texts / "pipe")
    assert main(["run", good, "--input", payload, "--workspace", str(texts)]) == 1
    assert (
        f"the workspace {texts} cannot be copied: {texts}/pipe: `{texts}/pipe` is a named pipe"
        in capsys.readouterr().out
    )


@pytest.mark.parametrize("declared", [True, False])
def test_what_is_excluded_is_not_shown_as_a_change(
    module: ModuleMaker, texts: Path, payload: str, capsys: pytest.CaptureFixture[str], declared: bool
) -> None:
    """Whether the task declares it or, like a PeragoTask, the command line adds it; a symlink is no error then."""
    source = GOOD.replace("    lines = 0\n", '    lines = 0\n    (workspace / "latest").symlink_to("a.txt")\n')
    if declared:
        source = source.replace('prefix="/texts"', 'prefix="/texts", exclude=["latest"]')
    more = [] if declared else ["--exclude", "latest"]
    command = ["run", module(source), "--input", payload, "--workspace", str(texts), "--json", *more]
    assert main(command) == 0
    changes = json.loads(capsys.readouterr().out)["changes"]
    assert changes == {"added": [], "modified": ["a.txt"], "deleted": []}


def test_a_pattern_that_is_none_is_a_mistake_of_the_command(
    good: str, texts: Path, payload: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before the body runs."""
    assert main(["run", good, "--input", payload, "--workspace", str(texts), "--exclude", "foo["]) == 2
    assert "--exclude: WorkspaceSpec.exclude: 'foo[' matches nothing" in capsys.readouterr().err
