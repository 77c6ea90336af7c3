"""What the console's commands ask of a cluster: their fake and a real API server alike."""

from dataclasses import dataclass
from typing import Any

import pytest

from perago_console.kube import Access, KubeCluster
from perago_console.ports import ATTEMPTS, EVENTS, TASKS, Cluster, Kind, Listing
from perago_console.problems import NotFound, Unanswered
from tests.builders import Raw, task
from tests.builders import attempt as an_attempt
from tests.contract.kube.names import fresh
from tests.kubectl import Kubectl
from tests.unit.perago_console.kit import FakeCluster


def attempt(name: str, namespace: str, **labels: str) -> Raw:
    """One made by hand, as it is sent to the API server."""
    made = an_attempt(standalone=True, taskRef={"name": "build"})
    return {
        **{name: part for name, part in made.items() if name != "status"},
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
    }


@dataclass(frozen=True)
class Place:
    """A namespace of a cluster with two attempts; one of them is labelled."""

    cluster: Cluster
    namespace: str


@pytest.fixture(params=["fake", "real"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Both in turn."""
    cluster, namespace = _fake() if request.param == "fake" else _real(request, monkeypatch)
    for made in (attempt("one", namespace, team="a"), attempt("two", namespace)):
        cluster.create(ATTEMPTS, namespace, made)
    return Place(cluster, namespace)


def _fake() -> tuple[Cluster, str]:
    return FakeCluster(), "ns"


def _real(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[Cluster, str]:
    kubectl: Kubectl = request.getfixturevalue("kubectl")
    monkeypatch.setenv("KUBECONFIG", str(kubectl.kubeconfig))
    namespace = fresh("ns")
    kubectl.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    return KubeCluster(Access()), namespace


def names(place: Place, kind: Kind = ATTEMPTS, **selection: str) -> list[str]:
    """Of the objects of the namespace that are listed so."""
    return named(place.cluster.find(kind, place.namespace, **selection))


def named(listing: Listing) -> list[str]:
    """The names of the objects of a list."""
    items: Any = listing.items
    return [item["metadata"]["name"] for item in items]


def test_an_object_is_what_was_created(place: Place) -> None:
    """With its kind, also in a list."""
    (listed,) = place.cluster.find(ATTEMPTS, place.namespace, labels="team=a").items
    got: Any = place.cluster.get(ATTEMPTS, place.namespace, "one")
    assert listed["spec"] == got["spec"]
    assert (listed["kind"], got["kind"]) == ("PeragoAttempt", "PeragoAttempt")
    assert got["spec"]["taskRef"] == {"name": "build"}


def test_a_list_has_what_is_asked_for(place: Place) -> None:
    """By namespace and by label; nothing is no error."""
    assert sorted(names(place)) == ["one", "two"]
    assert names(place, labels="team=a") == ["one"]
    assert names(place, labels="team=b") == []
    assert names(place, TASKS) == []
    assert {"one", "two"} <= set(named(place.cluster.find(ATTEMPTS, None)))


def test_events_are_found_by_the_object_that_they_are_about(place: Place) -> None:
    """Its uid selects them."""
    for number, uid in enumerate(("u1", "u2")):
        about = {"kind": "PeragoAttempt", "name": "one", "namespace": place.namespace, "uid": uid}
        metadata = {"name": f"event-{number}", "namespace": place.namespace}
        event: Any = {"apiVersion": "v1", "kind": "Event", "metadata": metadata, "involvedObject": about, "reason": "R"}
        place.cluster.create(EVENTS, place.namespace, event)
    assert names(place, EVENTS, fields="involvedObject.uid=u2") == ["event-1"]


def test_a_merge_changes_the_fields_that_it_names(place: Place) -> None:
    """And returns the object as it is then."""
    changed: Any = place.cluster.merge(ATTEMPTS, place.namespace, "two", {"spec": {"cancel": True}})
    assert changed == place.cluster.get(ATTEMPTS, place.namespace, "two")
    assert (changed["spec"]["cancel"], changed["spec"]["taskRef"]) == (True, {"name": "build"})


def test_what_is_not_there_is_named(place: Place) -> None:
    """For reads and for changes."""
    with pytest.raises(NotFound, match=f"there is no PeragoTask other in namespace {place.namespace}"):
        place.cluster.get(TASKS, place.namespace, "other")
    with pytest.raises(NotFound, match=f"there is no attempt other in namespace {place.namespace}"):
        place.cluster.merge(ATTEMPTS, place.namespace, "other", {"spec": {"cancel": True}})


def test_a_name_is_taken_once(place: Place) -> None:
    """A second object of the name is refused, and there is no other one then."""
    with pytest.raises(Unanswered, match="the API server refuses to create attempts"):
        place.cluster.create(ATTEMPTS, place.namespace, attempt("one", place.namespace))
    assert sorted(names(place)) == ["one", "two"]


def test_an_administrator_may_do_everything(place: Place) -> None:
    """The fake's default and the kubeconfig of the test's server."""
    assert place.cluster.allows("patch", ATTEMPTS, place.namespace)
    assert place.cluster.server().version.startswith("v1.")
    assert place.cluster.server().time is not None
    place.cluster.create(
        TASKS, place.namespace, {**task(), "metadata": {"name": "build", "namespace": place.namespace}}
    )
    assert place.cluster.get(TASKS, place.namespace, "build")["kind"] == "PeragoTask"
