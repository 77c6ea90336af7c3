"""What people read of an attempt that an exception ended: its reason, one message, the end of its traceback."""

from pydantic import ValidationError

from perago import errors, wire
from perago.traces import last_lines_of, place_of
from perago.wire.policy import MOST_CLASSES
from perago.wire.reasons import WORDS

IN_THE_AUTHORS_WORDS = (errors.TaskFailed, errors.TaskTerminalError)
"""Exceptions whose only argument is the reason that people are to read."""


def reason_of(error: BaseException) -> str:
    """The class of the exception, unless it bears the name of one of Perago's reasons without being Perago's."""
    if isinstance(error, ValidationError):
        return wire.Reason.VALIDATION_ERROR.value
    kind = type(error)
    ours = kind.__module__ == errors.__name__
    return wire.Reason.TASK_EXECUTION_ERROR.value if kind.__name__ in WORDS and not ours else kind.__name__


def message_of(error: BaseException, text: str) -> str:
    """`Class: text (file:line)`, from the exception and its text; the text alone where it is the author's reason."""
    if isinstance(error, IN_THE_AUTHORS_WORDS):
        return text
    name = type(error).__name__
    named = text if text == name or text.startswith(f"{name}: ") else f"{name}: {text}"
    file, line = place_of(error)
    return f"{named} ({file}:{line})" if file else named


def traceback_of(error: BaseException) -> tuple[str, ...]:
    """The end of the traceback, as much of it as the attempt's status takes."""
    return wire.last_lines(last_lines_of(error))


def classes_of(error: BaseException) -> tuple[str, ...]:
    """The exception's class and those that it is derived from, as `module.Class`, the nearest first."""
    kinds = type(error).__mro__[:-1][:MOST_CLASSES]
    return tuple(f"{kind.__module__}.{kind.__qualname__.rpartition('<locals>.')[2]}" for kind in kinds)


def exit_code_of(error: BaseException) -> int | None:
    """The exit code of a process that this exception ends: only `sys.exit` asks for one."""
    if not isinstance(error, SystemExit):
        return None
    if isinstance(error.code, int):
        return error.code & 0xFF
    return 0 if error.code is None else 1
