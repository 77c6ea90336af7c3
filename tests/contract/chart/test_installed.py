"""What the installed chart allows, asked of a real API server, and what stays after it."""

import json
import uuid
from typing import Any

import pytest

from perago_dev.servers import monitoring

from .combinations import Choice, all_pairs, pairs, rows, settings
from .conftest import Installed

OPERATOR = "system:perago-operator"
RUNNER = "one:perago-runner"

NEEDED = [
    ("list", "peragoattempts"),
    ("watch", "peragoattempts"),
    ("create", "peragoattempts"),
    ("patch", "peragoattempts"),
    ("delete", "peragoattempts"),
    ("patch", "peragoattempts:status"),
    ("list", "peragotasks"),
    ("watch", "peragotasks"),
    ("patch", "peragotasks:status"),
    ("list", "pods"),
    ("watch", "pods"),
    ("create", "pods"),
    ("patch", "pods"),
    ("delete", "pods"),
    ("get", "pods:log"),
    ("create", "events"),
    ("patch", "events"),
]
REFUSED = [
    ("get", "secrets"),
    ("list", "secrets"),
    ("get", "configmaps"),
    ("create", "pods:exec"),
    ("create", "serviceaccounts:token"),
    ("create", "deployments"),
    ("delete", "peragotasks"),
    ("create", "clusterrolebindings"),
    ("impersonate", "users"),
]


@pytest.mark.parametrize(("verb", "resource"), NEEDED)
def test_operator_may_what_it_does(cluster_wide: Installed, verb: str, resource: str) -> None:
    """In a namespace that no value names."""
    assert cluster_wide.may(OPERATOR, "other", verb, resource)


@pytest.mark.parametrize(("verb", "resource"), REFUSED)
def test_operator_may_nothing_else(cluster_wide: Installed, verb: str, resource: str) -> None:
    """Not even in its own namespace: the kubelet mounts its Secrets, it cannot read any."""
    assert not cluster_wide.may(OPERATOR, "system", verb, resource)


@pytest.mark.parametrize(("namespace", "want"), [("one", True), ("two", True), ("other", False), ("system", False)])
def test_namespaced_operator_stays_in_its_namespaces(namespaced: Installed, namespace: str, want: bool) -> None:
    """No pod is created and no attempt read outside the namespaces of the values."""
    assert namespaced.may(OPERATOR, namespace, "create", "pods") is want
    assert namespaced.may(OPERATOR, namespace, "watch", "peragoattempts") is want


def test_operator_holds_one_lease(cluster_wide: Installed) -> None:
    """Its own by name, in its own namespace, and no other."""
    assert cluster_wide.may(OPERATOR, "system", "create", "leases")
    assert cluster_wide.may(OPERATOR, "system", "update", "leases/perago-operator")
    assert not cluster_wide.may(OPERATOR, "system", "update", "leases/another")
    assert not cluster_wide.may(OPERATOR, "kube-system", "create", "leases")


def test_runner_reads_attempts_and_writes_their_status(cluster_wide: Installed) -> None:
    """In the namespace of attempts; nothing more, nowhere else."""
    assert cluster_wide.may(RUNNER, "one", "get", "peragoattempts")
    assert cluster_wide.may(RUNNER, "one", "patch", "peragoattempts:status")
    assert not cluster_wide.may(RUNNER, "two", "get", "peragoattempts")


@pytest.mark.parametrize(
    ("verb", "resource"),
    [
        ("list", "peragoattempts"),
        ("patch", "peragoattempts"),
        ("update", "peragoattempts:status"),
        ("get", "peragotasks"),
        ("get", "pods"),
        ("get", "secrets"),
        ("create", "events"),
    ],
)
def test_runner_may_nothing_else(cluster_wide: Installed, verb: str, resource: str) -> None:
    """A stolen token reads one attempt at a time and changes none of them but in its status."""
    assert not cluster_wide.may(RUNNER, "one", verb, resource)


def test_accounts_mount_no_token_by_themselves(cluster_wide: Installed) -> None:
    """The operator's pod asks for its own; an attempt's pod projects one into the agent alone."""
    for namespace, name in (("system", "perago-operator"), ("one", "perago-runner")):
        assert (
            cluster_wide.kubectl.json("get", "serviceaccount", name, "-n", namespace)["automountServiceAccountToken"]
            is False
        )


