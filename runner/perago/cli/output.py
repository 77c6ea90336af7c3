"""What the command prints: text for people or, with --json, one object; and the problems of a module."""

import json
import sys
import traceback
from typing import Any, NoReturn

from perago.errors import TaskDefinitionError
from perago.problems import Problem


class Unusable(Exception):  # noqa: N818 - not an error of ours: the module's problems, to be shown
    """A task module that cannot be used, with everything that is wrong with it."""

    def __init__(self, problems: list[Problem], trace: str | None = None) -> None:
        super().__init__(problems)
        self.problems = problems
        self.trace = trace


def say(text: str) -> None:
    """One piece of text to standard output."""
    sys.stdout.write(text + "\n")


def tell(text: str) -> None:
    """One remark to standard error."""
    sys.stderr.write(text + "\n")


def say_json(value: dict[str, Any]) -> None:
    """One JSON object to standard output."""
    say(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def report_unusable(unusable: Unusable, as_json: bool) -> int:
    """Print all problems, each with its place; exit code 1."""
    if as_json:
        say_json({"ok": False, "problems": [vars(problem) for problem in unusable.problems]})
    if unusable.trace:
        tell(unusable.trace.rstrip())
    for problem in () if as_json else unusable.problems:
        place = f"{problem.file}:{problem.line}: " if problem.file else ""
        tell(f"{place}error: {problem.message}")
    return 1


def trace_of(error: BaseException) -> str:
    """A module's own traceback: from its first line on, without the frames that loaded it."""
    frames = error.__traceback__
    while frames is not None and _loads(frames.tb_frame.f_code.co_filename):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames or error.__traceback__))


def _loads(file: str) -> bool:
    return file.startswith("<frozen importlib") or file.endswith(("importlib/__init__.py", "perago/cli/loading.py"))


def refused(error: TaskDefinitionError) -> NoReturn:
    """Raise Unusable for one refusal that has no place in the module."""
    raise Unusable([Problem(str(error))]) from error
