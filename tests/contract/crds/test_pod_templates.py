"""Pod templates at a real API server: whose each field of its own schema is, and what people read who set another's."""

import json
from typing import Any

import pytest

from perago_operator.api.podfields import POD_FIELDS, TASK_CONTAINER_FIELDS, PodField
from tests import builders as b
from tests.contract.crds.test_crds import attempt
from tests.kubectl import Kubectl


@pytest.mark.parametrize(("schema", "table"), [("PodSpec", POD_FIELDS), ("Container", TASK_CONTAINER_FIELDS)])
def test_no_field_of_the_api_server_is_missing(kubectl: Kubectl, schema: str, table: tuple[PodField, ...]) -> None:
    """A field of a new Kubernetes needs a row that says whose it is, and holds what the row says."""
    described = json.loads(kubectl("get", "--raw", "/openapi/v3/api/v1"))["components"]["schemas"]
    fields = described[f"io.k8s.api.core.v1.{schema}"]["properties"]
    rows = {field.name: field.kind for field in table}
    assert {name for name in fields if name not in rows} == set()
    assert {name for name, field in fields.items() if rows[name] not in kinds(field)} == set()


def kinds(field: dict[str, Any]) -> set[str]:
    """The kinds of the table that are such a field."""
    if field.get("type") == "array":
        return {"strings"} if field["items"].get("type") == "string" else {"objects"}
    if field.get("type") == "object":
        return {"texts"}
    return {field["type"]} if "type" in field else {"object", "resources"}


def of_attempt(**spec: Any) -> dict[str, Any]:
    """An attempt with this pod spec in its template."""
    return attempt(podTemplate={"spec": spec})


def of_task(name: str = "templated", **spec: Any) -> dict[str, Any]:
    """A PeragoTask with this pod spec in its template."""
    return {**b.task(podTemplate={"spec": spec}), "metadata": {"name": name}}


def container(**fields: Any) -> list[dict[str, Any]]:
    """Containers, of which the task's has these fields."""
    return [{"name": "task", **fields}]


PAYROLL = {"name": "s", "secret": {"secretName": "payroll-db"}}
IN_TASK = "Set it in spec.podTemplate of the PeragoTask."


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"volumes": [PAYROLL]}, f"podTemplate.spec.volumes cannot be set in an attempt. {IN_TASK}"),
        ({"hostAliases": [{"ip": "127.0.0.1"}]}, "podTemplate.spec.hostAliases cannot be set in an attempt. It"),
        ({"priorityClassName": "system-node-critical"}, "podTemplate.spec.priorityClassName cannot be set"),
        ({"nodeName": "n"}, "podTemplate.spec.nodeName cannot be set in an attempt. It would bypass the scheduler."),
        ({"serviceAccountName": "default"}, "podTemplate.spec.serviceAccountName cannot be set"),
        ({"terminationGracePeriodSeconds": 3600}, "spec.podTemplate.spec.terminationGracePeriodSeconds"),
        ({"hostNetwrok": True}, 'unknown field "spec.podTemplate.spec.hostNetwrok"'),
        ({"$patch": "replace"}, 'unknown field "spec.podTemplate.spec.$patch"'),
        ({"containers": [{"name": "side", "image": "x"}]}, "may name only the container 'task'"),
        ({"containers": [*container(), {"name": "side"}]}, "spec.podTemplate.spec.containers: Too many: 2"),
        ({"containers": container(image="x")}, "podTemplate.spec.containers[task].image cannot be set in an attempt"),
        ({"containers": container(envFrom=[{"secretRef": {"name": "s"}}])}, "containers[task].envFrom cannot be set"),
        ({"containers": container(env=[{"name": "A", "valueFrom": {}}])}, "env.valueFrom cannot be set"),
        ({"containers": container(ports=[{"containerPort": 1, "hostPort": 1}])}, "ports.hostPort cannot be set"),
        ({"containers": container(resources={"limits": {"memory": "1e999"}})}, "resources.limits.memory"),
    ],
)
def test_what_an_attempt_may_not_say_is_refused_by_name(kubectl: Kubectl, spec: dict[str, Any], words: str) -> None:
    """At `kubectl apply`, with what to do instead."""
    assert words in " ".join(kubectl.refusal(of_attempt(**spec)).split())


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"hostPID": True}, "podTemplate.spec.hostPID cannot be set. It would bring the task"),
        ({"dnsPolicy": "None"}, "podTemplate.spec.dnsPolicy cannot be set. It applies to the agent"),
        (
            {"containers": container(securityContext={})},
            "podTemplate.spec.containers[task].securityContext cannot be set.",
        ),
        ({"containers": [{"name": "agent", "command": ["x"]}]}, "only resources of the container 'agent'"),
        ({"containers": [{"name": "side", "imag": "x"}]}, 'unknown field "spec.podTemplate.spec.containers[0].imag"'),
        ({"initContainers": [{"image": "x"}]}, "spec.podTemplate.spec.initContainers[0].name: Required value"),
    ],
)
def test_what_a_peragotask_may_not_say_is_refused_by_name(kubectl: Kubectl, spec: dict[str, Any], words: str) -> None:
    """The rest of it is its author's."""
    assert words in " ".join(kubectl.refusal(of_task(**spec)).split())


def test_what_an_attempt_may_say_is_kept_and_stays(kubectl: Kubectl) -> None:
    """Unchanged, and it cannot be changed later, at any depth."""
    affinity = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": {}}]}}
    spec = {
        "nodeSelector": {"disk": "ssd"},
        "affinity": affinity,
        "tolerations": [{"operator": "Exists"}],
        "topologySpreadConstraints": [{"topologyKey": "zone", "maxSkew": 1}],
        "runtimeClassName": "kata",
        "terminationGracePeriodSeconds": 300,
        "containers": container(
            env=[{"name": "MODE", "value": "fast"}],
            ports=[{"containerPort": 8080, "name": "http"}],
            resources={"limits": {"memory": "1Gi", "cpu": 1}},
        ),
    }
    made = of_attempt(**spec)
    kubectl.create(made)
    name = made["metadata"]["name"]
    assert kubectl.json("get", "pa", name)["spec"]["podTemplate"]["spec"] == spec
    preferred = [{"weight": 2, "preference": {}}]
    deep = {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}}
    assert "spec.podTemplate cannot be changed" in kubectl.patch(name, {"spec": {"podTemplate": {"spec": deep}}})


def test_what_a_peragotask_may_say_is_kept(kubectl: Kubectl) -> None:
    """Volumes, Secrets, other containers."""
    spec = {
        "volumes": [{"name": "s", "secret": {"secretName": "settings"}}],
        "priorityClassName": "high",
        "initContainers": [{"name": "before", "image": "x", "securityContext": {"runAsUser": 1}}],
        "containers": [
            {"name": "task", "envFrom": [{"secretRef": {"name": "s"}}], "command": ["python"], "tty": True},
            {"name": "agent", "resources": {"limits": {"memory": "1Gi"}}},
            {"name": "side", "image": "y", "livenessProbe": {"exec": {"command": ["true"]}}},
        ],
    }
    kubectl.create(of_task("full", **spec))
    assert kubectl.json("get", "pt", "full")["spec"]["podTemplate"]["spec"] == spec


@pytest.mark.parametrize("size", ["1e999999", "1e100", "1" * 21])
def test_a_quantity_that_takes_long_to_read_is_refused(kubectl: Kubectl, size: str) -> None:
    """Kubernetes' own pattern takes it, and computing with it stops whoever does."""
    assert "spec.volume.size" in kubectl.refusal(attempt(volume={"size": size}))
