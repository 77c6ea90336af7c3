"""What a mutant is: a place in the source, the text there, the text that replaces it, and who must notice."""

import ast
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = (ROOT / "runner", ROOT / "operator", ROOT / "console")
TESTS = ROOT / "tests" / "unit"


class MisplacedError(Exception):
    """The entry no longer fits the code.

    Its text is not in the source exactly once, the result is no Python, or a test is gone.
    """


@dataclass(frozen=True)
class Mutant:
    """`fault` says what goes wrong; `old` is in `file` exactly once.

    `tests` are paths below tests/unit: files, or (`FILE::FUNCTION`) one test of a file that takes long.
    """

    fault: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    @property
    def path(self) -> Path:
        """The source file."""
        return ROOT / self.file

    @property
    def module(self) -> str:
        """The file's name as a module."""
        root = next(source for source in SOURCES if self.path.is_relative_to(source))
        parts = self.path.relative_to(root).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def source(self) -> str:
        """The source with the fault; raises MisplacedError."""
        text = self.path.read_text() if self.path.is_file() else ""
        if (count := text.count(self.old)) != 1:
            raise MisplacedError(f"{self.file} has {count} times, not once: {self.old!r} ({self.fault})")
        for test in self.tests:
            _find(test, self.fault)
        faulty = text.replace(self.old, self.new)
        try:
            ast.parse(faulty)
        except SyntaxError as error:
            raise MisplacedError(f"{self.file} is no Python any more: {error} ({self.fault})") from error
        return faulty


def _find(test: str, fault: str) -> None:
    file, _, function = test.partition("::")
    text = (TESTS / file).read_text() if (TESTS / file).is_file() else None
    if text is None or (function and f"def {function}(" not in text):
        raise MisplacedError(f"tests/unit has no {test} ({fault})")


def of(file: str, *tests: str) -> "List":
    """A list of mutants of one file that the same tests must notice."""
    return List(file, tests)


@dataclass(frozen=True)
class List:
    """Makes the mutants of one file."""

    file: str
    tests: tuple[str, ...]

    def __call__(self, *faults: tuple[str, str, str]) -> tuple[Mutant, ...]:
        """Mutants from (fault, old, new)."""
        return tuple(Mutant(fault, self.file, old, new, self.tests) for fault, old, new in faults)
