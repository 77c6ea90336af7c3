"""The failure policy: ordered rules, of which the first that matches decides."""

from typing import Final

import pytest

from perago.wire.faults import FAULTS, Fault, fault_of, remedy_of
from perago.wire.policy import LONGEST_CLASS, MOST_CLASSES, Decided, Failure, PolicyRule, class_names, decided, failed
from perago.wire.reasons import Reason

TERMINAL: Final = "FAILED_WITH_TERMINAL_ERROR"


def test_the_first_rule_that_matches_decides() -> None:
    """Whatever it looks at; its number is told."""
    policy = (
        PolicyRule(on_exit_code=(3,), result="FAILED"),
        PolicyRule(on_reason=("TaskExited",), result="FAILED_WITH_TERMINAL_ERROR"),
        PolicyRule(on_reason=("TaskExited", "OOMKilled"), result="FAILED"),
    )
    assert decided(policy, Failure("TaskExited", 3), TERMINAL) == Decided("FAILED", 0)
    assert decided(policy, Failure("TaskExited", 4), "FAILED") == Decided(TERMINAL, 1)
    assert decided(policy, Failure("OOMKilled"), TERMINAL) == Decided("FAILED", 2)
    assert decided(policy, Failure("Unschedulable"), TERMINAL) == Decided(TERMINAL, None)


@pytest.mark.parametrize(
    "name", ["", "two words", "Disrupted\n", "1st", "a..b", ".a", "a.", "x" * (LONGEST_CLASS + 1), "<locals>"]
)
def test_what_cannot_be_a_class_is_dropped(name: str) -> None:
    """A hostile task can send anything."""
    assert class_names([name, "builtins.ValueError"]) == ("builtins.ValueError",)


def test_only_the_nearest_classes_count() -> None:
    """A class may have any number of bases."""
    assert class_names(f"C{number}" for number in range(10**9)) == tuple(f"C{number}" for number in range(MOST_CLASSES))


@pytest.mark.parametrize("reason", [Reason.CANCELED, Reason.ATTEMPT_DELETED])
def test_what_people_have_stopped_is_not_retried(reason: Reason) -> None:
    """Conductor retries what is FAILED: whoever wants that of canceled attempts says so in a policy."""
    assert failed((), Failure(reason.value), "stopped").status == TERMINAL
    policy = (PolicyRule(on_reason=(reason.value,), result="FAILED"),)
    assert failed(policy, Failure(reason.value), "stopped").status == "FAILED"


def test_a_reason_that_is_no_published_word_is_the_users() -> None:
    """It is the class of an exception; attempts that were stopped are nobody's fault."""
    assert (fault_of("KeyError"), remedy_of("KeyError")) == (Fault.USER, None)
    assert (fault_of("Canceled"), fault_of("Disrupted")) == (None, Fault.INFRASTRUCTURE)
    assert all(fault_of(reason.value) is fault for reason, fault in FAULTS.items())
    assert remedy_of("OOMKilled") == Reason.OOM_KILLED.remedy
