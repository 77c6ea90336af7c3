"""Guardrails: what each demands, what it overlooks, and which declarations are refused."""

import contextlib
from collections.abc import Callable
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

import perago
from perago.guards import DEFAULT_REQUIRE_GLOB_MIN_COUNT, Guardrail


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "data" / "deep").mkdir(parents=True)
    for name in ("a.csv", "data/b.csv", "data/deep/c.csv", ".perago-attempt.json"):
        (tmp_path / name).write_text("x")
    return tmp_path


@pytest.fixture(scope="module")
def root_of_all(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace that is only looked at."""
    root = tmp_path_factory.mktemp("guarded")
    (root / "a" / "é").mkdir(parents=True)
    (root / "a" / "a.a").touch()
    (root / "door").symlink_to("a")
    return root


@pytest.mark.parametrize(
    "guardrail",
    [
        perago.require_file("a.csv"),
        perago.require_file("data/deep/c.csv"),
        perago.require_dir("data/deep"),
        perago.require_glob("**/*.csv", min_count=3, max_count=3),
        perago.require_glob("*.txt", min_count=0),
        perago.require_glob("data/*", max_count=1),
        perago.forbid_glob("**/*.tmp"),
        perago.forbid_glob("*.json"),
    ],
)
def test_a_rule_that_holds_is_silent(root: Path, guardrail: Guardrail) -> None:
    """Files count for globs, directories do not, and the marker is never seen."""
    perago.check_guardrails(root, [guardrail], "pre")


@pytest.mark.parametrize(
    ("guardrail", "words"),
    [
        (perago.require_file("data"), "require_file: 'data' is not a file"),
        (perago.require_file("no"), "require_file: 'no' is not a file"),
        (perago.require_dir("a.csv"), "require_dir: 'a.csv' is not a directory"),
        (perago.require_glob("*.txt"), "'\\*.txt' matches 0 files, at least 1"),
        (perago.require_glob("**/*.csv", max_count=2), "matches 3 files, at most 2"),
        (perago.forbid_glob("data"), "forbid_glob: 'data' matches 'data'"),
        (perago.forbid_glob("**/*.csv"), "matches 'a.csv', 'data/b.csv', 'data/deep/c.csv'"),
    ],
)
@pytest.mark.parametrize("phase", ["pre", "post"])
def test_a_broken_rule_names_itself_and_its_path(root: Path, guardrail: Guardrail, words: str, phase: str) -> None:
    """A violation is of the phase's class and says which rule, which path, and what was found."""
    error = perago.PreGuardrailViolation if phase == "pre" else perago.PostGuardrailViolation
    with pytest.raises(error, match=f"{phase} guardrail: .*{words}"):
        perago.check_guardrails(root, [guardrail], phase)  # type: ignore[arg-type]


def test_all_broken_rules_are_named_at_once(root: Path) -> None:
    """Two broken guardrails are one violation with both."""
    with pytest.raises(perago.GuardrailViolation, match="'x' is not a file; require_dir: 'y'"):
        perago.check_guardrails(root, [perago.require_file("x"), perago.require_dir("y")], "post")


def test_many_forbidden_files_are_shortened(root: Path) -> None:
    """Only the first five of what matches are named."""
    for number in range(9):
        (root / f"{number}.tmp").touch()
    with pytest.raises(perago.GuardrailViolation, match=r"'4\.tmp' and 4 more"):
        perago.check_guardrails(root, [perago.forbid_glob("*.tmp")], "post")


@pytest.mark.parametrize("make", [perago.require_file, perago.require_dir, perago.require_glob, perago.forbid_glob])
@pytest.mark.parametrize(
    "bad", ["", " ", "/etc/passwd", "../up", "a/../b", "a\\b", "C:/x", "a/d:x", "a\0", None, 1, b"a"]
)
def test_a_path_that_is_not_inside_the_workspace_is_refused(make: Callable[[str], Guardrail], bad: str) -> None:
    """Relative, `/`-separated, no `..`, no drive: anything else is a TaskDefinitionError with the value."""
    with pytest.raises(perago.TaskDefinitionError, match=make.__name__):
        make(bad)


@pytest.mark.parametrize("make", [perago.require_file, perago.require_dir, perago.require_glob, perago.forbid_glob])
@pytest.mark.parametrize("path", [Path("a/b"), PurePosixPath("a/b"), PureWindowsPath("a\\b")])
def test_a_path_may_be_a_path_object(make: Callable[[PurePath], Guardrail], path: PurePath) -> None:
    """It is kept as text with `/`, as if it had been written so."""
    assert (make(path), make(path).path) == (make("a/b"), "a/b")  # type: ignore[arg-type]


def test_anything_with_a_path_of_text_is_a_path() -> None:
    """os.PathLike of str is taken, of bytes is not."""

    class Named:
        def __init__(self, path: str | bytes) -> None:
            self.path = path

        def __fspath__(self) -> str | bytes:
            return self.path

    assert perago.require_file(Named("a/b")) == perago.require_file("a/b")  # type: ignore[arg-type]
    with pytest.raises(perago.TaskDefinitionError, match="require_file"):
        perago.require_file(Named(b"a/b"))  # type: ignore[arg-type]


def test_a_workspace_may_be_given_as_text(root: Path) -> None:
    """The workspace that is checked may be named by a str."""
    perago.check_guardrails(str(root), [perago.require_file("a.csv")], "pre")


@pytest.mark.parametrize("make", [perago.require_glob, perago.forbid_glob])
@pytest.mark.parametrize(("pattern", "words"), [("a**/b", "whole part"), (".", "something below"), ("./", "something")])
def test_a_glob_that_python_cannot_run_is_refused_at_once(
    make: Callable[[str], Guardrail], pattern: str, words: str
) -> None:
    """What pathlib finds wrong, it would find only when the guardrail is checked."""
    with pytest.raises(perago.TaskDefinitionError, match=words):
        make(pattern)


@given(st.text(st.sampled_from("a*?[]!./-é\n"), min_size=1, max_size=8))
def test_an_accepted_guardrail_can_be_checked(root_of_all: Path, pattern: str) -> None:
    """Whatever path or pattern a declaration takes holds or is violated in a workspace; it never breaks."""
    for make in (perago.require_file, perago.require_dir, perago.require_glob, perago.forbid_glob):
        with contextlib.suppress(perago.TaskDefinitionError, perago.GuardrailViolation):
            perago.check_guardrails(root_of_all, [make(pattern)], "post")


@pytest.mark.parametrize(
    "counts", [{"min_count": -1}, {"max_count": -1}, {"min_count": 3, "max_count": 2}, {"min_count": True}]
)
def test_impossible_counts_are_refused(counts: dict[str, int]) -> None:
    """Counts are whole, not negative, and in order."""
    with pytest.raises(perago.TaskDefinitionError, match="require_glob"):
        perago.require_glob("*", **counts)


def test_a_glob_needs_one_match_by_default() -> None:
    """The named default is one."""
    assert perago.require_glob("*").min_count == DEFAULT_REQUIRE_GLOB_MIN_COUNT == 1
