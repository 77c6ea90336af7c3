"""What metrics count of attempts, kept with each change."""

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.watch.counts import Counts
from tests import builders as b

WAITS = b.condition("PodReady", "False", "Unschedulable")
STATES: dict[str, dict[str, Any]] = {
    "new": {},
    "waits": {"phase": "Starting", "conditions": [WAITS]},
    "runs": {"phase": "Running", "conditions": [b.condition("PodReady", "True", "PodRunning")]},
    "pending": {
        "phase": "Finishing",
        "conditions": [WAITS],
        "outcome": b.completed(),
        "reporting": {"state": "Pending"},
    },
    "over": {"phase": "Succeeded", "outcome": b.completed(), "reporting": {"state": "Accepted"}},
}
PHASES = {
    "new": ("", ""),
    "waits": ("Starting", ""),
    "runs": ("Running", ""),
    "pending": ("Finishing", "COMPLETED"),
    "over": ("Succeeded", "COMPLETED"),
}
REASONS = {"new": "Unseen", "waits": "Unschedulable"}
ATTEMPTS = {
    (number, state): PeragoAttempt.model_validate(
        b.attempt(
            standalone=True,
            meta={"name": f"a{number}", "uid": f"uid-{number}"},
            taskRef={"name": f"task-{number % 2}"},
            status=status,
        )
    )
    for number in range(4)
    for state, status in STATES.items()
}


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([*STATES, "gone"]))))
def test_counting_with_each_change_is_counting_all(changes: list[tuple[int, str]]) -> None:
    """Whatever becomes of the attempts; a kind of which there is none is not there."""
    counts, now = Counts(), dict[int, str]()
    for number, state in changes:
        counts.changed(ATTEMPTS.get((number, now.get(number, "gone"))), ATTEMPTS.get((number, state)))
        now[number] = state
    there = {number: state for number, state in now.items() if state != "gone"}
    waiting = [("ns", f"task-{number % 2}", REASONS[state]) for number, state in there.items() if state in REASONS]
    assert dict(counts.phases) == dict(Counter(PHASES[state] for state in there.values()))
    assert dict(counts.waits) == dict(Counter(waiting))
    assert counts.unreported == {f"uid-{number}" for number, state in there.items() if state == "pending"}
