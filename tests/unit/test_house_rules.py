"""The house rules of CONTRIBUTING.md that a program can check."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PACKAGES = ("operator", "runner", "console", "dev/perago_dev", "bench")
NO_NOUNS = frozenset({"each", "found", "given", "known", "made", "one", "told"})
"""A name says what a thing is: `pod`, `condition`, `branch`. These say how somebody came by it, or nothing."""

LONGEST_MODULE = 300
LONGEST_TABLE = 400
TABLES = frozenset(
    {
        "bench/data.py",  # the cases of a bench
        "operator/perago_operator/core/pod/diagnosis.py",  # the rows that say why a pod ended
        "operator/perago_operator/ports.py",  # the protocols, and the tree of their errors
        "operator/perago_operator/settings.py",  # the settings
        "runner/perago/wire/reasons.py",  # the reasons
    }
)
"""Modules of one table or one list of declarations, which two files would hide. Everything else is split by subject."""


def modules() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((REPOSITORY / package).rglob("*.py"))


def names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every name that the code gives, with its line: to variables, attributes, arguments, functions and classes."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name
            case _:
                pass


@pytest.mark.parametrize(
    "code",
    [
        "found = look()",
        "found: int",
        "a, (found, *b) = look()",
        "for found in a: ...",
        "with look() as found: ...",
        "[found for found in a]",
        "if found := look(): ...",
        "def look(found): ...",
        "lambda *found: a",
        "def found(): ...",
        "self.found = a",
    ],
)
def test_a_name_is_seen_wherever_it_is_given(code: str) -> None:
    """Of variables, loops, arguments, functions and attributes."""
    assert "found" in {name for _, name in names(ast.parse(code))}


def test_names_are_nouns() -> None:
    """Participles and pronouns name nothing in the packages; a participle may describe a noun, as in `found_at`."""
    wrong = [
        f"{path.relative_to(REPOSITORY)}:{line}: {name}"
        for path in modules()
        for line, name in names(ast.parse(path.read_text()))
        if name.strip("_") in NO_NOUNS
    ]
    assert wrong == []


def test_modules_are_short() -> None:
    """Below 300 lines; a table below 400, and only as long as it needs that."""
    lengths = {str(path.relative_to(REPOSITORY)): len(path.read_text().splitlines()) for path in modules()}
    assert {name: length for name, length in lengths.items() if length >= LONGEST_TABLE} == {}
    assert {name for name, length in lengths.items() if length >= LONGEST_MODULE} == TABLES


FOLDERS = ("bench", "charts", "console", "crds", "dev", "docs", "examples", "locks", "operator", "runner", "tests")
REGISTRIES = re.compile(
    r"\b(?:pypi|pythonhosted|npmjs|yarnpkg)\.(?:org|com)\b|\b(?:proxy|sum)\.golang\.org\b|\bmaven\.(?:org|apache\.org)\b"
)


def texts() -> Iterator[Path]:
    """All files of the repository that hold text, but this one."""
    yield from (path for path in REPOSITORY.iterdir() if path.is_file())
    for folder in FOLDERS:
        files = (path for path in sorted((REPOSITORY / folder).rglob("*")) if path.is_file())
        yield from (path for path in files if path.suffix != ".pyc" and path != Path(__file__))


def test_no_file_names_a_package_registry() -> None:
    """Where packages come from is for whoever installs them to say: a mirror, or a cache without a way out."""
    named = [path for path in texts() if REGISTRIES.search(path.read_text("utf-8", "replace"))]
    assert [path.relative_to(REPOSITORY).as_posix() for path in named] == []


@pytest.mark.parametrize(
    "host", ["https://pypi.org/simple", "files.pythonhosted.org", "proxy.golang.org", "repo1.maven.org"]
)
def test_a_package_registry_is_seen(host: str) -> None:
    """Also within an address."""
    assert REGISTRIES.search(f"from {host}:")
