"""The commands: nothing is built before all is right, and a release that differs from itself is no release."""

from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

import pytest

from perago_dev.artifacts import __main__ as command
from perago_dev.artifacts import audit, bases, checkout, making
from perago_dev.artifacts.plan import Release
from perago_dev.host import packages
from tests.unit.perago_dev.artifacts.test_plan import COMMIT

Make = Callable[[Release, str, Sequence[str], Path], None]


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where results go, on a machine that has what building needs, and with a commit that can be released."""
    monkeypatch.setattr(command, "RESULTS", tmp_path)
    monkeypatch.setattr(packages, "install", lambda programs: False)
    monkeypatch.setattr(audit, "asked", lambda locks: "no known vulnerability")
    monkeypatch.setattr(bases, "architectures", lambda: ("amd64",))
    monkeypatch.setattr(checkout, "head", lambda: COMMIT)
    monkeypatch.setattr(checkout, "uncommitted", lambda: ())
    return tmp_path


def builder(monkeypatch: pytest.MonkeyPatch, *, differs: bool = False) -> list[str]:
    """Builds one file, which may be another one each time; returns the texts of the notes so far."""
    made: list[str] = []
    numbers = count()

    def make(release: Release, text: str, architectures: Sequence[str], folder: Path) -> None:
        made.append(text)
        (folder / "same").write_text(release.version)
        (folder / "image").write_text(str(next(numbers)) if differs else "image")

    monkeypatch.setattr(making, "make", make)
    return made


def test_a_release_is_whole_or_not_there(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its folder has all files, and nothing is left of an attempt that did not end."""
    (results / "1.2.0.unfinished").mkdir()
    (results / "1.2.0.unfinished" / "left").touch()
    made = builder(monkeypatch)
    assert command.main(["make", "1.2.0"]) == 0
    assert sorted(file.name for file in (results / "1.2.0").iterdir()) == ["image", "same"]
    assert [file.name for file in results.iterdir()] == ["1.2.0"]
    assert made[0].startswith("### Added")


def test_nothing_is_built_while_something_stands_in_the_way(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Everything that does is told, and the exit code says that there is no release."""
    made = builder(monkeypatch)
    monkeypatch.setattr(checkout, "uncommitted", lambda: ("README.md",))
    assert command.main(["make", "1.3.0"]) == 1
    said = capsys.readouterr().err
    assert "1.3.0 cannot be made yet" in said
    assert "README.md" in said
    assert made == []


def test_a_release_that_is_there_is_not_replaced(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may have been published."""
    made = builder(monkeypatch)
    (results / "1.2.0").mkdir()
    assert command.main(["make", "1.2.0"]) == 1
    assert "exists already" in capsys.readouterr().err
    assert made == []


def test_the_check_makes_a_release_twice(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """And says of what is the same how large it is."""
    made = builder(monkeypatch)
    assert command.main(["check"]) == 0
    assert len(made) == 2
    assert capsys.readouterr().out.endswith("2 files, the same bytes twice\n")


def test_the_check_fails_where_bytes_differ(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the names of the files."""
    builder(monkeypatch, differs=True)
    assert command.main(["check"]) == 1
    assert capsys.readouterr().out.endswith("differs: image\n")
