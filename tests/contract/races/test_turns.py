"""A race on real parts: lakeFS, the API server, the operator as a process, and the agents' turns and publishers."""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from perago import wire
from perago.agent import publication
from perago.agent.clients.attempt_api import AttemptApi, open_session
from perago.agent.clients.lakefs import LakeFS
from perago.agent.clients.lakefs import open_session as open_lakefs
from perago.agent.fence import AttemptFence
from perago.agent.mounts import Mounts
from perago.agent.publication import Commit
from perago.agent.publisher import Publisher, Staged
from perago.agent.status import StatusWriter
from perago.agent.target import Plan
from perago.agent.turn import AttemptTurn
from perago.errors import PublishFenceError
from perago.wire.secrets import LakeFSKeys
from perago_dev.servers.lakefs import Server
from perago_operator.adapters import kube_access
from perago_operator.adapters.kube import attempts_path
from perago_operator.adapters.kube_api import KubeApi
from tests.bodies import fixed, uploaded
from tests.contract.agent.repository import Repository, signed_session
from tests.contract.kube.names import attempt, fresh
from tests.e2e.operator_process import OperatorProcess
from tests.fakes.waiting import OF_SERVERS, in_time, until_a_server
from tests.faults.kinds import preceded_by
from tests.faults.proxy import Proxy, proxied

PATIENCE = 60.0


@dataclass
class Race:
    """A namespace and a repository, and what an agent needs of them."""

    api: KubeApi
    namespace: str
    mounts: Mounts
    lakefs: LakeFS
    meddler: Proxy
    """Between agents and lakeFS."""
    repository: Repository
    base: str
    opened: AsyncExitStack

    async def enter(self, name: str) -> asyncio.Task[Commit]:
        """An attempt that has staged its work, and whose agent now publishes it."""
        order = await self._ordered(name)
        api = AttemptApi(await self.opened.enter_async_context(open_session(self.mounts)), self.mounts, order)
        status = StatusWriter(api, PATIENCE)
        report = wire.WorkspaceReport(repository=self.repository.name, branch="main", input_ref=self.base)
        await status.write(wire.StatusReport(workspace=report))
        plan = Plan("main", self.base, publication.identity(order), False, PATIENCE)
        turn = AttemptTurn(order, api, status, lambda step, seconds: None)
        publisher = Publisher(self.lakefs, plan, AttemptFence(order, api, None).require, turn)
        return asyncio.create_task(publisher.publish(await self._staged(order)))

    async def turn(self, name: str) -> dict[str, Any]:
        """What the attempt's status says of its turn."""
        found = await self.api.get(f"{attempts_path(self.namespace)}/{name}")
        turn: dict[str, Any] = found.get("status", {}).get("turn", {})
        return turn

    async def waits(self, name: str) -> None:
        """Return when the operator has seen that the attempt waits for its turn."""
        async with asyncio.timeout(OF_SERVERS):
            while "waiting" not in await self.turn(name):  # noqa: ASYNC110 -- the operator is another process
                await asyncio.sleep(0.1)

    async def _ordered(self, name: str) -> wire.Order:
        metadata = (await self.api.create(attempts_path(self.namespace), attempt(name)))["metadata"]
        return wire.Order(
            namespace=self.namespace, name=name, uid=metadata["uid"], created=metadata["creationTimestamp"],
            execution=1, installation="races", module="app", image="app:1",
        )  # fmt: skip

    async def _staged(self, order: wire.Order) -> Staged:
        branch = f"staging-{order.name}"
        await self.lakefs.create_branch(branch, self.base)
        await uploaded(self.lakefs, branch, f"file-{order.name}", order.name.encode())
        metadata = publication.publication_metadata(order, self.base, {})
        commit = await self.lakefs.commit(branch, "Stage", metadata, PATIENCE)
        return Staged(branch, commit, "Publish", metadata, PATIENCE)


@pytest.fixture
async def race(kubeconfig: Path, lakefs: Server, tmp_path: Path) -> AsyncIterator[Race]:
    """A namespace and a repository of its own, and proxies in front of both servers."""
    access, name = kube_access.load(kubeconfig), f"races-{uuid.uuid4().hex[:12]}"
    async with AsyncExitStack() as opened:
        api = await opened.enter_async_context(KubeApi(access))
        namespace = fresh("races")
        await api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
        accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        await api.create(accounts, {"metadata": {"name": "perago-runner"}})
        cluster = opened.enter_context(proxied(access.server, Path(access.files.ca or "")))
        (tmp_path / "token").write_text((access.read_authorization() or "").removeprefix("Bearer "))
        repository = Repository(await opened.enter_async_context(signed_session(lakefs)), lakefs, name)
        await repository.create()
        await repository.put("begin", b"begin")
        base = await repository.commit()
        meddler = opened.enter_context(proxied(lakefs.endpoint))
        secret = LakeFSKeys(meddler.url, lakefs.access_key, lakefs.secret_key)
        client = LakeFS(await opened.enter_async_context(open_lakefs()), fixed(secret), name)
        mounts = Mounts(cluster=tmp_path, api_server=cluster.url)
        yield Race(api, namespace, mounts, client, meddler, repository, base, opened)
        await repository.delete()


@pytest.fixture
def operator(race: Race, kubeconfig: Path, tmp_path: Path) -> Iterator[OperatorProcess]:
    """The operator of the race's namespace. Started again, it has its Lease at once, since it has the same name."""
    variables = {
        "KUBECONFIG": str(kubeconfig), "PERAGO_NAMESPACES": race.namespace, "PERAGO_LEASE_NAMESPACE": race.namespace,
        "PERAGO_IDENTITY": "one", "PERAGO_RUNNER_IMAGE": "runner:1", "PERAGO_CONDUCTOR_URL": "http://127.0.0.1:9/api",
        "PERAGO_HTTP_HOST": "127.0.0.1", "PERAGO_HTTP_PORT": "0",
    }  # fmt: skip
    process = OperatorProcess(os.environ | variables, tmp_path / "operator.log")
    process.start()
    yield process
    process.stop()


async def test_a_race_has_one_winner_although_its_operator_dies(race: Race, operator: OperatorProcess) -> None:
    """The first has its turn, and its merge is under way; the operator that starts again grants no other turn."""
    arrived, released = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        arrived.set()
        await released.wait()

    race.meddler.on("POST .*/merge/", preceded_by(hold))
    first = await race.enter("first")
    await until_a_server(arrived.is_set)
    second = await race.enter("second")
    await race.waits("second")

    operator.kill()
    third = await race.enter("third")
    operator.start()
    await race.waits("third")
    assert "granted" not in await race.turn("second")

    released.set()
    results = await in_time(asyncio.gather(first, second, third, return_exceptions=True), OF_SERVERS)
    assert [type(result) for result in results] == [Commit, PublishFenceError, PublishFenceError]
    assert (await race.repository.record("main"))["parents"] == [race.base]
    assert await race.repository.files() == {"begin": b"begin", "file-first": b"first"}
