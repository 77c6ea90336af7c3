"""The values that a declaration is made of: controls and workspace spec; a wrong one is a TaskDefinitionError.

`WorkspaceInput`, what Conductor sends, is at home in `perago.reference` and has its name here, too. Knows no disk, no
lakeFS, no running attempt.
"""

import re
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from perago.guards import Guardrail
from perago.problems import refuse

if TYPE_CHECKING:
    from perago.reference import WorkspaceInput as WorkspaceInput
    from perago.reference import WorkspaceOutput as WorkspaceOutput

DEFAULT_RETRY_COUNT = 3
DEFAULT_RETRY_DELAY_SECONDS = 60
DEFAULT_TIMEOUT_RESPONSE_SECONDS = 600
MAX_RETRY_COUNT = 10

RetryLogic = Literal["FIXED", "EXPONENTIAL_BACKOFF", "LINEAR_BACKOFF"]
TimeoutAction = Literal["RETRY", "TIME_OUT_WF", "ALERT_ONLY"]

RETRY_LOGICS = ("FIXED", "EXPONENTIAL_BACKOFF", "LINEAR_BACKOFF")
TIMEOUT_ACTIONS = ("RETRY", "TIME_OUT_WF", "ALERT_ONLY")


def _refuse(owner: object, name: str, rule: str) -> None:
    refuse(f"{type(owner).__name__}.{name} {rule}, not {getattr(owner, name)!r}")


def _check_whole(owner: object, *names: str, low: int = 0, high: int | None = None) -> bool:
    most = "" if high is None else f" and at most {high}"
    wrong = [name for name in names if not _is_whole(getattr(owner, name), low, high)]
    for name in wrong:
        _refuse(owner, name, f"must be a whole number of at least {low}{most}")
    return not wrong


def _is_whole(value: object, low: int, high: int | None) -> bool:
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    return value >= low and (high is None or value <= high)


def _check_choice(owner: object, name: str, choices: tuple[str, ...]) -> None:
    if getattr(owner, name) not in choices:
        _refuse(owner, name, f"must be one of {', '.join(choices)}")


