"""The CRDs on a real API server: what they accept, what they refuse and in which words, what kubectl shows."""

import json
import uuid
from typing import Any

import pytest
import yaml

from perago.wire.order import is_import_path
from perago_operator.api.crds import SIZE_LIMIT, main, rendered
from tests import builders as b
from tests.contract.conftest import CRDS
from tests.kubectl import Kubectl

TASK_TYPE = {"taskType": "build", "workflowInstanceId": "w", "taskId": "t", "referenceTaskName": "r", "seq": 1}


def attempt(name: str | None = None, **spec: Any) -> dict[str, Any]:
    """A standalone attempt as a person writes it; fields given as None are left out."""
    made = b.attempt(standalone=True, **spec)
    made["metadata"] = {"name": name or f"a-{uuid.uuid4().hex[:8]}"}
    del made["status"]
    return made


def test_the_committed_crds_are_those_of_the_models() -> None:
    """CI runs the same check."""
    assert main(["--check", str(CRDS)]) == 0


def test_each_crd_is_small() -> None:
    """Under 64 KB, so that server and clients load it quickly and `kubectl apply` can annotate it."""
    assert all(len(json.dumps(yaml.safe_load(text))) < SIZE_LIMIT for text in rendered().values())


def test_client_side_apply_takes_them(kubectl: Kubectl) -> None:
    """Twice in a row: `kubectl apply -f crds/` is how people install them by hand."""
    kubectl("apply", "-f", str(CRDS))
    assert "unchanged" in kubectl("apply", "-f", str(CRDS))


def test_a_full_attempt_is_accepted(kubectl: Kubectl) -> None:
    """Every field of the spec at once."""
    full = attempt(
        taskRef={"name": "build"},
        conductor=TASK_TYPE,
        volume={"size": "1Gi", "storageClassName": "fast"},
        resources={"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": 1, "memory": "1.5Gi"}},
        activeDeadlineSeconds=60,
        ttlSecondsAfterFinished=0,
        disruptionRetries=0,
        failurePolicy=[
            {"onReason": ["OOMKilled", "TaskInputError"], "result": "FAILED_WITH_TERMINAL_ERROR"},
            {"onExitCode": [0, 255], "result": "FAILED"},
            {"onException": ["ValueError", "requests.exceptions.HTTPError"], "result": "FAILED"},
        ],
        podTemplate={"metadata": {"labels": {"x": "y"}}, "spec": {"tolerations": [{"operator": "Exists"}]}},
        cancel=False,
    )
    kubectl.create(full)
    kept = kubectl.json("get", "pa", full["metadata"]["name"])
    assert kept["spec"] == full["spec"]


