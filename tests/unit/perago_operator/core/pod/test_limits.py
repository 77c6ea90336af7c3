"""What an attempt may ask for by itself."""

from typing import Any

import pytest

from perago_operator.api.attempt import AttemptSpec
from perago_operator.core.config import AttemptLimits, Config
from perago_operator.core.pod.limits import attempt_problem
from perago_operator.core.pod.manifest import pod_manifest
from tests import builders as b

CEILING = {"cpu": "2", "memory": "1Gi", "storage": "10Gi"}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"resources": {"limits": {"memory": "1025Mi"}}}, "spec.resources.limits.memory is 1025Mi"),
        ({"resources": {"requests": {"cpu": "2001m"}}}, "at most 2 (the chart's attempts.ceiling)"),
        ({"volume": {"size": "11Gi"}}, "spec.volume.size is 11Gi"),
        ({"shmSize": "2Gi"}, "spec.shmSize is 2Gi"),
    ],
)
def test_an_attempt_asks_for_no_more_than_the_ceiling(spec: dict[str, Any], words: str) -> None:
    """Of each resource that the ceiling names; the sentence says which."""
    given = AttemptSpec.model_validate(spec)
    assert words in str(attempt_problem(given, AttemptLimits(ceiling=CEILING)))
    assert attempt_problem(given, AttemptLimits()) is None


def test_what_is_at_the_ceiling_or_not_named_by_it_may_be_asked_for() -> None:
    """2000m are 2, and 1Gi are 1024Mi."""
    amounts = {"cpu": "2000m", "memory": "1024Mi", "example.com/gpu": 8}
    spec = AttemptSpec.model_validate({"resources": {"limits": amounts}, "volume": {"size": "10Gi"}, "shmSize": "1Gi"})
    assert attempt_problem(spec, AttemptLimits(ceiling=CEILING)) is None


@pytest.mark.parametrize(("field", "value"), [("module", "evil"), ("image", "evil:1")])
def test_an_attempt_has_no_code_of_its_own_where_that_is_not_allowed(field: str, value: str) -> None:
    """Then only PeragoTasks say what runs."""
    spec = AttemptSpec.model_validate({"taskRef": {"name": "build"}, "task": {field: value}})
    assert f"spec.task.{field} cannot be set" in str(attempt_problem(spec, AttemptLimits(own_code=False)))
    assert attempt_problem(spec, AttemptLimits()) is None


@pytest.mark.parametrize(
    ("resources", "limits"),
    [
        (None, {"cpu": "2", "memory": "1Gi"}),
        ({"limits": {"memory": "128Mi"}}, {"memory": "128Mi", "cpu": "2"}),
        ({"requests": {"memory": "4Gi"}}, {"memory": "4Gi", "cpu": "2"}),
    ],
)
def test_without_a_limit_the_ceiling_is_the_limit(resources: dict[str, Any] | None, limits: dict[str, str]) -> None:
    """Who says nothing gets no more than who asks; a PeragoTask may request more, and then has that much."""
    s = b.situation(
        b.attempt(task=None, taskRef={"name": "build"}),
        task=b.task(resources=resources),
        config=Config(attempts=AttemptLimits(ceiling=CEILING)),
    )
    pod: dict[str, Any] = pod_manifest(s.attempt, s.resolved, 1, s.config)
    agent, task = pod["spec"]["containers"]
    assert task["resources"]["limits"] == limits
    assert "cpu" not in agent["resources"]["limits"]
