"""What Conductor enforces for a task: retries, time-outs, limits, and the budget of a publication.

A wrong value is a TaskDefinitionError when the declaration is made. Knows no task and no workspace.
"""

from dataclasses import dataclass, field
from typing import Literal

from perago.problems import check_kind, refuse_field

DEFAULT_RETRY_COUNT = 3
DEFAULT_RETRY_DELAY_SECONDS = 60
DEFAULT_TIMEOUT_RESPONSE_SECONDS = 600
MAX_RETRY_COUNT = 10

RetryLogic = Literal["FIXED", "EXPONENTIAL_BACKOFF", "LINEAR_BACKOFF"]
TimeoutAction = Literal["RETRY", "TIME_OUT_WF", "ALERT_ONLY"]

RETRY_LOGICS = ("FIXED", "EXPONENTIAL_BACKOFF", "LINEAR_BACKOFF")
TIMEOUT_ACTIONS = ("RETRY", "TIME_OUT_WF", "ALERT_ONLY")


def _check_whole(owner: object, *names: str, low: int = 0, high: int | None = None) -> bool:
    most = "" if high is None else f" and at most {high}"
    wrong = [name for name in names if not _is_whole(getattr(owner, name), low, high)]
    for name in wrong:
        refuse_field(owner, name, f"must be a whole number of at least {low}{most}")
    return not wrong


def _is_whole(value: object, low: int, high: int | None) -> bool:
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    return value >= low and (high is None or value <= high)


def _check_choice(owner: object, name: str, choices: tuple[str, ...]) -> None:
    if getattr(owner, name) not in choices:
        refuse_field(owner, name, f"must be one of {', '.join(choices)}")


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how fast Conductor retries an attempt that ended as FAILED.

    Parameters
    ----------
    count : int
        Retries after the first attempt, 0 to 10.
    logic : {"FIXED", "EXPONENTIAL_BACKOFF", "LINEAR_BACKOFF"}
        A constant delay, one that doubles each time, or one that grows by the same amount each time.
    delay_seconds : int
        Delay before the first retry.
    max_delay_seconds : int
        The longest delay; 0 means no limit.
    jitter_ms : int
        By how many milliseconds a delay may vary at random.

    Raises
    ------
    TaskDefinitionError
        A value is out of range; the message names the field and the value.

    Examples
    --------
    >>> import perago
    >>> perago.RetryPolicy(count=5, logic="EXPONENTIAL_BACKOFF", delay_seconds=10).count
    5
    >>> perago.RetryPolicy(count=11)
    Traceback (most recent call last):
    perago.errors.TaskDefinitionError: RetryPolicy.count must be a whole number of at least 0 and at most 10, not 11
    """

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
    """When Conductor gives an attempt up, and what it does then.

    Parameters
    ----------
    policy : {"RETRY", "TIME_OUT_WF", "ALERT_ONLY"}
        Retry the attempt, fail the workflow, or only record that it took too long.
    seconds : int
        How long one attempt may take; 0 means no limit.
    response_seconds : int
        How long Conductor waits for a sign of life from the attempt, at least 1.
    poll_seconds : int
        How long the task may wait to be polled; 0 means no limit.
    total_seconds : int
        How long all attempts of the task together may take; 0 means no limit.

    Raises
    ------
    TaskDefinitionError
        A value is out of range; the message names the field and the value.

    Examples
    --------
    >>> import perago
    >>> perago.TimeoutPolicy(policy="RETRY", seconds=7200).response_seconds
    600
    """

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
    """How many attempts of the task Conductor lets run at once, and how many it starts in a time.

    Parameters
    ----------
    concurrent_exec_limit : int, optional
        How many attempts may run at once, at least 1.
    rate_limit_frequency_in_seconds : int, optional
        The time that the next limit counts in. The two limits of the rate are given together.
    rate_limit_per_frequency : int, optional
        How many attempts may start within that time.

    Raises
    ------
    TaskDefinitionError
        A value is below 1, or only one of the two rate limits is given.

    Examples
    --------
    >>> import perago
    >>> limits = perago.ExecutionLimits(rate_limit_frequency_in_seconds=60, rate_limit_per_frequency=100)
    >>> perago.ExecutionLimits(rate_limit_per_frequency=100)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    perago.errors.TaskDefinitionError: ExecutionLimits.rate_limit_frequency_in_seconds must be given together ...
    """

    concurrent_exec_limit: int | None = None
    rate_limit_frequency_in_seconds: int | None = None
    rate_limit_per_frequency: int | None = None

    def __post_init__(self) -> None:
        for name in ("concurrent_exec_limit", "rate_limit_frequency_in_seconds", "rate_limit_per_frequency"):
            if getattr(self, name) is not None:
                _check_whole(self, name, low=1)
        if (self.rate_limit_frequency_in_seconds is None) != (self.rate_limit_per_frequency is None):
            missing = "frequency_in_seconds" if self.rate_limit_frequency_in_seconds is None else "per_frequency"
            refuse_field(self, f"rate_limit_{missing}", "must be given together with the other rate limit")


@dataclass(frozen=True)
class PublishBudget:
    """How many seconds a publication may need, from which the shortest safe response time-out follows.

    Parameters
    ----------
    observed_merge_p99_seconds : int
        What 99 of 100 merges into the target branch stay below.
    safety_margin_seconds : int
        What is added to that.
    lakefs_merge_timeout_seconds : int
        How long a merge may take, at least the sum of the two above.
    conductor_completion_timeout_seconds : int
        How long the report to Conductor may take.
    worker_shutdown_grace_seconds : int
        How long a worker that is being shut down may go on.
    heartbeat_interval_seconds : int
        The longest time between two signs of life.

    Raises
    ------
    TaskDefinitionError
        A value is negative, or the merge time-out is below the observed time plus the margin.

    Examples
    --------
    >>> import perago
    >>> perago.PublishBudget(20, 10, 60, 30, 30, 60).response_timeout_seconds
    180
    """

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
            refuse_field(self, "lakefs_merge_timeout_seconds", f"must be at least observed p99 plus margin ({least})")

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
    """What Conductor enforces for a task.

    Parameters
    ----------
    retry : RetryPolicy
        Three retries, one minute apart, if it is left out.
    timeout : TimeoutPolicy
        A response time-out of ten minutes and no other limit, if it is left out.
    limits : ExecutionLimits
        None, if they are left out.
    publish_budget : PublishBudget, optional
        Compared with the response time-out when the TaskDef is built. It is only for a task with a workspace.

    Raises
    ------
    TaskDefinitionError
        A value is not of its class.

    Examples
    --------
    >>> import perago
    >>> controls = perago.TaskControls(retry=perago.RetryPolicy(count=0))
    >>> controls.response_timeout_seconds
    600
    """

    retry: RetryPolicy = field(default_factory=RetryPolicy)
    timeout: TimeoutPolicy = field(default_factory=TimeoutPolicy)
    limits: ExecutionLimits = field(default_factory=ExecutionLimits)
    publish_budget: PublishBudget | None = None

    def __post_init__(self) -> None:
        check_kind(self, "retry", RetryPolicy)
        check_kind(self, "timeout", TimeoutPolicy)
        check_kind(self, "limits", ExecutionLimits)
        if self.publish_budget is not None:
            check_kind(self, "publish_budget", PublishBudget)

    @property
    def response_timeout_seconds(self) -> int:
        """Seconds without a sign of life after which Conductor gives the attempt up."""
        return self.timeout.response_seconds