def test_the_api_server_takes_the_pod_in_a_restricted_namespace(cluster_wide: Installed) -> None:
    """The profile's own admission finds nothing to complain about."""
    label = "pod-security.kubernetes.io/enforce=restricted"
    assert cluster_wide.kubectl.ended("label", "namespace", "system", label).returncode == 0
    template = cluster_wide.kubectl.json("get", "deployment", "perago-operator", "-n", "system")["spec"]["template"]
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "try", "namespace": "system"},
        "spec": template["spec"],
    }
    done = cluster_wide.kubectl.ended("create", "--dry-run=server", "-f", "-", stdin=json.dumps(manifest))
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def monitored(cluster_wide: Installed) -> Installed:
    """The same API server, which also knows the kinds of the Prometheus operator."""
    files = (word for file in monitoring.crds() for word in ("-f", str(file)))
    cluster_wide.kubectl("apply", "--server-side", *files)
    cluster_wide.kubectl("wait", "--for=condition=Established", "--timeout=240s", "crd", "--all")
    return cluster_wide


def test_each_pair_of_choices_is_rendered() -> None:
    """In one row at least, so that no two of them contradict each other."""
    assert set().union(*map(pairs, rows())) == all_pairs()


@pytest.mark.parametrize("row", rows(), ids=lambda row: "-".join(alternative for _, alternative in row))
def test_the_api_server_takes_what_is_rendered(monitored: Installed, row: tuple[Choice, ...]) -> None:
    """Each object, with every field being one that the server knows."""
    assert monitored.api.refusals(monitored.helm.template(*settings(row))) == []


def test_an_unknown_field_would_be_noticed(cluster_wide: Installed) -> None:
    """In objects that the chart hands on without looking into them."""
    volume = 'extraVolumes=[{"name":"more","emptyDir":{"sizelimit":"1Mi"}}]'
    (refusal,) = cluster_wide.api.refusals(cluster_wide.helm.template(volume))
    assert "sizelimit" in refusal


def test_people_get_their_rights_with_the_roles_of_the_cluster(cluster_wide: Installed) -> None:
    """The labels by which view, edit and admin collect rules; no controller does so here."""
    roles = {
        name: cluster_wide.kubectl.json("get", "clusterrole", f"perago-{name}")
        for name in ("viewer", "editor", "author")
    }
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    added = {
        name: {label.removeprefix(prefix) for label in role["metadata"]["labels"] if label.startswith(prefix)}
        for name, role in roles.items()
    }
    assert added == {"viewer": {"view", "edit", "admin"}, "editor": {"edit", "admin"}, "author": {"admin"}}


PEOPLE = [
    ("perago-viewer", "list", "peragoattempts", True),
    ("perago-viewer", "create", "peragoattempts", False),
    ("perago-editor", "create", "peragoattempts", True),
    ("perago-editor", "delete", "peragoattempts", True),
    ("perago-editor", "patch", "peragoattempts:status", False),
    ("perago-editor", "create", "peragotasks", False),
    ("perago-author", "create", "peragotasks", True),
    ("perago-author", "patch", "peragotasks:status", False),
]


@pytest.mark.parametrize(("role", "verb", "resource", "want"), PEOPLE)
def test_what_people_may_do(cluster_wide: Installed, role: str, verb: str, resource: str, want: bool) -> None:
    """Nobody but agents and the operator writes a status."""
    account = f"{role}-someone"
    subject = f"--serviceaccount=one:{account}"
    cluster_wide.kubectl.ended("create", "rolebinding", account, "--namespace=one", f"--clusterrole={role}", subject)
    assert cluster_wide.may(f"one:{account}", "one", verb, resource) is want


OTHER_PARTS = ("crds.install=false", "aggregatedRoles.create=false", 'runner.serviceAccountName="other"')


def test_a_second_installation_for_the_same_namespaces_is_refused(
    cluster_wide: Installed, namespaced: Installed
) -> None:
    """Whichever of the two was there first, with the other release's name and what to do."""
    beside = cluster_wide.install("second", *OTHER_PARTS, "clusterWide=false", 'namespaces=["two"]', dry_run=True)
    over = namespaced.install("second", *OTHER_PARTS, 'namespaces=["other"]', dry_run=True)
    shared = namespaced.install("second", *OTHER_PARTS, "clusterWide=false", 'namespaces=["two"]', dry_run=True)
    assert 'release "perago" in namespace "system" serves attempts of all namespaces already' in beside.stderr
    assert 'release "perago" in namespace "system" serves attempts of namespace one already' in over.stderr
    assert "serves attempts of namespace two already" in shared.stderr
    assert "set clusterWide to false and name other namespaces in both releases" in shared.stderr


def test_a_second_installation_for_other_namespaces_is_taken(namespaced: Installed) -> None:
    """Also one for the same namespaces, if its owner insists."""
    beside = namespaced.install("second", *OTHER_PARTS, "clusterWide=false", 'namespaces=["other"]', dry_run=True)
    assert beside.returncode == 0, beside.stderr
    insisting = ("clusterWide=false", 'namespaces=["two"]', "refuseOverlap=false")
    assert namespaced.install("second", *OTHER_PARTS, *insisting, dry_run=True).returncode == 0


