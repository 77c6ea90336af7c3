"""Limits of the running process that the contract names. Reads nothing."""

from collections.abc import Mapping

DEFAULT_FAILURE_REASON_MAX_LENGTH = 500
"""Characters; Conductor cuts a longer reason itself."""

WORKER_ID_VARIABLE = "PERAGO_WORKER_ID"


def worker_id(environment: Mapping[str, str], pid: int, given: str | None = None) -> str:
    """Who owns an attempt: `given`, else `PERAGO_WORKER_ID`, else `pid-<pid>`; what is blank counts as not given."""
    chosen = (given, environment.get(WORKER_ID_VARIABLE))
    return next((name for name in chosen if name and name.strip()), f"pid-{pid}")
