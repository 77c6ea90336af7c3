"""Controls and workspace specs: what they accept, what they refuse, and what they keep."""

import dataclasses
from collections.abc import Callable

import pytest

import perago
from perago import models

BUDGET = {
    "observed_merge_p99_seconds": 20,
    "safety_margin_seconds": 10,
    "lakefs_merge_timeout_seconds": 30,
    "conductor_completion_timeout_seconds": 5,
    "worker_shutdown_grace_seconds": 7,
    "heartbeat_interval_seconds": 11,
}


def test_controls_have_the_contracts_defaults() -> None:
    """An author who says nothing gets three fixed retries a minute apart and a response time-out of ten minutes."""
    controls = perago.TaskControls()
    assert dataclasses.astuple(controls.retry) == (3, "FIXED", 60, 0, 0)
    assert dataclasses.astuple(controls.timeout) == ("TIME_OUT_WF", 0, 600, 0, 0)
    assert dataclasses.astuple(controls.limits) == (None, None, None)
    assert controls.publish_budget is None
    assert controls.response_timeout_seconds == 600


def test_named_values_are_the_defaults() -> None:
    """`perago.models` names the values that others depend on."""
    named = (models.DEFAULT_RETRY_COUNT, models.DEFAULT_RETRY_DELAY_SECONDS, models.DEFAULT_TIMEOUT_RESPONSE_SECONDS)
    assert (*named, models.MAX_RETRY_COUNT) == (3, 60, 600, 10)


@pytest.mark.parametrize("logic", ["FIXED", "EXPONENTIAL_BACKOFF", "LINEAR_BACKOFF"])
@pytest.mark.parametrize("count", [0, 10])
def test_retries_take_the_three_logics_and_up_to_ten(logic: models.RetryLogic, count: int) -> None:
    """Both ends of the range and each logic are accepted."""
    assert perago.RetryPolicy(count=count, logic=logic, delay_seconds=0).count == count


@pytest.mark.parametrize("policy", ["RETRY", "TIME_OUT_WF", "ALERT_ONLY"])
def test_timeouts_take_the_three_policies(policy: models.TimeoutAction) -> None:
    """Each of Conductor's policies is accepted."""
    assert perago.TimeoutPolicy(policy=policy).policy == policy


def test_limits_come_alone_or_the_rate_pair_together() -> None:
    """A limit on attempts at once stands alone; the two rate limits need each other."""
    assert perago.ExecutionLimits(concurrent_exec_limit=1).concurrent_exec_limit == 1
    limits = perago.ExecutionLimits(rate_limit_frequency_in_seconds=60, rate_limit_per_frequency=2)
    assert limits.concurrent_exec_limit is None


def test_a_budgets_response_timeout_is_the_sum_of_its_stages() -> None:
    """Merge, completion, grace and heartbeat add up; p99 and margin do not."""
    assert perago.PublishBudget(**BUDGET).response_timeout_seconds == 30 + 5 + 7 + 11


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: perago.RetryPolicy(count=11), "RetryPolicy.count must be .* at most 10, not 11"),
        (lambda: perago.RetryPolicy(count=-1), "RetryPolicy.count .* not -1"),
        (lambda: perago.RetryPolicy(count=True), "RetryPolicy.count .* not True"),
        (lambda: perago.RetryPolicy(count=1.5), "RetryPolicy.count .* not 1.5"),  # type: ignore[arg-type]
        (lambda: perago.RetryPolicy(logic="RANDOM"), "RetryPolicy.logic must be one of FIXED"),  # type: ignore[arg-type]
        (lambda: perago.RetryPolicy(delay_seconds=-1), "RetryPolicy.delay_seconds"),
        (lambda: perago.TimeoutPolicy(policy="NEVER"), "TimeoutPolicy.policy"),  # type: ignore[arg-type]
        (lambda: perago.TimeoutPolicy(response_seconds=0), "TimeoutPolicy.response_seconds"),
        (lambda: perago.TimeoutPolicy(total_seconds=-1), "TimeoutPolicy.total_seconds"),
        (lambda: perago.ExecutionLimits(concurrent_exec_limit=0), "ExecutionLimits.concurrent_exec_limit"),
        (lambda: perago.ExecutionLimits(rate_limit_per_frequency=1), "rate_limit_frequency_in_seconds must be given"),
        (lambda: perago.ExecutionLimits(rate_limit_frequency_in_seconds=1), "rate_limit_per_frequency must be given"),
        (lambda: perago.PublishBudget(**BUDGET | {"lakefs_merge_timeout_seconds": 29}), r"plus margin \(30\), not 29"),
        (lambda: perago.PublishBudget(**BUDGET | {"safety_margin_seconds": -1}), "PublishBudget.safety_margin_seconds"),
        (lambda: perago.TaskControls(retry=3), "TaskControls.retry must be a RetryPolicy, not 3"),  # type: ignore[arg-type]
        (lambda: perago.TaskControls(publish_budget=1), "TaskControls.publish_budget"),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_control_names_field_and_value(make: Callable[[], object], words: str) -> None:
    """Each refusal is a TaskDefinitionError with the field, the rule and the value."""
    with pytest.raises(perago.TaskDefinitionError, match=words):
        make()


