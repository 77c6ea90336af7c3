"""What the installed chart allows, asked of a real API server, and what stays after it."""

import json

import pytest

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


def test_uninstall_leaves_crds_and_attempts(namespaced: Installed) -> None:
    """All else is gone; an attempt made before is still there."""
    attempt = {
        "apiVersion": "perago.dev/v1alpha1",
        "kind": "PeragoAttempt",
        "metadata": {"name": "kept", "namespace": "one"},
        "spec": {"task": {"module": "m", "image": "i"}, "input": {"params": {}}},
    }
    made = namespaced.kubectl.ended("create", "-f", "-", stdin=json.dumps(attempt))
    assert made.returncode == 0, made.stderr
    gone = namespaced.helm.run(
        "uninstall", "perago", "--namespace", "system", f"--kubeconfig={namespaced.kubectl.kubeconfig}"
    )
    assert gone.returncode == 0, gone.stderr
    assert namespaced.kubectl.json("get", "peragoattempt", "kept", "-n", "one")["spec"] == attempt["spec"]
    assert namespaced.kubectl.ended("get", "deployment", "perago-operator", "-n", "system").returncode == 1