def test_nulls_in_an_input_are_kept(kubectl: Kubectl) -> None:
    """They are part of what Conductor gave."""
    made = attempt(input={"params": {"limit": None, "deep": [{"x": None}]}})
    kubectl.create(made)
    kept = kubectl.json("get", "pa", made["metadata"]["name"])
    assert kept["spec"]["input"] == made["spec"]["input"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"input": None}, "exactly one of spec.input and spec.inputFrom must be set"),
        ({"inputFrom": "Conductor", "conductor": TASK_TYPE}, "exactly one of spec.input and spec.inputFrom"),
        ({"input": None, "inputFrom": "Conductor"}, "spec.inputFrom Conductor needs spec.conductor"),
        (
            {"input": None, "inputFrom": "Conductor", "conductor": TASK_TYPE, "inputJson": "{}"},
            "spec.inputJson needs spec",
        ),
        ({"input": None, "inputFrom": "File", "conductor": TASK_TYPE}, "spec.inputFrom"),
        ({"input": "text"}, "spec.input"),
        ({"task": None}, "spec.taskRef must be set, or both spec.task.module and spec.task.image"),
        ({"task": {"module": "m"}}, "spec.taskRef must be set, or both"),
        ({"inputs": {}}, 'unknown field "spec.inputs"'),
        ({"conductor": {**TASK_TYPE, "taskTyp": "x"}}, 'unknown field "spec.conductor.taskTyp"'),
        ({"conductor": {"taskType": "x"}}, "spec.conductor.taskId: Required value"),
        ({"volume": {"size": "1 GB"}}, "spec.volume.size"),
        ({"failurePolicy": [{"onReason": ["OOMKiled"], "result": "FAILED"}]}, 'Unsupported value: "OOMKiled"'),
        ({"volume": {"medium": "Disk"}}, "spec.volume.medium"),
        ({"resources": {"limits": {"memory": "1GiB"}}}, "spec.resources.limits.memory"),
        ({"activeDeadlineSeconds": 0}, "spec.activeDeadlineSeconds"),
        ({"failurePolicy": [{"onReason": [], "result": "FAILED"}]}, "spec.failurePolicy[0].onReason"),
        ({"failurePolicy": [{"onReason": ["X"], "result": "COMPLETED"}]}, "spec.failurePolicy[0].result"),
        ({"failurePolicy": [{"result": "FAILED"}]}, "exactly one of onReason, onExitCode and onException must be set"),
        (
            {"failurePolicy": [{"onReason": ["OOMKilled"], "onExitCode": [1], "result": "FAILED"}]},
            "exactly one of onReason, onExitCode and onException must be set",
        ),
        ({"failurePolicy": [{"onExitCode": [256], "result": "FAILED"}]}, "spec.failurePolicy[0].onExitCode[0]"),
        ({"failurePolicy": [{"onException": ["a b"], "result": "FAILED"}]}, "spec.failurePolicy[0].onException[0]"),
        ({"failurePolicy": [{"onException": ["x" * 129], "result": "FAILED"}]}, "spec.failurePolicy[0].onException[0]"),
        ({"task": {"module": "a b", "image": "i"}}, "must be the import path of a module, such as app.workers"),
        ({"task": {"module": "tasks/build.py", "image": "i"}}, "spec.task.module"),
        ({"task": {"module": "tasks.build.py", "image": "i"}}, "must be the import path of a module"),
        ({"task": {"module": "a:run", "image": "i"}}, "must be the import path of a module"),
        ({"task": {"module": "m", "image": "an image"}}, "must be the name of an image"),
        ({"taskRef": {"name": "My Task"}}, "spec.taskRef.name"),
    ],
)
def test_a_wrong_attempt_is_refused_by_field(kubectl: Kubectl, changes: dict[str, Any], words: str) -> None:
    """The refusal names the field, and says what would be right."""
    assert words in kubectl.refusal(attempt(**changes))


@pytest.mark.parametrize("module", ["m", "_private.m2", "größe.ʼn", "a.b.c_1", "²x.y", "データ.学習"])
def test_a_module_that_python_can_import_is_taken(kubectl: Kubectl, module: str) -> None:
    """The API server and Python agree on what a name is, in any alphabet."""
    assert is_import_path(module)
    kubectl.create(attempt(task={"module": module, "image": "i"}))


@pytest.mark.parametrize("name", ["a.b", "x" * 59])
def test_a_name_must_leave_room_for_the_pods(kubectl: Kubectl, name: str) -> None:
    """Pods are named after it, with a dash and a number, in one DNS label."""
    assert "metadata.name must be at most 58" in kubectl.refusal(attempt(name))


def test_a_conductor_task_id_is_a_good_name(kubectl: Kubectl) -> None:
    """They are UUIDs; the longest name that is allowed is taken, too."""
    kubectl.create(attempt(str(uuid.uuid4())))
    kubectl.create(attempt("y" * 58))


@pytest.mark.parametrize(
    "change",
    [
        {"input": {"params": {"x": 2}}},
        {"input": None},
        {"task": {"image": "other:1"}},
        {"taskRef": {"name": "other"}},
        {"podTemplate": {"spec": {"nodeSelector": {"a": "b"}}}},
        {"volume": {"size": "2Gi"}},
        {"resources": {"limits": {"cpu": "2"}}},
        {"disruptionRetries": 1},
    ],
)
def test_the_spec_cannot_be_changed(kubectl: Kubectl, change: dict[str, Any]) -> None:
    """Neither changed, nor added to, nor removed; the refusal names the field."""
    made = attempt(volume={"size": "1Gi"})
    kubectl.create(made)
    field = next(iter(change))
    refusal = kubectl.patch(made["metadata"]["name"], {"spec": change})
    assert f"spec.{field} cannot be changed" in refusal or "exactly one of" in refusal


def test_cancel_and_ttl_can_be_changed(kubectl: Kubectl) -> None:
    """The two that are about how it ends."""
    made = attempt()
    kubectl.create(made)
    assert kubectl.patch(made["metadata"]["name"], {"spec": {"cancel": True, "ttlSecondsAfterFinished": 5}}) == ""