CONDUCTOR = {"taskType": "pay", "workflowInstanceId": "w", "taskId": "t", "referenceTaskName": "r", "seq": 1}


@pytest.mark.parametrize(
    "spec", [{"conductor": CONDUCTOR}, {"conductor": CONDUCTOR, "inputFrom": "Conductor", "input": None}]
)
def test_only_the_operator_makes_attempts_of_conductor_tasks(cluster_wide: Installed, spec: dict[str, Any]) -> None:
    """Whoever else could would complete anybody's task, or read its input. Administrators are no exception."""
    refusal = cluster_wide.made("forged", **spec)
    assert "spec.conductor and spec.inputFrom can be set by Perago's operator alone" in refusal
    assert cluster_wide.made(f"polled-{len(spec)}", account=OPERATOR, **spec) == ""


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ({"metadata": {"labels": {"app": "bank"}}}, "podTemplate.metadata.labels has a key that attempts may not set"),
        ({"metadata": {"annotations": {"a": "b"}}}, "podTemplate.metadata.annotations has a key"),
        ({"spec": {"runtimeClassName": "kata"}}, "runtimeClassName has a value that attempts may not set"),
    ],
)
def test_an_attempt_that_says_more_than_the_chart_allows_is_refused(
    cluster_wide: Installed, template: dict[str, Any], words: str
) -> None:
    """At `kubectl apply`, with the name of the value that would allow it."""
    assert words in cluster_wide.made("greedy", podTemplate=template)


def test_what_the_chart_allows_is_taken(cluster_wide: Installed) -> None:
    """Keys by name and by what they begin with, and code of its own."""
    labels = {"kueue.x-k8s.io/queue-name": "q", "attempt.perago.dev/team": "t"}
    assert cluster_wide.made("modest", podTemplate={"metadata": {"labels": labels}}, task={"module": "m"}) == ""


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"task": {"image": "evil:1"}}, "spec.task cannot be set here"),
        ({"resources": {"limits": {"memory": "1025Mi"}}}, "at most 1Gi of memory in an attempt"),
        ({"resources": {"requests": {"memory": 2**31}}}, "at most 1Gi of memory in an attempt"),
        ({"volume": {"size": "3Gi"}}, "spec.volume.size may be at most 2Gi"),
        ({"podTemplate": {"metadata": {"labels": {"attempt.perago.dev/a": "b"}}}}, "labels has a key"),
    ],
)
def test_bounds_of_the_chart_hold_at_the_api_server(namespaced: Installed, spec: dict[str, Any], words: str) -> None:
    """Those of code, of resources and of the volume; at the ceiling an attempt is taken."""
    assert words in namespaced.made("greedy", **spec)
    at: dict[str, Any] = {"resources": {"limits": {"memory": "1024Mi", "cpu": 64}}, "volume": {"size": "2Gi"}}
    assert namespaced.made(f"modest-{uuid.uuid4().hex[:8]}", **at) == ""


@pytest.fixture(scope="module")
def agent(cluster_wide: Installed) -> str:
    """The token of the agent of attempt `own`, whose second execution runs."""
    for name in ("own", "other"):
        assert cluster_wide.made(name, input={"workspace": {"repository": "repo"}, "params": {}}) == ""
    operators = {"phase": "Running", "podName": "own-2", "executions": 2, "timings": {"queued": 1}}
    assert cluster_wide.patched("own", operators, account=OPERATOR) == ""
    return cluster_wide.token_of("own-2")


def staging(cluster_wide: Installed, execution: int) -> dict[str, Any]:
    """The staging branch of an execution of attempt `own`."""
    uid = cluster_wide.kubectl.json("get", "pa", "own", "-n", "one")["metadata"]["uid"]
    branch = f"perago-staging-w-r-seq-1-iteration-0-task-id-t-retry-0-exec-{uid}-{execution}"
    return {"staging": {"repository": "repo", "branch": branch, "state": "Planned"}}


def test_an_agent_writes_its_own_fields_of_its_own_attempt(cluster_wide: Installed, agent: str) -> None:
    """All that it tells of its work."""
    status = {
        "step": "Publishing",
        "waiting": {"server": "lakeFS", "since": START, "until": START, "error": "x"},
        "transfer": {"objects": 1, "bytes": 1, "bytesPerSecond": 1, "summary": "x"},
        "workspace": {"repository": "r", "branch": "b", "inputRef": "a"},
        "timings": {"downloading": 1.5},
        "turn": {"requested": {"execution": 2, "number": 1, "time": START, "seconds": 60}},
        **staging(cluster_wide, 2),
    }
    assert cluster_wide.patched("own", status, token=agent) == ""
    assert cluster_wide.patched("own", {"waiting": None, "transfer": None}, token=agent) == ""


