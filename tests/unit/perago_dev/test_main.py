"""The command line: every command is there, and problems are said to people."""

from pathlib import Path

import pytest

from perago_dev import __main__


@pytest.mark.parametrize("name", sorted(__main__.COMMANDS))
def test_every_command_is_understood(name: str) -> None:
    """Each command of the table is accepted, and has a help text."""
    assert __main__.parser().parse_args([name]).command == name
    assert __main__.COMMANDS[name][1]


def test_unknown_environment_is_an_exit_code_and_a_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A problem is shown to people without a traceback."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert __main__.main(["env", "--name", "nowhere"]) == 1
    assert "up --name nowhere" in capsys.readouterr().err
