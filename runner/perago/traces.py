"""Tracebacks as an author needs them, starting at the first line of their own code. Only looks at exceptions."""

import os
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import pydantic

_OURS = (f"{Path(__file__).parent}{os.sep}", f"{Path(pydantic.__file__).parent}{os.sep}", "<frozen ")
_INSTALLED = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
_HEADLINE = "Traceback (most recent call last):\n"

OWN_FRAMES, LAST_FRAMES, CAUSES = 4, 2, 3
"""Of each exception, `last_lines_of` shows so many frames of the author's code, so many of its last ones whosever they
are, and of so many exceptions that led to one another."""


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
    frames = _frames(error)
    own = [frame for frame in frames if _is_own(frame)] or frames
    return (own[-1].filename, own[-1].lineno) if own else (None, None)


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    return [frame for frame in traceback.extract_tb(authors_frames(error)) if not _leads_there(frame.filename)]


def _is_own(frame: traceback.FrameSummary) -> bool:
    return not frame.filename.startswith(_INSTALLED)


def last_lines_of(error: BaseException) -> list[str]:
    """The end of an error's traceback, line by line: a few frames for each exception, the first cause at the top.

    Source lines are shown as they stand in the file, and no value of any variable is.
    """
    return [line for exception in reversed(_chain(error)) for line in (*_shown(exception), _text_of(exception))]


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what led to it, latest first."""
    chain: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in chain and len(chain) < CAUSES:
        chain.append(following)
        context = None if following.__suppress_context__ else following.__context__
        following = following.__cause__ or context
    return chain


def _shown(error: BaseException) -> Iterator[str]:
    frames = _frames(error)
    own = [number for number, frame in enumerate(frames) if _is_own(frame)][-OWN_FRAMES:]
    before = -1
    for number in sorted({*own, *range(len(frames))[-LAST_FRAMES:]}):
        if (left_out := number - before - 1) and before >= 0:
            yield f"  … {left_out} more"
        frame = frames[number]
        yield f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}'
        if frame.line:
            yield f"    {frame.line}"
        before = number


def _text_of(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception_only(error)).rstrip()
    except Exception:  # noqa: BLE001 - the author's own exception class may not even have a text
        return type(error).__name__
