"""Logging: loguru on standard error, as text or as one JSON object per line; what libraries log goes the same way."""

import logging
import sys

from loguru import logger

from perago_operator.settings import Settings

TEXT = "{time:YYYY-MM-DDTHH:mm:ss.SSS!UTC}Z {level: <7} {name}: {message}"


class _Forward(logging.Handler):
    """A library's record, with the library's name before it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Hand the record on."""
        forwarded = logger.patch(lambda to: to.__setitem__("name", record.name))
        forwarded.opt(exception=record.exc_info).log(_level(record.levelno), "{}", record.getMessage())


def _level(number: int) -> str | int:
    name = logging.getLevelName(number)
    return name if name in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL") else number


def configure(settings: Settings) -> None:
    """Log what the settings ask for. Values of variables stay out of tracebacks: they may be keys."""
    logger.remove()
    logger.add(
        sys.stderr,
        level=settings.log_level,
        format=TEXT,
        serialize=settings.log_json,
        backtrace=False,
        diagnose=False,
    )
    logging.basicConfig(handlers=[_Forward()], level=logging.WARNING, force=True)
