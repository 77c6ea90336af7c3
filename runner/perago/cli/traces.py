"""What the attempt core logs, as `perago run` shows it: the author's part of a traceback, or the text of a refusal."""

import logging
from contextlib import suppress

import pydantic

from perago.cli.output import tell
from perago.refusal import refusal
from perago.traces import authors_frames, trace_of


class AuthorsLog(logging.Handler):
    """Shows what the attempt core logs: the author's part of a traceback, or the text of a refusal."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record to standard error."""
        with suppress(OSError, ValueError):  # standard error may be closed by now
            tell(_text(record))


def _text(record: logging.LogRecord) -> str:
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return record.getMessage()
    if authors_frames(error):
        return trace_of(error).rstrip()
    text = refusal(error) if isinstance(error, pydantic.ValidationError) else str(error)
    return f"{record.getMessage()}: {text}"
