"""How `perago` finds the console, and what it says when something is missing."""

import sys

import pytest

from perago import cli
from perago.cli import console
from perago_console import COMMANDS, app, options
from perago_console.problems import Forbidden, Misused
from perago_console.session import Session
from tests.unit.perago_console.kit import FakeCluster, session
from tests.unit.perago_console.test_commands import cluster

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """The cluster of the kubeconfig."""
    found = cluster()
    monkeypatch.setattr(options, "session_in", lambda *_: session(found))
    return found


@pytest.mark.usefixtures("fake")
def test_perago_runs_the_consoles_commands(capsys: Captured) -> None:
    """As it runs its own."""
    assert cli.main(["list", "-o", "name", "--waiting"]) == 0
    assert capsys.readouterr().out == "peragoattempts.perago.dev/waits\n"


def test_help_shows_all_commands(capsys: Captured) -> None:
    """The author's and those of the console, each of which exists."""
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    shown = capsys.readouterr().out
    assert all(f"\n    {name}" in shown for name in (*cli.COMMANDS, *COMMANDS))
    assert {
        command.name or command.callback.__name__ for command in app.app.registered_commands if command.callback
    } >= set(COMMANDS)


def test_where_it_is_not_installed_perago_has_its_own_commands(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in the image of a task."""
    monkeypatch.setattr(console, "PACKAGE", "perago_console_that_is_not_there")
    with pytest.raises(SystemExit):
        cli.main(["list"])
    assert "invalid choice: 'list'" in capsys.readouterr().err


def test_a_missing_library_is_named(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the extra that brings it."""
    monkeypatch.delitem(sys.modules, "perago_console.app")
    monkeypatch.setitem(sys.modules, "typer", None)
    assert cli.main(["list"]) == 2
    assert (
        "perago list needs the extra console: install it with pip install 'perago[console]'" in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("words", "code", "want"),
    [
        (["explain", "lost"], 1, ""),
        (
            ["describe", "nobody"],
            1,
            "perago: there is no attempt nobody in namespace ns; `perago list -A` shows all of them",
        ),
        (["list", "--since", "soon"], 2, "perago: --since: 'soon' is not a length of time such as 90s, 30m, 24h or 7d"),
        (["list", "--watch", "-o", "json"], 2, "perago: --watch prints rows; leave out -o json"),
        (["list", "--nonsense"], 2, "perago: No such option: --nonsense; see perago list --help"),
        (["describe"], 2, "perago: name an attempt, with or without -o, or pass --workflow alone"),
        (
            ["describe", "--workflow", "wf-1", "-o", "json"],
            2,
            "perago: name an attempt, with or without -o, or pass --workflow alone",
        ),
        (["describe", "lost", "--html", "x", "-o", "json"], 2, "perago: pass -o or --html, not both"),
        (["top", "--watch", "-o", "json"], 2, "perago: --watch prints a table; leave out -o json"),
        (["logs"], 2, "perago: Missing argument 'ATTEMPT'; see perago logs --help"),
    ],
)
@pytest.mark.usefixtures("fake")
def test_exit_codes_and_their_sentences(capsys: Captured, words: list[str], code: int, want: str) -> None:
    """0 is success, 1 what an object says or is not, 2 a misuse."""
    assert cli.main(words) == code
    assert capsys.readouterr().err.strip() == want


@pytest.mark.parametrize(("problem", "code"), [(Forbidden("you may not list pods"), 3), (Misused("no kubeconfig"), 2)])
def test_what_a_server_refuses_ends_with_3(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch, problem: Exception, code: int
) -> None:
    """And what is missing on this machine with 2."""

    def refuse(*_: object) -> None:
        raise problem

    monkeypatch.setattr(options, "session_in", refuse)
    assert cli.main(["list"]) == code
    assert capsys.readouterr().err == f"perago: {problem}\n"


IN_CLUSTER = ("list", "describe", "explain", "logs", "cancel", "retry", "top", "doctor", "support-bundle")


@pytest.mark.parametrize("command", IN_CLUSTER)
def test_each_command_takes_the_options_of_a_place(capsys: Captured, command: str) -> None:
    """After its own, and in one order."""
    assert cli.main([command, "--help"]) == 0
    shown = capsys.readouterr().out
    options = ("--namespace", "--all-namespaces", "--context", "--as USER", "--help")
    places = [shown.index(f"{option} ") for option in options]
    assert places == sorted(places)


def test_the_options_of_a_place_arrive_where_a_session_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each under its own name."""
    places = list[options.Place]()

    def opened(place: options.Place) -> Session:
        places.append(place)
        return session(cluster())

    monkeypatch.setattr(options, "session_in", opened)
    assert cli.main(["list", "-n", "one", "--context", "c", "--as", "me"]) == cli.main(["top", "-A"]) == 0
    assert places == [options.Place("one", False, "c", "me"), options.Place(every=True)]


@pytest.mark.usefixtures("fake")
def test_nothing_is_coloured_where_nobody_sees_colours(capsys: Captured) -> None:
    """A pipe gets plain text."""
    cli.main(["list"])
    assert "\x1b" not in capsys.readouterr().out


def test_a_terminal_has_colours_unless_no_color_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """As https://no-color.org asks."""
    from perago_console.output import Output

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert Output().coloured
    monkeypatch.setenv("NO_COLOR", "1")
    assert not Output().coloured


def test_a_shell_is_told_what_a_line_can_go_on_with(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the variable that its completion sets."""
    monkeypatch.setattr(app.app, "registered_commands", [*app.app.registered_commands])
    for name, value in {"_PERAGO_COMPLETE": "complete_bash", "COMP_WORDS": "perago re", "COMP_CWORD": "1"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as left:
        cli.main([])
    assert (left.value.code, capsys.readouterr().out.split()) == (0, ["retry", "register"])