@pytest.mark.parametrize("change", [{"outcome": None}, {"outcome": {"reason": "Other"}}, None])
def test_an_outcome_is_written_once(kubectl: Kubectl, change: Any) -> None:
    """It cannot be changed, removed, or removed with the whole status; other fields can still be written."""
    made = attempt()
    kubectl.create(made)
    name = made["metadata"]["name"]
    assert kubectl.patch(name, {"status": {"outcome": b.completed()}}) == ""
    assert "status.outcome is written once" in kubectl.patch(name, {"status": change})
    assert kubectl.patch(name, {"status": {"phase": "Finishing"}}) == ""


@pytest.mark.parametrize(
    ("told", "change", "taken"),
    [
        (b.given_up(), {"executions": 2, "podName": None, "outcome": None}, True),
        (b.given_up(), {"outcome": None}, False),
        (b.failure("ValueError", execution=1), {"executions": 2, "outcome": None}, True),
        (b.failure("ValueError"), {"executions": 2, "outcome": None}, False),
        (b.given_up(2), {"executions": 2, "outcome": None}, False),
        (b.given_up(), {"outcome": {**dict.fromkeys(b.given_up()), **b.completed()}}, True),
        (b.given_up(), {"outcome": {**dict.fromkeys(b.given_up()), **b.failure()}}, False),
        (b.given_up(), {"outcome": b.completed()}, False),
        (b.failure(execution=1), {"outcome": {"execution": None, **b.completed()}}, False),
    ],
    ids=lambda value: None if isinstance(value, bool) else str(sorted(value)),
)
def test_an_outcome_goes_with_its_execution(
    kubectl: Kubectl, told: dict[str, Any], change: dict[str, Any], taken: bool
) -> None:
    """And that of an agent which gave up is replaced where its work turns out to be published."""
    made = attempt()
    kubectl.create(made)
    name = made["metadata"]["name"]
    assert kubectl.patch(name, {"status": {"executions": 1, "outcome": told}}) == ""
    assert (kubectl.patch(name, {"status": change}) == "") == taken


def test_a_whole_status_is_accepted(kubectl: Kubectl) -> None:
    """Every field that operator and agent write."""
    made = attempt()
    kubectl.create(made)
    status = {
        "phase": "Running",
        "step": "Staging",
        "podName": "p-1",
        "nodeName": "n",
        "executions": 2,
        "disruption": {"execution": 1, "message": "Evicted", "since": b.stamp(1), "until": b.stamp(2)},
        "outcome": b.failure("OOMKilled", failureClass="User", remedy="Raise it.", failurePolicyRule=0, execution=2),
        "workspace": {
            "inputRef": "a",
            "publishedRef": "b",
            "changed": {"added": 1, "modified": 0, "deleted": 0, "bytes": 9},
        },
        "staging": {**b.STAGING, "commit": "c"},
        "reporting": {"state": "Pending", "attempts": 1, "lastError": "x", "acceptedTime": b.stamp(1)},
        "timings": {"queued": 0.1, "downloading": 2},
        "conditions": [b.condition("PodReady", message="m")],
    }
    assert kubectl.patch(made["metadata"]["name"], {"status": status}) == ""
    kept = kubectl.json("get", "pa", made["metadata"]["name"])
    assert kept["status"] == status


def test_the_dashboard_shows_what_matters(kubectl: Kubectl) -> None:
    """`kubectl get pa`, and more with -o wide; TASK is the PeragoTask or the module."""
    kubectl.create(attempt("shown", conductor={**TASK_TYPE, "retryCount": 2}))
    told = {"repository": "repo", "branch": "main", "inputRef": "aaa", "publishedRef": "bbb"}
    status = {
        "phase": "Finishing",
        "podName": "shown-1",
        "workspace": told,
        "outcome": b.failure("OOMKilled", failureClass="User"),
    }
    assert kubectl.patch("shown", {"status": {**status, "reporting": {"state": "Pending"}}}) == ""
    header, row = kubectl("get", "pa", "shown", "-o", "wide").splitlines()
    assert header.split()[:7] == ["NAME", "TASK", "PHASE", "STEP", "RESULT", "RETRY", "REPORTED"]
    assert header.split()[8:] == [
        "REPOSITORY",
        "BRANCH",
        "REF",
        "POD",
        "NODE",
        "REASON",
        "CLASS",
        "PROGRESS",
        "WAITING",
    ]
    assert {"app.work", "Finishing", "FAILED", "2", "Pending", "bbb", "shown-1", "OOMKilled", "User"} <= set(
        row.split()
    )


def test_a_reference_to_a_task_is_shown_by_its_name(kubectl: Kubectl) -> None:
    """Also when the attempt overrides the module."""
    kubectl.create(attempt("referring", taskRef={"name": "features"}))
    assert "features" in kubectl("get", "pa", "referring").splitlines()[1].split()


