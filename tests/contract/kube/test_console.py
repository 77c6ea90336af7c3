"""The commands for people on call against a real API server, with the rights that the chart gives to people."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from perago.cli import main
from perago_console import kube
from perago_console.kube import Access, KubeCluster
from perago_console.ports import ATTEMPTS, TASKS
from perago_console.problems import Misused, NotFound, Unanswered
from tests.builders import attempt, task
from tests.contract.kube.names import fresh
from tests.kubectl import Kubectl

ROLES = Path(__file__).resolve().parents[3] / "charts/perago/templates/rbac-people.yaml"
Captured = pytest.CaptureFixture[str]


def rules(role: str) -> Any:
    """The rules of one of the chart's roles for people."""
    plain = "\n".join(line for line in ROLES.read_text().splitlines() if "{{" not in line)
    return next(one["rules"] for one in yaml.safe_load_all(plain) if one["metadata"]["name"] == role)


@dataclass(frozen=True)
class Place:
    """A namespace with a PeragoTask and two attempts, where users `viewer` and `editor` have the chart's rights."""

    namespace: str
    capsys: Captured

    def run(self, *words: str, user: str = "viewer") -> tuple[int, str, str]:
        """The exit code of a command, its answer and its remarks."""
        self.capsys.readouterr()
        code = main([*words, "--namespace", self.namespace, "--as", user])
        captured = self.capsys.readouterr()
        return code, captured.out, captured.err


@pytest.fixture
def place(kubectl: Kubectl, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> Place:
    """It is left behind: the server ends with the session."""
    namespace = fresh("ns")
    monkeypatch.setenv("KUBECONFIG", str(kubectl.kubeconfig))
    monkeypatch.delenv("CONDUCTOR_SERVER_URL", raising=False)
    here: dict[str, Any] = {"metadata": {"name": namespace}}
    kubectl.create({"apiVersion": "v1", "kind": "Namespace", **here}, *_rights(namespace))
    made = [
        attempt(meta={"name": name, "namespace": namespace}, standalone=True, taskRef={"name": "build"})
        for name in ("one", "two")
    ]
    kubectl.create(*(_fresh(one, namespace) for one in (task(), *made)))
    return Place(namespace, capsys)


def _fresh(one: Any, namespace: str) -> Any:
    """As a person writes it."""
    return {
        **{name: part for name, part in one.items() if name != "status"},
        "metadata": {"name": one["metadata"]["name"], "namespace": namespace},
    }


def _rights(namespace: str) -> Iterator[Any]:
    group = "rbac.authorization.k8s.io"
    for user in ("viewer", "editor"):
        metadata = {"name": user, "namespace": namespace}
        yield {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": metadata, "rules": rules(f"perago-{user}")}
        yield {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": user},
            "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
        }


def test_a_viewer_reads_and_changes_nothing(place: Place) -> None:
    """With the chart's perago-viewer alone; what it takes besides is named, and so is the right to cancel."""
    assert [line.split()[0] for line in place.run("list")[1].splitlines()] == ["NAME", "one", "two"]
    assert "no operator has looked at it yet" in place.run("explain", "one")[1]
    described = place.run("describe", "tw")
    assert described[0] == 0
    assert f"its pods: you may not list pods in namespace {place.namespace}" in described[1]
    assert place.run("top")[1].splitlines()[1].split()[0] == "build"
    code, _, remarks = place.run("cancel", "one")
    assert code == 3
    assert f"you may not patch peragoattempts.perago.dev in namespace {place.namespace}" in remarks


def test_an_editor_cancels_and_finds_nothing_of_a_wrong_name(place: Place, kubectl: Kubectl) -> None:
    """The field is set, and a name that is not there has names that look alike."""
    assert place.run("cancel", "one", user="editor")[0] == 0
    canceled = kubectl.get("peragoattempt", "one", "-n", place.namespace)
    assert canceled is not None
    assert canceled["spec"]["cancel"] is True
    code, _, remarks = place.run("cancel", "onne", user="editor")
    assert (code, "did you mean one?" in remarks) == (1, True)


def test_an_attempt_that_has_ended_is_made_again(place: Place, kubectl: Kubectl) -> None:
    """The API server takes the copy."""
    status = {"status": {"phase": "Failed", "outcome": {"status": "FAILED", "reason": "TaskExited"}}}
    in_place = Kubectl(kubectl.program, kubectl.kubeconfig, place.namespace)
    assert in_place.patch("one", status) == ""
    assert place.run("retry", "one", user="editor")[1].startswith(f"attempt {place.namespace}/one-retry-1 is created")
    assert place.run("retry", "two", user="editor")[0] == 1


def test_a_doctor_tells_the_rights_of_who_asks(place: Place) -> None:
    """As the API server sees them."""
    code, page, _ = place.run("doctor")
    assert code == 1
    assert "wrong  perago retry: you may not create peragoattempts.perago.dev" in page
    assert "ok  perago explain: you have its rights" in page
    assert "unknown  operator: you may not list deployments.apps in all namespaces" in page
    assert "ok  clock: this machine and the API server agree\n" in page


def test_lists_have_pages_and_watches_go_on_from_them(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is missed in between."""
    monkeypatch.setattr(kube, "PAGE", 1)
    cluster = KubeCluster(Access())
    listing = cluster.find(ATTEMPTS, place.namespace)
    assert [one["kind"] for one in listing.items] == ["PeragoAttempt", "PeragoAttempt"]
    cluster.merge(ATTEMPTS, place.namespace, "two", {"spec": {"cancel": True}})
    change: Any = next(iter(cluster.watch(ATTEMPTS, place.namespace, listing.version)))
    assert (change["type"], change["object"]["metadata"]["name"]) == ("MODIFIED", "two")


def test_problems_are_sentences(
    place: Place, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is not there, a context that does not exist, no kubeconfig, a server that is away."""
    with pytest.raises(NotFound, match=f"there is no PeragoTask other in namespace {place.namespace}"):
        KubeCluster(Access()).get(TASKS, place.namespace, "other")
    with pytest.raises(Misused, match=r"there is no usable kubeconfig: .*; set KUBECONFIG, or check --context"):
        KubeCluster(Access(context="other"))
    away = yaml.safe_load(kubeconfig.read_text())
    away["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    (tmp_path / "away").write_text(yaml.safe_dump(away))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "away"))
    with pytest.raises(Unanswered, match=r"the API server cannot be reached at https://127\.0\.0\.1:1: "):
        KubeCluster(Access()).find(ATTEMPTS, None)