START = "2026-01-01T00:00:00Z"
HELD = {"execution": 2, "number": 1, "time": START, "seconds": 60}


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"phase": "Succeeded"}, "status.phase is written by Perago's operator alone"),
        ({"podName": "own-3"}, "status.podName is written"),
        ({"executions": 900}, "status.executions is written"),
        ({"executions": None}, "status.executions is written"),
        ({"reporting": {"state": "Accepted"}}, "status.reporting is written"),
        (
            {"conditions": [{"type": "Complete", "status": "True", "reason": "X", "lastTransitionTime": START}]},
            "status.c",
        ),
        ({"log": {"lines": ["x"]}}, "status.log is written"),
        (
            {"disruption": {"execution": 2, "message": "x", "since": START, "until": START}},
            "status.disruption is written",
        ),
        ({"timings": {"queued": 0}}, "status.timings.queued is written"),
        ({"turn": {"granted": HELD}}, "status.turn.granted is written"),
        ({"outcome": {"status": "FAILED", "reason": "X"}}, "status.outcome.execution must be the number"),
        ({"outcome": {"status": "FAILED", "reason": "X", "execution": 1}}, "status.outcome.execution must be"),
        ({"staging": {"repository": "payroll", "branch": "audit", "state": "Active"}}, "status.staging.branch must be"),
    ],
)
def test_an_agent_writes_nothing_else(cluster_wide: Installed, agent: str, status: dict[str, Any], words: str) -> None:
    """Neither the operator's fields, nor an outcome of another execution, nor a branch that is not its own."""
    assert words in cluster_wide.patched("own", status, token=agent)


def test_a_staging_branch_is_in_the_repository_of_the_input(cluster_wide: Installed, agent: str) -> None:
    """The operator, which deletes it in the end, may write to more repositories."""
    elsewhere = {"staging": {**staging(cluster_wide, 2)["staging"], "repository": "payroll"}}
    refusal = cluster_wide.patched("own", elsewhere, token=agent)
    assert "status.staging.repository must be the repository of spec.input" in refusal


def test_an_agent_writes_no_other_attempt(cluster_wide: Installed, agent: str) -> None:
    """All agents of a namespace share an account: the pod of the token tells them apart."""
    refusal = cluster_wide.patched("other", {"step": "Executing"}, token=agent)
    assert "bound to pod own-2 cannot write the status of attempt other" in refusal


def test_an_execution_that_was_given_up_writes_nothing(cluster_wide: Installed, agent: str) -> None:
    """Its pod may live on at a lost node."""
    refusal = cluster_wide.patched("own", {"step": "Executing"}, token=cluster_wide.token_of("own-1"))
    assert "Pod own-1 has been given up" in refusal
    assert cluster_wide.patched("own", {"step": "Executing"}, token=cluster_wide.token_of("own-3")) == ""


def test_a_token_without_a_pod_writes_nothing(cluster_wide: Installed, agent: str) -> None:
    """Nor does the account itself, impersonated."""
    refusal = cluster_wide.patched("own", {"step": "Executing"}, account=RUNNER)
    assert "cannot write the status of attempt own" in refusal


def test_people_write_no_status(cluster_wide: Installed, agent: str) -> None:
    """Administrators included: `spec.cancel` stops an attempt."""
    assert "set spec.cancel" in cluster_wide.patched("own", {"step": "Executing"})
    cluster_wide.kubectl("patch", "pa", "other", "-n", "one", "--type=merge", "-p", '{"spec":{"cancel":true}}')
    task = {"apiVersion": "perago.dev/v1alpha1", "kind": "PeragoTask", "spec": {"module": "m"}}
    cluster_wide.kubectl.create({**task, "metadata": {"name": "told", "namespace": "one"}})
    assert "written by Perago's operator alone" in cluster_wide.patched("told", {"active": 1}, kind="pt")
    assert cluster_wide.patched("told", {"active": 1}, kind="pt", account=OPERATOR) == ""


def test_uninstall_leaves_crds_and_attempts(namespaced: Installed) -> None:
    """And the account with which agents write; all else is gone."""
    assert namespaced.made("kept") == ""
    gone = namespaced.helm.run(
        "uninstall", "perago", "--namespace", "system", f"--kubeconfig={namespaced.kubectl.kubeconfig}"
    )
    assert gone.returncode == 0, gone.stderr
    assert namespaced.kubectl.json("get", "peragoattempt", "kept", "-n", "one")["spec"]["taskRef"] == {"name": "t"}
    assert namespaced.kubectl.ended("get", "deployment", "perago-operator", "-n", "system").returncode == 1
    for kind in ("serviceaccount", "role", "rolebinding"):  # what attempts need that still run
        assert namespaced.kubectl.ended("get", kind, "perago-runner", "-n", "one").returncode == 0
