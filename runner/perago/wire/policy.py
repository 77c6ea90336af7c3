"""The failure policy: which result is reported for which failure. Operator and agent apply it alike. Pure.

What a task says of its own failure decides nothing but the result of that failure: the classes of its exception are
compared with `on_exception` alone, so that none of them can pass for a reason.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Literal, NamedTuple

from perago.wire.base import WireModel
from perago.wire.faults import fault_of, remedy_of
from perago.wire.reasons import Reason
from perago.wire.status import Outcome

FailureResult = Literal["FAILED", "FAILED_WITH_TERMINAL_ERROR"]

CLASS_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$"
LONGEST_CLASS = 128
"""Characters of a class's name, with its module."""
MOST_CLASSES = 32
"""Classes of one exception that are looked at, the nearest first."""

_CLASS = re.compile(CLASS_PATTERN.removesuffix("$"))

STOPPED_BY_PEOPLE = frozenset({Reason.CANCELED.value, Reason.ATTEMPT_DELETED.value})
"""Reasons of attempts that people have stopped, which Conductor is not to retry unless a policy says so."""


class PolicyRule(WireModel):
    """The failures that a rule applies to, by one of three, and their result."""

    on_reason: tuple[str, ...] = ()
    on_exit_code: tuple[int, ...] = ()
    on_exception: tuple[str, ...] = ()
    """Classes, as `Class` or as `module.Class`; those that are derived from one are meant, too."""
    result: FailureResult


class Failure(NamedTuple):
    """What a policy looks at."""

    reason: str
    exit_code: int | None = None
    """That of the task's process, where it ended without a result or by `sys.exit`."""
    exceptions: tuple[str, ...] = ()
    """The class of the exception that the body raised and those that it is derived from, as `module.Class`."""


class Decided(NamedTuple):
    """A result, and the number of the rule that chose it; None where none did."""

    result: FailureResult
    rule: int | None = None


def decided(policy: Sequence[PolicyRule], failure: Failure, default: FailureResult) -> Decided:
    """The result of the first rule that the failure matches, else the default."""
    matches = (Decided(rule.result, number) for number, rule in enumerate(policy) if _matches(rule, failure))
    return next(matches, Decided(default))


def failed(policy: Sequence[PolicyRule], failure: Failure, message: str, default: FailureResult = "FAILED") -> Outcome:
    """The outcome of a failure: what the policy makes of it, whose fault it is, and what to do about it."""
    status, rule = decided(
        policy, failure, "FAILED_WITH_TERMINAL_ERROR" if failure.reason in STOPPED_BY_PEOPLE else default
    )
    fault = fault_of(failure.reason)
    return Outcome(
        status=status,
        reason=failure.reason,
        message=message,
        failure_class=fault.failure_class if fault else None,
        remedy=remedy_of(failure.reason),
        failure_policy_rule=rule,
    )


def _matches(rule: PolicyRule, failure: Failure) -> bool:
    if failure.reason in rule.on_reason or failure.exit_code in rule.on_exit_code:
        return True
    return any(_names(name, exception) for name in rule.on_exception for exception in failure.exceptions)


def _names(name: str, exception: str) -> bool:
    """A name without a module is that of the class alone, wherever it is defined."""
    return name == (exception if "." in name else exception.rpartition(".")[2])


def class_names(names: Iterable[str]) -> tuple[str, ...]:
    """Those that can be names of classes, of the first few: a task can send anything."""
    return tuple(name for name in islice(names, MOST_CLASSES) if len(name) <= LONGEST_CLASS and _CLASS.fullmatch(name))
