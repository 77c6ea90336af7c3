"""Tracebacks as an author needs them, starting at the first line of their own code. Only looks at exceptions."""

import logging
import sysconfig
import traceback
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import pydantic

from perago.cli.output import tell
from perago.refusal import refusal

_OURS = (str(Path(__file__).parents[1]), str(Path(pydantic.__file__).parent), "<frozen ")
_INSTALLED = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
_HEADLINE = "Traceback (most recent call last):\n"


def authors_frames(error: BaseException) -> TracebackType | None:
    """The error's traceback without the frames that loaded, ran or validated; None if there are no other frames."""
    frames = error.__traceback__
    while frames is not None and _leads_there(frames.tb_frame.f_code.co_filename):
        frames = frames.tb_next
    return frames


def _leads_there(file: str) -> bool:
    return file.startswith(_OURS) or file.endswith("importlib/__init__.py")


def trace_of(error: BaseException) -> str:
    """The traceback of an error and its causes, without frames of Perago, of pydantic and of the import machinery."""
    whole = traceback.TracebackException.from_exception(error)
    pending: list[traceback.TracebackException | None] = [whole]
    while pending:
        if (part := pending.pop()) is not None:
            part.stack = traceback.StackSummary.from_list(
                [frame for frame in part.stack if not _leads_there(frame.filename)]
            )
            pending += [part.__cause__, part.__context__]
    text = "".join(whole.format())
    return text.replace(_HEADLINE, "") if not whole.stack and not whole.__cause__ else text


def place_of(error: BaseException) -> tuple[str | None, int | None]:
    """File and line of the innermost frame of the author's code, or of a library's if there is no other."""
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno
    frames = traceback.extract_tb(authors_frames(error))
    own = [frame for frame in frames if not frame.filename.startswith((*_OURS, *_INSTALLED))] or frames
    return (own[-1].filename, own[-1].lineno) if own else (None, None)


class AuthorsLog(logging.Handler):
    """Shows what the attempt core logs: the author's part of a traceback, or the text of a refusal."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record to standard error."""
        with suppress(OSError, ValueError):  # standard error may be closed by now
            tell(_told(record))


def _told(record: logging.LogRecord) -> str:
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return record.getMessage()
    if authors_frames(error):
        return trace_of(error).rstrip()
    text = refusal(error) if isinstance(error, pydantic.ValidationError) else str(error)
    return f"{record.getMessage()}: {text}"