@pytest.mark.parametrize(
    ("given", "kept"),
    [("/", "/"), ("", "/"), ("/audio/render", "audio/render"), ("audio/render/", "audio/render"), ("a b", "a b")],
)
def test_a_prefix_is_kept_without_outer_slashes_and_the_root_as_a_slash(given: str, kept: str) -> None:
    """However it is written, one prefix is kept in one form."""
    assert perago.WorkspaceSpec(prefix=given).prefix == kept


@pytest.mark.parametrize(
    "bad", ["//", "///", "..", "a/../b", "a/./b", "a//b", "a\\b", "C:/x", "a/c:/x", " ", "a/ /b", "a\0b", None, 3]
)
def test_a_prefix_outside_the_repository_is_refused(bad: str) -> None:
    """Dots, empty parts, drives and backslashes name no place in a repository."""
    with pytest.raises(perago.TaskDefinitionError, match=r"WorkspaceSpec\.prefix"):
        perago.WorkspaceSpec(prefix=bad)


def test_a_spec_keeps_its_guardrails_as_lists_of_its_own() -> None:
    """Changing the author's list afterwards changes nothing in the spec."""
    guardrails = [perago.require_file("a")]
    spec = perago.WorkspaceSpec(pre=guardrails)
    guardrails.clear()
    assert (spec.pre, spec.post, spec.read_only) == ([perago.require_file("a")], [], False)


@pytest.mark.parametrize(
    "make",
    [
        lambda: perago.WorkspaceSpec(pre="a"),  # type: ignore[arg-type]
        lambda: perago.WorkspaceSpec(post=["a"]),  # type: ignore[list-item]
        lambda: perago.WorkspaceSpec(read_only=1),  # type: ignore[arg-type]
    ],
)
def test_a_spec_refuses_what_is_no_guardrail_or_no_flag(make: Callable[[], object]) -> None:
    """Texts in place of guardrails, and numbers in place of flags, are refused by name."""
    with pytest.raises(perago.TaskDefinitionError, match="WorkspaceSpec"):
        make()


@pytest.mark.parametrize(
    ("declaration", "fields"),
    [
        (perago.WorkspaceSpec, {}),
        (perago.TaskControls, {}),
        (perago.RetryPolicy, {}),
        (perago.TimeoutPolicy, {}),
        (perago.ExecutionLimits, {}),
        (perago.PublishBudget, BUDGET),
    ],
)
def test_an_unknown_field_of_a_declaration_is_refused(
    declaration: Callable[..., object], fields: dict[str, int]
) -> None:
    """A misspelled option is never taken for one that was left out."""
    declaration(**fields)
    with pytest.raises(TypeError, match="colour"):
        declaration(**fields, colour="red")


def test_an_unknown_name_of_the_module_is_an_attribute_error() -> None:
    """`perago.models` has WorkspaceInput and WorkspaceOutput, and no name that nobody gave it."""
    assert models.WorkspaceInput is perago.WorkspaceInput
    assert models.WorkspaceOutput is perago.WorkspaceOutput
    with pytest.raises(AttributeError, match="NoSuchName"):
        getattr(models, "NoSuchName")  # noqa: B009 - type checkers know that there is none