def test_attempts_are_found_by_pod_and_by_phase(kubectl: Kubectl) -> None:
    """Selectable fields."""
    kubectl.create(attempt("found"))
    kubectl.patch("found", {"status": {"phase": "Canceled", "podName": "found-7"}})
    for selector in ("status.podName=found-7", "status.phase=Canceled"):
        assert "/found" in kubectl("get", "pa", "--field-selector", selector, "-o", "name")


def test_both_kinds_are_listed_by_category(kubectl: Kubectl) -> None:
    """`kubectl get perago` shows attempts and tasks."""
    kubectl.create(attempt("listed"))
    kubectl.create({**b.task("listed"), "metadata": {"name": "listed"}})
    names = kubectl("get", "perago", "-o", "name").split()
    assert {"peragoattempt.perago.dev/listed", "peragotask.perago.dev/listed"} <= set(names)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"domain": "gpu"}, "spec.domain needs spec.taskType"),
        ({"taskType": "build", "image": None}, "spec.taskType needs spec.module and spec.image"),
        ({"maxConcurrency": 0}, "spec.maxConcurrency"),
        ({"module": "a b"}, "must be the import path of a module"),
        ({"image": " i"}, "must be the name of an image"),
        ({"lakefsSecretRef": {"name": "Keys"}}, "must be the name of an object"),
        ({"replicas": 3}, 'unknown field "spec.replicas"'),
    ],
)
def test_a_wrong_task_is_refused_by_field(kubectl: Kubectl, spec: dict[str, Any], words: str) -> None:
    """As attempts are."""
    made = b.task("wrong", **spec)
    made["spec"] = {key: value for key, value in made["spec"].items() if value is not None}
    assert words in kubectl.refusal({**made, "metadata": {"name": "wrong"}})


@pytest.mark.parametrize("kind", ["peragoattempt", "peragotask"])
def test_everything_is_explained(kubectl: Kubectl, kind: str) -> None:
    """`kubectl explain` has a description at every level; metadata's is Kubernetes' own."""
    text = kubectl("get", "crd", f"{kind}s.perago.dev", "-o", "json")
    schema = json.loads(text)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert _undescribed(schema, kind) == []


def _undescribed(schema: dict[str, Any], path: str) -> list[str]:
    """Paths of properties without a description."""
    found = []
    for name, field in schema.get("properties", {}).items():
        if name != "metadata" and not field.get("description"):
            found.append(f"{path}.{name}")
        found += _undescribed(field, f"{path}.{name}")
    return found + (_undescribed(schema["items"], f"{path}[]") if "items" in schema else [])


def test_explain_prints_the_docstrings(kubectl: Kubectl) -> None:
    """Down to the leaves."""
    assert "written before the branch exists" in kubectl("explain", "pa.status.staging.state")
    assert "at most" not in kubectl("explain", "pt.spec.paused")


def test_a_pod_of_ours_passes_restricted_pod_security(kubectl: Kubectl) -> None:
    """In a namespace that enforces it: the pod that the operator would create."""
    from perago_operator.core.pod.manifest import pod_manifest

    kubectl("create", "namespace", "strict")
    kubectl("label", "namespace", "strict", "pod-security.kubernetes.io/enforce=restricted")
    s = b.situation()
    pod = pod_manifest(s.attempt, s.resolved, 1, s.config)
    created = {**pod, "metadata": {**pod["metadata"], "namespace": "strict"}}  # type: ignore[dict-item]
    kubectl.create(created)


def test_a_ceiling_reserves_nothing_at_the_api_server(kubectl: Kubectl) -> None:
    """Where a request is left out, the API server takes the limit for one; of what is given, it changes nothing."""
    from perago_operator.core.config import AttemptLimits, Config
    from perago_operator.core.pod.manifest import pod_manifest

    limits = AttemptLimits(ceiling={"cpu": "4", "memory": "8Gi", "example.com/gpu": "8"}, requests={"memory": "64Mi"})
    s = b.situation(config=Config(attempts=limits))
    pod: dict[str, Any] = pod_manifest(s.attempt, s.resolved, 1, s.config)
    pod["metadata"] = {"name": "ceiling", "namespace": "default"}
    kubectl.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "perago-runner"}}, pod)
    created = kubectl.get("pod", "ceiling")
    assert created is not None
    task = created["spec"]["containers"][1]["resources"]
    assert task == {"limits": {"cpu": "4", "memory": "8Gi"}, "requests": {"cpu": "0", "memory": "64Mi"}}
