"""What the commands ask of a cluster, as a protocol of its own: `perago_console.kube` speaks to real ones."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from perago.wire import API_GROUP, API_VERSION
from perago_console.core.objects import Raw


@dataclass(frozen=True)
class Kind:
    """A kind of object: where the API has it, and how people call one."""

    group: str
    version: str
    plural: str
    title: str

    @property
    def root(self) -> str:
        """The path of its API group."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    @property
    def resource(self) -> str:
        """As RBAC and kubectl call it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


ATTEMPTS: Final = Kind(API_GROUP, API_VERSION, "peragoattempts", "attempt")
TASKS: Final = Kind(API_GROUP, API_VERSION, "peragotasks", "PeragoTask")
PODS: Final = Kind("", "v1", "pods", "pod")
POD_LOGS: Final = Kind("", "v1", "pods/log", "log of a pod")
EVENTS: Final = Kind("", "v1", "events", "event")
DEPLOYMENTS: Final = Kind("apps", "v1", "deployments", "Deployment")
LEASES: Final = Kind("coordination.k8s.io", "v1", "leases", "Lease")
CRDS: Final = Kind("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition")
ACCOUNTS: Final = Kind("", "v1", "serviceaccounts", "service account")


@dataclass(frozen=True)
class Listing:
    """Objects of a kind, and the version from which a watch goes on."""

    items: Sequence[Raw]
    version: str = ""


@dataclass(frozen=True)
class LogQuestion:
    """Which log of a pod."""

    namespace: str
    pod: str
    container: str
    follow: bool = False
    tail: int | None = None


@dataclass(frozen=True)
class Server:
    """What the API server says of itself, and when, by its own clock."""

    address: str
    version: str
    time: datetime | None


class Cluster(Protocol):
    """One cluster in one person's name. Each method raises the exceptions of `perago_console.problems`.

    A namespace of None stands for all of them, or for a kind that has none.
    """

    namespace: str
    """The namespace of the kubeconfig's context."""

    def get(self, kind: Kind, namespace: str | None, name: str) -> Raw: ...

    def find(self, kind: Kind, namespace: str | None, *, labels: str = "", fields: str = "") -> Listing: ...

    def watch(self, kind: Kind, namespace: str | None, version: str, *, labels: str = "") -> Iterator[Raw]: ...

    def merge(self, kind: Kind, namespace: str, name: str, patch: Raw) -> Raw: ...

    def create(self, kind: Kind, namespace: str, body: Raw) -> Raw: ...

    def log(self, question: LogQuestion) -> Iterator[str]: ...

    def allows(self, verb: str, kind: Kind, namespace: str | None) -> bool: ...

    def server(self) -> Server: ...
