"""Action files: read, matched with events, run or refused."""

import json

import pytest

from perago_dev.lakefs.model.actions import HookFailedError, InvalidActionFileError, parse, run


def action_file(on: str = "pre-merge:", kind: str = "lua", script: str = "local a = 1") -> bytes:
    """An action with one hook."""
    hook = f"id: h, type: {kind}, properties: {{script: {json.dumps(script)}}}"
    return f"name: n\non:\n  {on}\nhooks:\n  - {{{hook}}}\n".encode()


@pytest.mark.parametrize(
    ("on", "branch", "covered"),
    [
        ("pre-merge:", "main", True),
        ("pre-merge: {branches: []}", "main", True),
        ("pre-merge: {branches: [main]}", "main", True),
        ("pre-merge: {branches: ['rel*']}", "main", False),
        ("pre-merge: {branches: ['rel*']}", "rel-1", True),
        ("pre-commit:", "main", False),
    ],
)
def test_events_and_branches(on: str, branch: str, covered: bool) -> None:
    """An action covers the branches it names, all when it names none, for the events it names."""
    assert parse("f", action_file(on)).covers("pre-merge", branch) is covered


@pytest.mark.parametrize(
    "text",
    [b"not: [valid", b"name: n", b"[]", b"", b"name: n\non: {}\nhooks: []", b"\xff", b"name: n\non: x\nhooks: y"],
)
def test_files_that_are_no_action(text: bytes) -> None:
    """They are refused with their path in the message, never taken for an action without hooks."""
    with pytest.raises(InvalidActionFileError, match=r"bad\.yaml"):
        parse("_lakefs_actions/bad.yaml", text)


def test_a_hook_that_agrees() -> None:
    """A script that ends without an error passes."""
    run(parse("f", action_file()), "pre-merge", {})


def test_a_hook_that_refuses() -> None:
    """Its error names action, hook, line and text."""
    with pytest.raises(HookFailedError, match=r"action 'n' hook 'h'.*:1: no\n") as error:
        run(parse("f", action_file(script="error('no')")), "pre-merge", {})
    assert "traceback" in str(error.value)


@pytest.mark.parametrize(
    ("on", "kind", "script"),
    [("pre-merge:", "webhook", ""), ("pre-commit:", "lua", "local a = 1"), ("pre-merge:", "lua", "os.exit()")],
    ids=["another type", "another event", "another Lua"],
)
def test_hooks_that_cannot_be_run_refuse(on: str, kind: str, script: str) -> None:
    """What the development server cannot execute does not pass silently."""
    with pytest.raises(HookFailedError, match=r"development server|supported Lua"):
        run(parse("f", action_file(on, kind, script)), on.rstrip(":"), {})
