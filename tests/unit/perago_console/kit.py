"""A cluster in memory, as the commands see one, and sessions over it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from perago_console.output import Output
from perago_console.ports import POD_LOGS, Kind, Listing, LogQuestion, Server
from perago_console.problems import Forbidden, NotFound, Unanswered
from perago_console.session import Session
from tests.builders import Raw, at

Right = tuple[str, str]
"""A verb and a resource, as RBAC calls them."""


@dataclass
class FakeCluster:
    """`ports.Cluster` over objects by kind. It allows what `rights` says, and remembers what was used.

    `tests/contract/kube/test_console_cluster.py` holds for it and for a real API server alike.
    """

    objects: dict[str, list[Raw]] = field(default_factory=dict)
    logs: dict[tuple[str, str], Sequence[str]] = field(default_factory=dict)
    changes: Sequence[Raw] = ()
    rights: frozenset[Right] | None = None
    namespace: str = "ns"
    version: str = "v1.35.0"
    time: datetime = field(default_factory=lambda: at(60))
    used: set[Right] = field(default_factory=set)

    def get(self, kind: Kind, namespace: str | None, name: str) -> Raw:
        self._use("get", kind)
        return self._named(kind, namespace, name)

    def find(self, kind: Kind, namespace: str | None, *, labels: str = "", fields: str = "") -> Listing:
        self._use("list", kind)
        found = [one for one in self._of(kind, namespace) if _labelled(one, labels) and _involves(one, fields)]
        return Listing(found, "7")

    def watch(self, kind: Kind, namespace: str | None, version: str, *, labels: str = "") -> Iterator[Raw]:
        self._use("watch", kind)
        yield from self.changes

    def merge(self, kind: Kind, namespace: str, name: str, patch: Mapping[str, Any]) -> Raw:
        self._use("patch", kind)
        found = self._named(kind, namespace, name)
        for part, fields in patch.items():
            found[part] = {**found[part], **fields}
        return found

    def create(self, kind: Kind, namespace: str, body: Mapping[str, Any]) -> Raw:
        self._use("create", kind)
        if any(one["metadata"]["name"] == body["metadata"]["name"] for one in self._of(kind, namespace)):
            raise Unanswered(f"the API server refuses to create {kind.title}s: 409 already exists")
        self.objects.setdefault(kind.plural, []).append(dict(body))
        return dict(body)

    def log(self, question: LogQuestion) -> Iterator[str]:
        self._use("get", POD_LOGS)
        yield from self.logs[question.pod, question.container]

    def allows(self, verb: str, kind: Kind, namespace: str | None) -> bool:
        return self.rights is None or (verb, kind.resource) in self.rights

    def server(self) -> Server:
        return Server("https://cluster", self.version, self.time)

    def get_spec(self, name: str) -> Raw:
        """The spec of an attempt."""
        spec: Raw = next(one["spec"] for one in self.objects["peragoattempts"] if one["metadata"]["name"] == name)
        return spec

    def _named(self, kind: Kind, namespace: str | None, name: str) -> Raw:
        objects = (one for one in self._of(kind, namespace) if one["metadata"]["name"] == name)
        if (found := next(objects, None)) is None:
            raise NotFound(f"there is no {kind.title} {name} in namespace {namespace}")
        return found

    def _of(self, kind: Kind, namespace: str | None) -> list[Raw]:
        every = self.objects.get(kind.plural, [])
        return [one for one in every if namespace in (None, one["metadata"].get("namespace"))]

    def _use(self, verb: str, kind: Kind) -> None:
        self.used.add((verb, kind.resource))
        if not self.allows(verb, kind, None):
            raise Forbidden(f"you may not {verb} {kind.resource}")


def session(cluster: FakeCluster, *, namespace: str | None = "ns", seconds: float = 60) -> Session:
    """A session at so many seconds after `START`."""
    return Session(cluster, namespace, lambda: at(seconds), Output(width=200))


def _labelled(one: Raw, labels: str) -> bool:
    wanted = dict(pair.split("=") for pair in labels.split(",") if pair)
    return bool(wanted.items() <= one["metadata"].get("labels", {}).items())


def _involves(one: Raw, fields: str) -> bool:
    return not fields or one["involvedObject"]["uid"] == fields.partition("=")[2]
