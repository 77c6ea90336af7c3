"""Outcomes fit an object, survive a merge patch, and carry the precise reason."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perago import wire
from perago.agent import outcome as o
from perago.wire.policy import PolicyRule
from perago.wire.reasons import TASK_WORDS, WORDS
from tests.fakes.attempt_api import merge_patch

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_any_output_survives_the_merge_patch(output: dict[str, Any]) -> None:
    """What the API server keeps of the patch still holds the whole output, nulls and large integers included."""
    patch = json.loads(json.dumps(o.completed(output).to_json()))
    assert json.dumps(wire.Outcome.model_validate(merge_patch({}, patch)).full_output()) == json.dumps(output)


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), "\udce9"])
def test_an_output_that_json_cannot_say_is_refused(value: object) -> None:
    """NotJson, before anything is published: Conductor would refuse every report of it."""
    with pytest.raises(wire.NotJson, match="JSON cannot say"):
        o.check_output({"result": [value]})


@pytest.mark.parametrize(
    "output", [{"a": None}, {"a": [None]}, {"a": [{"b": None}]}, {"a": 2**63}, {"a": -(2**63) - 1}, {"a": 1.0}]
)
def test_what_a_merge_patch_would_change_is_packed(output: dict[str, Any]) -> None:
    """Such an output is stored compressed."""
    assert o.completed(output).output is None


def test_a_plain_output_stays_readable() -> None:
    """kubectl shows it."""
    assert o.completed({"a": [1, True, "x"]}).output == {"a": [1, True, "x"]}


@pytest.mark.parametrize("null", [None, 0], ids=["with nulls", "without"])
def test_an_output_over_the_limit_is_refused_with_its_size(null: int | None) -> None:
    """OutputTooLarge, before anything is published."""
    text = "".join(chr(number) for number in random.Random(1).choices(range(0x4E00, 0x9FFF), k=600_000))
    with pytest.raises(o.OutputTooLarge, match="compressed"):
        o.check_output({"result": text, "n": null})


def result(**changes: Any) -> wire.Result:
    return wire.Result.model_validate({"status": "FAILED", "reason": "TaskFailed", "message": "why"} | changes)


def test_the_agents_own_cause_is_more_precise_than_the_tasks_reason() -> None:
    """LakeFSUnreachable rather than the TaskExecutionError that crossed."""
    crossed = result(reason="TaskExecutionError")
    assert o.not_completed(crossed, wire.Reason.LAKEFS_UNREACHABLE, o.Terms()).reason == "LakeFSUnreachable"


def test_without_a_cause_the_tasks_reason_counts() -> None:
    """The exception's class."""
    assert o.not_completed(result(), None, o.Terms()).reason == "TaskFailed"


@pytest.mark.parametrize("reason", ["", "two words", "lower", "Ü", "A" * 101, "A\n", "<script>"])
def test_a_reason_that_is_no_word_is_replaced(reason: str) -> None:
    """A hostile task cannot write what it likes into a reason."""
    assert o.reason_word(reason) == "TaskExecutionError"


@pytest.mark.parametrize("word", sorted(set(WORDS) - set(TASK_WORDS)))
def test_a_task_cannot_give_a_reason_that_is_the_agents_or_the_operators(word: str) -> None:
    """`Canceled` would change the attempt's phase, `DeadlineExceeded` would look like Perago's."""
    assert o.not_completed(result(reason=word), None, o.Terms()).reason == "TaskExecutionError"


@pytest.mark.parametrize("word", [*sorted(TASK_WORDS), "TaskFailed", "KeyError"])
def test_a_task_gives_the_reasons_of_the_attempt_core_and_classes_of_its_own(word: str) -> None:
    """They stay as they are."""
    assert o.not_completed(result(reason=word), None, o.Terms()).reason == word


@given(st.text(max_size=50), st.integers(1, 20))
def test_messages_are_cut_to_their_limit(text: str, limit: int) -> None:
    """Never longer, and unchanged when they fit."""
    found = o.cut(text, limit)
    assert len(found) <= limit
    assert found == text or len(text) > limit


def test_the_tasks_traceback_is_recorded_within_its_limits() -> None:
    """What a hostile task sends is cut and stripped as well; a result without one records none."""
    sent = tuple(f"\x1b[31m{number} {'x' * 1000}" for number in range(1000))
    recorded = o.not_completed(result(traceback=sent), None, o.Terms()).traceback or ()
    assert recorded == wire.last_lines(sent)
    assert recorded[-1].startswith("999 x")
    assert o.not_completed(result(), None, o.Terms()).traceback is None


