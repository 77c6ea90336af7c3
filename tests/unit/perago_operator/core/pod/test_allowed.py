"""What pod templates of attempts and of PeragoTasks may say, and what a merged pod keeps."""

from typing import Any

import pytest

from perago_operator.api.podfields import POD_FIELDS, TASK_CONTAINER_FIELDS, PodField, Whose
from perago_operator.core.config import AttemptLimits
from perago_operator.core.pod.allowed import field_problem, merged_problem, structure_problem
from perago_operator.core.pod.manifest import pod_manifest
from perago_operator.core.pod.template import merged
from tests import builders as b

VALUES: dict[str, Any] = {
    "string": "x",
    "boolean": True,
    "integer": 1,
    "object": {},
    "texts": {},
    "resources": {},
    "objects": [],
    "strings": [],
}


LIMITS = AttemptLimits(runtime_classes=("x",))


def of_attempt(limits: AttemptLimits = LIMITS, /, **spec: Any) -> str | None:
    """What is wrong with an attempt's template of this pod spec."""
    return field_problem({"spec": spec}, Whose.ATTEMPT, limits)


def of_task(limits: AttemptLimits = LIMITS, /, **spec: Any) -> str | None:
    """What is wrong with a PeragoTask's template of this pod spec."""
    return field_problem({"spec": spec}, Whose.TASK, limits)


def container(**fields: Any) -> dict[str, Any]:
    """A pod spec that says this of the task's container."""
    return {"containers": [{"name": "task", **fields}]}


@pytest.mark.parametrize("field", POD_FIELDS, ids=lambda field: field.name)
def test_each_field_of_a_pod_is_refused_by_name_or_taken(field: PodField) -> None:
    """As its row of the table says, of an attempt and of a PeragoTask; a refusal ends with what to do instead."""
    value = VALUES[field.kind]
    problems = of_attempt(**{field.name: value}), of_task(**{field.name: value})
    refused = f"podTemplate.spec.{field.name} cannot be set"
    want = {
        Whose.ATTEMPT: (None, None),
        Whose.TASK: (f"{refused} in an attempt. Set it in spec.podTemplate of the PeragoTask.", None),
    }
    nobody = f"{refused} in an attempt. {field.say}", f"{refused}. {field.say}"
    assert problems == want.get(field.whose, nobody)


@pytest.mark.parametrize("field", TASK_CONTAINER_FIELDS, ids=lambda field: field.name)
def test_each_field_of_the_tasks_container_is_refused_by_name_or_taken(field: PodField) -> None:
    """The same."""
    spec = container(**{field.name: "task" if field.name == "name" else VALUES[field.kind]})
    attempts = field.whose is Whose.ATTEMPT
    tasks = attempts or field.whose is Whose.TASK
    for problem, allowed in ((of_attempt(**spec), attempts), (of_task(**spec), tasks)):
        assert (problem is None) is allowed
        assert allowed or f"podTemplate.spec.containers[task].{field.name} cannot be set" in str(problem)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"hostNetwrok": True}, "podTemplate.spec.hostNetwrok cannot be set: no such field"),
        (container(Env=[]), "containers[task].Env cannot be set: no such field"),
        ({"containers": {"0": {"name": "task"}}}, "podTemplate.spec.containers must be of type array"),
        ({"containers": ["task"]}, "podTemplate.spec.containers must be of type array"),
        ({"terminationGracePeriodSeconds": True}, "must be of type integer"),
        ({"nodeSelector": []}, "podTemplate.spec.nodeSelector must be of type object"),
        ({"containers": [{"name": "agent", "image": "evil"}]}, "only resources of the container 'agent'"),
        ({"containers": [{"name": "agent", "volumeMounts": []}]}, "only resources of the container 'agent'"),
        ({"initContainers": [{"name": "i", "imag": "x"}]}, "initContainers[i].imag cannot be set: no such field"),
    ],
)
def test_what_nobody_may_say_is_refused_of_a_peragotask(spec: dict[str, Any], words: str) -> None:
    """Typing errors, other JSON than the field holds, and what is the agent's."""
    assert words in str(of_task(**spec))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"containers": [{"name": "side", "image": "x"}]}, "may name only the container 'task'"),
        ({"containers": [{"name": "agent", "resources": {}}]}, "may name only the container 'task'"),
        (container(env=[{"name": "A", "valueFrom": {}}]), "env.valueFrom cannot be set in an attempt"),
        (container(ports=[{"containerPort": 1, "hostPort": 1}]), "ports.hostPort cannot be set in an attempt"),
        ({"terminationGracePeriodSeconds": 301}, "must be from 0 to 300"),
        ({"terminationGracePeriodSeconds": -1}, "must be from 0 to 300"),
        ({"runtimeClassName": "gvisor"}, "allow it in the chart's attempts.runtimeClassNames"),
        (container(resources={"limits": {"memory": "2Gi"}}), "resources.limits.memory is 2Gi"),
        (container(resources={"requests": {"cpu": 2}}), "resources.requests.cpu is 2"),
        (container(env=[{"name": "PYTHONPATH", "value": "/w"}]), "variables can choose code"),
    ],
)
def test_values_of_an_attempt_have_bounds(spec: dict[str, Any], words: str) -> None:
    """Beyond them, its PeragoTask has to say it."""
    limits = AttemptLimits(own_code=False, ceiling={"memory": "1Gi", "cpu": "1500m"})
    assert words in str(of_attempt(limits, **spec))
    assert of_task(limits, **spec) is None


