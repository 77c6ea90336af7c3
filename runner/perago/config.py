"""Limits of the running process that the contract names. Reads nothing."""

from collections.abc import Mapping

DEFAULT_FAILURE_REASON_MAX_LENGTH = 500
"""Characters; Conductor cuts a longer reason itself."""

WORKER_ID_VARIABLE = "PERAGO_WORKER_ID"


def worker_id(environment: Mapping[str, str], pid: int, name: str | None = None) -> str:
    """Who owns an attempt: `name`, else `PERAGO_WORKER_ID`, else `pid-<pid>`; what is blank counts as not given."""
    candidates = (name, environment.get(WORKER_ID_VARIABLE))
    return next((candidate for candidate in candidates if candidate and candidate.strip()), f"pid-{pid}")
