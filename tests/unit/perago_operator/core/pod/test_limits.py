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


def task_resources(resources: dict[str, Any] | None, limits: AttemptLimits) -> dict[str, Any]:
    """The resources of the task's container, of a PeragoTask that says these."""
    s = b.situation(
        b.attempt(task=None, taskRef={"name": "build"}),
        task=b.task(resources=resources),
        config=Config(attempts=limits),
    )
    pod: dict[str, Any] = pod_manifest(s.attempt, s.resolved, 1, s.config)
    agent, task = pod["spec"]["containers"]
    assert "cpu" not in agent["resources"]["limits"]
    return dict(task["resources"])


@pytest.mark.parametrize(
    ("resources", "limits", "requests"),
    [
        (None, {"cpu": "2", "memory": "1Gi"}, {"cpu": "0", "memory": "0"}),
        ({"limits": {"memory": "128Mi"}}, {"memory": "128Mi", "cpu": "2"}, {"cpu": "0"}),
        ({"requests": {"memory": "4Gi"}}, {"memory": "4Gi", "cpu": "2"}, {"memory": "4Gi", "cpu": "0"}),
    ],
)
def test_without_a_limit_the_ceiling_is_the_limit_and_no_request(
    resources: dict[str, Any] | None, limits: dict[str, str], requests: dict[str, str]
) -> None:
    """Who says nothing gets no more than who asks, and takes no room; a limit that is said is also a request."""
    assert task_resources(resources, AttemptLimits(ceiling=CEILING)) == {"limits": limits, "requests": requests}


def test_a_limit_of_what_cannot_be_shared_is_nobodys_default() -> None:
    """It would give each task that says nothing eight GPUs, or 1 GiB of huge pages."""
    limits = AttemptLimits(ceiling={"cpu": "2", "example.com/gpu": "8", "hugepages-2Mi": "1Gi"})
    assert task_resources(None, limits) == {"limits": {"cpu": "2"}, "requests": {"cpu": "0"}}


def test_what_nobody_says_is_requested_by_default() -> None:
    """Also without a ceiling; a limit that is said is a request as well, in every pod."""
    requests = {"cpu": "100m", "memory": "64Mi"}
    assert task_resources(None, AttemptLimits(requests=requests)) == {"requests": requests}
    said = task_resources({"limits": {"memory": "32Mi"}}, AttemptLimits(requests=requests))
    assert said == {"limits": {"memory": "32Mi"}, "requests": {"cpu": "100m"}}


def test_a_default_request_may_exceed_the_ceiling() -> None:
    """Otherwise the API server would refuse the pod."""
    limits = AttemptLimits(ceiling={"cpu": "1"}, requests={"cpu": "2"})
    assert task_resources(None, limits) == {"limits": {"cpu": "2"}, "requests": {"cpu": "2"}}
