"""kopf against a real API server: objects reach their sinks, and nothing else happens."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from perago_operator.adapters import kopf_watch, kube_access
from perago_operator.adapters.kopf_watch import KopfWatch
from perago_operator.adapters.kube import tasks_path
from perago_operator.api.shared import Key
from perago_operator.ports import Manifest, Refused, is_refusal, key_of
from tests.contract.kube.names import attempt
from tests.contract.kube.subject import Subject


class Sink:
    """Keeps objects and reports changes."""

    def __init__(self) -> None:
        self.objects: dict[Key, Manifest] = {}
        self._changed = asyncio.Event()

    def put(self, obj: Manifest) -> None:
        self.objects[key_of(obj)] = obj
        self._changed.set()

    def remove(self, key: Key) -> None:
        self.objects.pop(key, None)
        self._changed.set()

    async def until(self, *names: str) -> None:
        """Wait until exactly these objects are there."""
        async with asyncio.timeout(30):
            while {name for _, name in self.objects} != set(names):
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def watching(kubeconfig: Path, namespace: str) -> AsyncIterator[Sink]:
    """kopf at work on one namespace."""
    sink, ready = Sink(), asyncio.Event()
    watch = KopfWatch(kube_access.load(kubeconfig), take_signals=lambda: None)
    running = asyncio.create_task(watch(namespace, sink, ready))
    try:
        async with asyncio.timeout(30):
            await ready.wait()
        yield sink
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def with_token(kubeconfig: Path, token: str, folder: Path) -> Path:
    """The same server for somebody else."""
    config = json.loads(kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    changed = folder / "config"
    changed.write_text(json.dumps(config))
    return changed


@pytest.fixture
def subject(real_subject: Subject) -> Subject:
    """kopf needs a real one."""
    return real_subject


async def test_tasks_that_exist_and_that_come_and_go_reach_the_sink(subject: Subject, kubeconfig: Path) -> None:
    """And nothing else does."""
    await subject.cluster.create_attempt(subject.namespace, attempt("a1"))
    await subject.task("before")
    async with watching(kubeconfig, subject.namespace) as sink:
        await sink.until("before")
        await subject.task("build")
        await sink.until("before", "build")
        assert subject.real is not None
        await subject.real.delete(tasks_path(subject.namespace, "before"), {})
        await sink.until("build")


async def test_kopf_leaves_no_mark_on_an_object(subject: Subject, kubeconfig: Path) -> None:
    """No annotation, no finalizer, no event: one version, ours."""
    await subject.task("build")
    async with watching(kubeconfig, subject.namespace) as sink:
        await sink.until("build")
        seen = sink.objects[Key(subject.namespace, "build")]
    obj = await subject.get("PeragoTask", "build")
    assert obj is not None
    assert obj["metadata"]["resourceVersion"] == seen["metadata"]["resourceVersion"]
    assert subject.real is not None
    assert (await subject.real.get(f"/api/v1/namespaces/{subject.namespace}/events"))["items"] == []


async def test_canceling_ends_kopf_and_nothing_else(subject: Subject, kubeconfig: Path) -> None:
    """`kopf.operator` would cancel every other task of the event loop."""
    other = asyncio.create_task(asyncio.Event().wait())
    async with watching(kubeconfig, subject.namespace):
        mine = asyncio.create_task(asyncio.Event().wait())
    assert not other.done()
    assert not mine.done()
    for task in (other, mine):
        task.cancel()


async def test_a_namespace_that_may_not_be_watched_is_refused(
    subject: Subject, kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kopf ends as a whole then, after some tries: each namespace has one of its own."""
    impatient = kopf_watch.settings()
    impatient.networking.error_backoffs = 0.1
    monkeypatch.setattr(kopf_watch, "settings", lambda: impatient)
    assert subject.real is not None
    account = f"/api/v1/namespaces/{subject.namespace}/serviceaccounts/default"
    token = (await subject.real.create(f"{account}/token", {"spec": {}}))["status"]["token"]
    watch = KopfWatch(kube_access.load(with_token(kubeconfig, token, tmp_path)), take_signals=lambda: None)
    async with asyncio.timeout(30):
        with pytest.raises(Refused, match=f"watch of PeragoTasks of {subject.namespace}.*cannot list") as caught:
            await watch(subject.namespace, Sink(), asyncio.Event())
    assert is_refusal(caught.value)


async def test_sigterm_is_never_kopfs_alone(subject: Subject, kubeconfig: Path) -> None:
    """kopf takes it when it starts, and would end by itself; it is taken back in the same step of the event loop."""
    loop, stop, taken = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

    def take_signals() -> None:
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        taken.set()

    watch = KopfWatch(kube_access.load(kubeconfig), take_signals=take_signals)
    running = asyncio.create_task(watch(subject.namespace, Sink(), asyncio.Event()))
    try:
        async with asyncio.timeout(30):
            await taken.wait()
            os.kill(os.getpid(), signal.SIGTERM)
            await stop.wait()
        assert not running.done()
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
