"""The page on security names tests that exist."""

import re
from pathlib import Path

import pytest

from tests.hostile.scenes import ALL

ROOT = Path(__file__).resolve().parents[3]
TESTS = ROOT / "tests"
ROWS = re.findall(
    r"^\| (?P<promise>[^|]+) \| (?P<tests>[^|]*`[^|]*) \|$", (ROOT / "docs/security.md").read_text(), re.MULTILINE
)
SOURCES = {path: path.read_text() for path in TESTS.rglob("*.py")}


def named(text: str) -> tuple[list[str], list[str]]:
    """Files or folders, and tests, that a cell of the table names."""
    words = re.findall(r"`([^`]+)`", text)
    return [word for word in words if "/" in word and not word.startswith("hostile: ")], [
        word for word in words if word.startswith("test_") and "/" not in word
    ]


@pytest.mark.parametrize(("promise", "tests"), ROWS)
def test_a_promise_names_a_test_that_exists(promise: str, tests: str) -> None:
    """Each file and each test, and each test in one of the files beside it."""
    places, names = named(tests)
    found = {path: text for path, text in SOURCES.items() if any(place in str(path) for place in places)}
    assert places or "release.namespace_of" in tests
    for place in places:
        assert any(place in str(path) for path in SOURCES), place
    for name in names:
        assert any(f"def {name}(" in text for text in found.values()), name


def test_hostile_cases_that_are_named_exist() -> None:
    """Nearly every attacker's promises name one."""
    names = [name for _, tests in ROWS for name in re.findall(r"`hostile: ([^`]+)`", tests)]
    cases = {case.name for scene in ALL for case in scene.cases}
    assert [name for name in names if name not in cases] == []
    assert len(set(names)) >= 60


def test_all_who_might_attack_are_there() -> None:
    """Each has at least one promise that a test shows."""
    assert len(ROWS) >= 25
