"""What a command returns and how it is printed: text for people or, with --json, one object."""

import codecs
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perago.problems import Problem


@dataclass(frozen=True)
class Answer:
    """A command's answer in both its forms."""

    text: str
    facts: dict[str, Any]
    exit_code: int = 0


class Unusable(Exception):
    """A task module that cannot be used, with everything that is wrong with it."""

    exit_code = 1

    def __init__(self, problems: list[Problem], trace: str | None = None) -> None:
        super().__init__(problems)
        self.problems = problems
        self.trace = trace


class Misused(Unusable):
    """An option that cannot be used; the message names it and says what to do."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__([Problem(message)])


def _json_escapes(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


codecs.register_error("perago-json-escapes", _json_escapes)


def say(text: str) -> None:
    """Print a text to standard output; characters that its encoding lacks are escaped so that JSON stays valid.

    A terminal may be limited to ASCII, and a file's name may not be valid UTF-8.
    """
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "perago-json-escapes").decode(encoding) + "\n")
    sys.stdout.flush()


def tell(text: str) -> None:
    """Print a remark to standard error."""
    sys.stderr.write(text + "\n")


def as_json(value: dict[str, Any]) -> str:
    """An object's JSON, for people and programs."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def printable(text: str) -> str:
    """The text with control characters escaped: a file's name or content must not steer the reader's terminal."""
    if text.isprintable():
        return text
    return "".join(part if part.isprintable() or part == "\t" else ascii(part)[1:-1] for part in text)


def show(answer: Answer, as_object: bool) -> int:
    """Print the answer in the requested form; returns its exit code."""
    say(as_json(answer.facts) if as_object else answer.text)
    return answer.exit_code


def show_unusable(unusable: Unusable, as_object: bool) -> int:
    """Print all problems, each with its place; returns the exit code."""
    if as_object:
        trace = {"traceback": unusable.trace} if unusable.trace else {}
        say(as_json({"ok": False, "problems": [vars(problem) for problem in unusable.problems], **trace}))
        return unusable.exit_code
    if unusable.trace:
        tell(unusable.trace.rstrip())
    for problem in unusable.problems:
        place = f"{from_here(problem.file)}:{problem.line}: " if problem.file else ""
        tell(f"{place}error: {problem.message}")
    return unusable.exit_code


def from_here(file: str) -> str:
    """A file's path relative to the current folder, if it is below it."""
    try:
        return str(Path(file).relative_to(Path.cwd()))
    except ValueError:
        return file
