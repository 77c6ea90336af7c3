"""Perago's own lines in the log of the task container. The root logger is the author's and is left alone."""

import logging
import sys
from types import TracebackType

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class _Plain(logging.Formatter):
    """One line, and a traceback of the author's frames."""

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 - logging's name
        """The exception and its causes without frames of Perago, pydantic and the import machinery."""
        from perago.traces import trace_of  # only failures need it

        return trace_of(ei[1]).rstrip() if ei[1] is not None else super().formatException(ei)


def log_our_own() -> None:
    """Send what the attempt core logs to standard error, past whatever the author does with logging."""
    handler = logging.StreamHandler(sys.__stderr__)
    handler.setFormatter(_Plain("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    log = logging.getLogger("perago")
    log.setLevel(logging.INFO)
    log.propagate = False
    log.addHandler(handler)