def _check_kind(owner: object, name: str, kind: type) -> None:
    if not isinstance(getattr(owner, name), kind):
        _refuse(owner, name, f"must be a {kind.__name__}")


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how fast Conductor retries a failed attempt; delays in seconds, jitter in milliseconds."""

    count: int = DEFAULT_RETRY_COUNT
    logic: RetryLogic = "FIXED"
    delay_seconds: int = DEFAULT_RETRY_DELAY_SECONDS
    max_delay_seconds: int = 0
    jitter_ms: int = 0

    def __post_init__(self) -> None:
        _check_whole(self, "count", high=MAX_RETRY_COUNT)
        _check_choice(self, "logic", RETRY_LOGICS)
        _check_whole(self, "delay_seconds", "max_delay_seconds", "jitter_ms")


@dataclass(frozen=True)
class TimeoutPolicy:
    """When Conductor gives an attempt up, in seconds, and what it does then; 0 means no limit."""

    policy: TimeoutAction = "TIME_OUT_WF"
    seconds: int = 0
    response_seconds: int = DEFAULT_TIMEOUT_RESPONSE_SECONDS
    poll_seconds: int = 0
    total_seconds: int = 0

    def __post_init__(self) -> None:
        _check_choice(self, "policy", TIMEOUT_ACTIONS)
        _check_whole(self, "seconds", "poll_seconds", "total_seconds")
        _check_whole(self, "response_seconds", low=1)


@dataclass(frozen=True)
class ExecutionLimits:
    """How much of this task Conductor lets run at once, and how often it starts; the rate pair comes together."""

    concurrent_exec_limit: int | None = None
    rate_limit_frequency_in_seconds: int | None = None
    rate_limit_per_frequency: int | None = None

    def __post_init__(self) -> None:
        for name in ("concurrent_exec_limit", "rate_limit_frequency_in_seconds", "rate_limit_per_frequency"):
            if getattr(self, name) is not None:
                _check_whole(self, name, low=1)
        if (self.rate_limit_frequency_in_seconds is None) != (self.rate_limit_per_frequency is None):
            missing = "frequency_in_seconds" if self.rate_limit_frequency_in_seconds is None else "per_frequency"
            _refuse(self, f"rate_limit_{missing}", "must be given together with the other rate limit")


@dataclass(frozen=True)
class PublishBudget:
    """The seconds a publication may need, from which the shortest safe response time-out follows."""

    observed_merge_p99_seconds: int
    safety_margin_seconds: int
    lakefs_merge_timeout_seconds: int
    conductor_completion_timeout_seconds: int
    worker_shutdown_grace_seconds: int
    heartbeat_interval_seconds: int

    def __post_init__(self) -> None:
        if not _check_whole(self, *self.__dataclass_fields__):
            return
        least = self.observed_merge_p99_seconds + self.safety_margin_seconds
        if self.lakefs_merge_timeout_seconds < least:
            _refuse(self, "lakefs_merge_timeout_seconds", f"must be at least observed p99 plus margin ({least})")

    @property
    def response_timeout_seconds(self) -> int:
        """Merge time-out + completion time-out + shutdown grace + heartbeat interval."""
        return (
            self.lakefs_merge_timeout_seconds
            + self.conductor_completion_timeout_seconds
            + self.worker_shutdown_grace_seconds
            + self.heartbeat_interval_seconds
        )


@dataclass(frozen=True)
class TaskControls:
    """What Conductor enforces for a task; what is left out keeps the defaults."""

    retry: RetryPolicy = field(default_factory=RetryPolicy)
    timeout: TimeoutPolicy = field(default_factory=TimeoutPolicy)
    limits: ExecutionLimits = field(default_factory=ExecutionLimits)
    publish_budget: PublishBudget | None = None

    def __post_init__(self) -> None:
        _check_kind(self, "retry", RetryPolicy)
        _check_kind(self, "timeout", TimeoutPolicy)
        _check_kind(self, "limits", ExecutionLimits)
        if self.publish_budget is not None:
            _check_kind(self, "publish_budget", PublishBudget)

    @property
    def response_timeout_seconds(self) -> int:
        """Seconds without a sign of life after which Conductor gives the attempt up."""
        return self.timeout.response_seconds


_DRIVE = re.compile(r"^[A-Za-z]:")


def _kept_prefix(prefix: object) -> str:
    if not isinstance(prefix, str):
        refuse(f"WorkspaceSpec.prefix must be a str, not {prefix!r}")
        return "/"
    kept = prefix.strip("/")
    parts = [] if prefix in ("", "/") else kept.split("/")
    outside = any(part.strip() in ("", ".", "..") or _DRIVE.match(part) for part in parts)
    if outside or "\\" in kept or "\0" in kept:
        refuse(f"WorkspaceSpec.prefix must be a path inside the repository, not {prefix!r}")
    return kept or "/"


@dataclass(frozen=True)
class WorkspaceSpec:
    """Which part of the repository the body sees, what must hold before and after it, and whether it publishes.

    `prefix` is kept without leading and trailing `/`, the root as `/`.
    """

    prefix: str = "/"
    pre: list[Guardrail] = field(default_factory=list)
    post: list[Guardrail] = field(default_factory=list)
    read_only: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefix", _kept_prefix(self.prefix))
        for name in ("pre", "post"):
            given = getattr(self, name)
            if not isinstance(given, (list, tuple)) or not all(isinstance(item, Guardrail) for item in given):
                _refuse(self, name, "must be a list of guardrails")
            else:
                object.__setattr__(self, name, list(given))
        _check_kind(self, "read_only", bool)


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """`WorkspaceInput` and `WorkspaceOutput`, loaded when first used: no declaration builds their schemas."""
        if name not in ("WorkspaceInput", "WorkspaceOutput"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module("perago.reference"), name)