@pytest.mark.parametrize(
    ("labels", "allowed"),
    [
        ({"attempt.perago.dev/team": "x"}, True),
        ({"kueue.x-k8s.io/queue-name": "x"}, True),
        ({"kueue.x-k8s.io/queue-names": "x"}, False),
        ({"app": "bank"}, False),
        ({"perago.dev/workflow": "w"}, False),
    ],
)
def test_labels_of_an_attempt_make_its_pod_nobody_elses(labels: dict[str, str], allowed: bool) -> None:
    """A Service or a NetworkPolicy selects pods by labels: an attempt has only keys that the chart names."""
    template: dict[str, Any] = {"metadata": {"labels": labels}}
    assert (field_problem(template, Whose.ATTEMPT, AttemptLimits()) is None) is allowed
    ours = next(iter(labels)).startswith("perago.dev/")
    assert (field_problem(template, Whose.TASK, AttemptLimits()) is None) is not ours


def test_annotations_do_not_confine_containers_otherwise() -> None:
    """Older clusters choose profiles by annotations."""
    key = "container.apparmor.security.beta.kubernetes.io/agent"
    template: dict[str, Any] = {"metadata": {"annotations": {key: "unconfined"}}}
    problem = str(field_problem(template, Whose.TASK, AttemptLimits()))
    assert f"annotations cannot have the key {key}" in problem


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ({"spec": {"$patch": "replace"}}, "podTemplate.spec has the merge directive '$patch'"),
        ({"spec": {"a": [{"$setElementOrder/env": []}]}}, "podTemplate.spec.a[0] has the merge directive"),
        ({"spec": {"affinity": {"nodeAffinity": None}}}, "podTemplate.spec.affinity.nodeAffinity is null"),
    ],
)
def test_directives_and_nulls_are_refused_wherever_they_stand(template: dict[str, Any], words: str) -> None:
    """They take away what the operator has set."""
    assert words in str(structure_problem(template))


def test_a_template_has_an_end() -> None:
    """10,000 levels are refused, not a RecursionError; a pod's own 15 are none too many."""
    deep: dict[str, Any] = {}
    for _ in range(10_000):
        deep = {"a": deep}
    assert "more than 32 levels" in str(structure_problem(deep))
    assert structure_problem({"spec": {"affinity": {"nodeAffinity": {"x": [{"y": [{"z": "1"}]}]}}}}) is None


@pytest.mark.parametrize("part", ["metadata", "spec"])
@pytest.mark.parametrize("value", ["text", []])
def test_metadata_and_spec_of_a_template_are_objects(part: str, value: Any) -> None:
    """The models let any JSON in."""
    assert field_problem({part: value}, Whose.TASK, AttemptLimits()) == f"podTemplate.{part} must be an object"


@pytest.mark.parametrize(
    ("patch", "lost"),
    [
        ({"serviceAccountName": "default"}, "serviceAccountName"),
        ({"hostPID": True}, "hostPID"),
        ({"hostAliases": [{"ip": "127.0.0.1"}]}, "hostAliases"),
        ({"dnsPolicy": "None"}, "dnsPolicy"),
        ({"securityContext": {"fsGroup": 0}}, "securityContext"),
        ({"containers": [{"name": "agent", "image": "evil"}]}, "image of the agent"),
        ({"containers": [{"name": "agent", "args": ["x"]}]}, "args of the agent"),
        ({"containers": [{"name": "task", "securityContext": {"privileged": True}}]}, "securityContext of the task"),
        ({"containers": [{"name": "task", "image": "evil"}]}, "image of the task"),
        ({"containers": [{"name": "task", "volumeMounts": [{"mountPath": "/tmp", "name": "x"}]}]}, "the mount /tmp"),
        ({"volumes": [{"name": "cluster-token", "emptyDir": {}}]}, "the volume cluster-token"),
        ({"containers": {}}, "the containers"),
    ],
)
def test_a_merged_pod_keeps_all_that_is_ours(patch: dict[str, Any], lost: str) -> None:
    """Whatever the look at the template has let through."""
    s = b.situation()
    ours = pod_manifest(s.attempt, s.resolved, 1, s.config)
    assert merged_problem(ours, ours) is None
    pod = merged(ours, {"spec": patch})
    assert (
        merged_problem(pod, ours) == f"podTemplate changes {lost} of the pod, which the operator decides. Leave it out."
    )


def test_what_a_template_adds_is_no_loss() -> None:
    """Volumes, containers, variables, and more room for the agent."""
    s = b.situation()
    ours = pod_manifest(s.attempt, s.resolved, 1, s.config)
    added: list[Any] = [
        {"name": "side", "image": "x"},
        {"name": "task", "env": [{"name": "A", "value": "b"}]},
        {"name": "agent", "resources": {"limits": {"memory": "1Gi"}}},
    ]
    pod = merged(ours, {"spec": {"containers": added, "volumes": [{"name": "mine", "emptyDir": {}}]}})
    assert merged_problem(pod, ours) is None