def test_a_failure_without_a_message_tells_its_reason() -> None:
    """Conductor gets a text in any case."""
    assert o.not_completed(result(message=None), None, o.Terms()).message == "TaskFailed"


LOOKUP = ("app.work.NoSuchStation", "builtins.KeyError", "builtins.LookupError", "builtins.Exception")
"""What crosses of an exception that is derived from KeyError."""


def policy(**rule: Any) -> o.Terms:
    """A policy of one rule, which is terminal."""
    return o.Terms(policy=(PolicyRule(result="FAILED_WITH_TERMINAL_ERROR", **rule),))


@pytest.mark.parametrize(
    ("rule", "changes", "matches"),
    [
        ({"on_exception": ("KeyError",)}, {"exceptions": LOOKUP}, True),
        ({"on_exception": ("builtins.KeyError",)}, {"exceptions": LOOKUP}, True),
        ({"on_exception": ("app.work.NoSuchStation",)}, {"exceptions": LOOKUP}, True),
        ({"on_exception": ("other.NoSuchStation",)}, {"exceptions": LOOKUP}, False),
        ({"on_exception": ("ValueError",)}, {"exceptions": LOOKUP}, False),
        ({"on_exit_code": (3,)}, {"reason": "SystemExit", "exit_code": 3}, True),
        ({"on_exit_code": (4,)}, {"reason": "SystemExit", "exit_code": 3}, False),
        ({"on_reason": ("TaskInputError",)}, {"reason": "TaskInputError"}, True),
        ({"on_reason": ("Disrupted",)}, {"reason": "Disrupted", "exceptions": ("app.Disrupted",)}, False),
    ],
)
def test_the_failure_policy_chooses_the_result(rule: Any, changes: Any, matches: bool) -> None:
    """By the classes of the exception, its exit code, or the reason; a class that is called like one is none."""
    recorded = o.not_completed(result(**changes), None, policy(**rule))
    want = ("FAILED_WITH_TERMINAL_ERROR", 0) if matches else ("FAILED", None)
    assert (recorded.status, recorded.failure_policy_rule) == want


def test_what_a_task_says_of_itself_counts_for_nothing_where_the_agent_knows_better() -> None:
    """The exception that it raised for a call of the agent's is not its own."""
    raised = result(exceptions=("perago.errors.TaskExecutionError", "builtins.Exception"), exit_code=3)
    for rule in ({"on_exception": ("Exception",)}, {"on_exit_code": (3,)}):
        assert o.not_completed(raised, wire.Reason.LAKEFS_UNREACHABLE, policy(**rule)).status == "FAILED"
    by_reason = policy(on_reason=("LakeFSUnreachable",))
    assert o.not_completed(raised, wire.Reason.LAKEFS_UNREACHABLE, by_reason).status == "FAILED_WITH_TERMINAL_ERROR"
    assert o.failed(wire.Reason.LAKEFS_UNREACHABLE, "why", by_reason).status == "FAILED_WITH_TERMINAL_ERROR"


@pytest.mark.parametrize(
    ("reason", "cause", "fault"),
    [
        ("KeyError", None, "User"),
        ("TaskFailed", None, "User"),
        ("InvalidTask", None, "Configuration"),
        ("StaleAttemptError", None, "User"),
        ("LakeFSUnreachable", None, "User"),
        ("TaskExecutionError", wire.Reason.LAKEFS_UNREACHABLE, "Infrastructure"),
        ("TaskInputError", wire.Reason.LAKEFS_FORBIDDEN, "Configuration"),
    ],
)
def test_a_task_cannot_blame_the_infrastructure(reason: str, cause: wire.Reason | None, fault: str) -> None:
    """Only what the agent itself has seen counts as a failure of a server."""
    assert o.not_completed(result(reason=reason), cause, o.Terms()).failure_class == fault


def test_an_outcome_carries_the_remedy_of_its_reason() -> None:
    """Where there is one: nobody knows what to do about an exception of somebody's own."""
    assert o.failed(wire.Reason.LAKEFS_FORBIDDEN, "no", o.Terms()).remedy == wire.Reason.LAKEFS_FORBIDDEN.remedy
    assert o.not_completed(result(reason="KeyError"), None, o.Terms()).remedy is None
