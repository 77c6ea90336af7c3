"""The API servers of the suite, each with one attempt: the fake, in memory and over HTTP, and a real namespace."""

import re
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import ClientSession

from perago import wire
from perago.agent.clients.attempt_api import AttemptApi, AttemptObject
from perago.agent.mounts import Mounts
from perago.wire.base import JsonObject
from perago_operator.adapters.kube import attempts_path
from perago_operator.adapters.kube_api import KubeApi
from perago_operator.ports import Manifest
from tests.fakes.attempt_api import FakeAttemptApi, StoredAttempt
from tests.faults.kinds import Fault
from tests.faults.proxy import Proxy

NAME = "a1"


class Server(Protocol):
    """An API server with one attempt, and what others than the agent do to that."""

    @property
    def namespace(self) -> str:
        """The attempt's."""

    async def attempt(self) -> Manifest:
        """The attempt as it is now."""

    async def cancel(self) -> None:
        """Somebody sets `spec.cancel`."""

    async def delete(self) -> None:
        """Somebody deletes the attempt, which the operator still holds."""


@dataclass
class FakeServer:
    """The fake."""

    fake: StoredAttempt

    @property
    def namespace(self) -> str:
        """See `Server`."""
        return self.fake.namespace

    async def attempt(self) -> Manifest:
        """See `Server`."""
        return self.fake.attempt

    async def cancel(self) -> None:
        """See `Server`."""
        self.fake.attempt["spec"]["cancel"] = True
        self.fake.touched()

    async def delete(self) -> None:
        """See `Server`."""
        self.fake.attempt["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        self.fake.touched()


@dataclass
class RealServer:
    """A namespace of a real one."""

    api: KubeApi
    namespace: str

    async def attempt(self) -> Manifest:
        """See `Server`."""
        return await self.api.get(f"{attempts_path(self.namespace)}/{NAME}")

    async def cancel(self) -> None:
        """See `Server`."""
        await self.api.patch(f"{attempts_path(self.namespace)}/{NAME}", {"spec": {"cancel": True}})

    async def delete(self) -> None:
        """See `Server`."""
        await self.api.delete(f"{attempts_path(self.namespace)}/{NAME}", {})


class Client(Protocol):
    """The agent's client of its attempt."""

    async def get(self) -> AttemptObject: ...
    async def changed(self, version: str) -> None: ...
    async def patch_status(self, status: JsonObject) -> None: ...


class Backend(Protocol):
    """A server, and the agent's client of it."""

    @property
    def server(self) -> Server:
        """The server."""

    @property
    def client(self) -> Client:
        """The agent's client of the attempt."""

    @property
    def uid(self) -> str:
        """The attempt's."""

    def break_(self, call: str, fault: Fault[Any]) -> None:
        """Let the next call of that name meet the fault."""

    def calls(self, call: str) -> int:
        """How many calls of that name have arrived."""


class MemoryBackend:
    """The fake, without HTTP."""

    def __init__(self, fake: FakeAttemptApi) -> None:
        self.fake = self.client = fake
        self.server = FakeServer(fake)
        self.uid = fake.uid

    def break_(self, call: str, fault: Fault[Any]) -> None:
        """See `Backend`."""
        self.fake.faults.on(call, fault)

    def calls(self, call: str) -> int:
        """See `Backend`."""
        return self.fake.faults.seen.count(call)


METHODS = {"get": rf"^GET [^?]*/{NAME}$", "changed": r"^GET .*watch=true", "patch_status": "^PATCH "}


@dataclass
class HttpBackend:
    """A server over HTTP, the agent's mounts for it, and the proxy in between."""

    server: Server
    mounts: Mounts
    proxy: Proxy
    uid: str
    session: ClientSession

    @property
    def client(self) -> Client:
        """See `Backend`."""
        return self.client_of()

    def client_of(self, **order: Any) -> AttemptApi:
        """A client that serves another order."""
        return AttemptApi(self.session, self.mounts, self.order(**order))

    def break_(self, call: str, fault: Fault[Any]) -> None:
        """See `Backend`."""
        self.proxy.on(METHODS[call], fault)

    def calls(self, call: str) -> int:
        """See `Backend`."""
        return sum(re.search(METHODS[call], line) is not None for line in self.proxy.seen)

    def order(self, **changes: Any) -> wire.Order:
        """The order of an agent that serves the attempt."""
        identity = {"namespace": self.server.namespace, "name": NAME, "uid": self.uid}
        work = {"execution": 1, "installation": "tests", "module": "app", "image": "app:1"}
        return wire.Order.model_validate(identity | work | changes)
