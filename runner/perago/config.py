"""Limits of the running process that the contract names. Reads nothing."""

from perago.errors import RuntimeConfigError

DEFAULT_FAILURE_REASON_MAX_LENGTH = 500
"""Characters; Conductor cuts a longer reason itself."""

WORKER_ID_VARIABLE = "PERAGO_WORKER_ID"


def worker_id(environment: dict[str, str], pid: int, given: str | None = None) -> str:
    """Who owns an attempt: `given`, else `PERAGO_WORKER_ID`, else `pid-<pid>`; RuntimeConfigError when blank."""
    chosen = given if given is not None else environment.get(WORKER_ID_VARIABLE, f"pid-{pid}")
    if not chosen.strip():
        raise RuntimeConfigError(f"the worker id must not be blank: set {WORKER_ID_VARIABLE} to a name, or unset it")
    return chosen
