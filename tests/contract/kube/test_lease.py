"""The Lease as leader election needs it, on the fake and on a real API server alike."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from perago.wire.times import micro_timestamp
from perago_operator.adapters import kube_access
from perago_operator.adapters.kube import utc_now
from perago_operator.adapters.kube_api import KubeApi
from perago_operator.adapters.kube_lease import KubeLeases
from perago_operator.ports import Conflict, Lease
from perago_operator.process.leader import Leadership, Terms
from perago_operator.process.leasethread import on_a_thread
from tests.contract.kube.subject import Subject
from tests.fakes.waiting import OF_SERVERS

QUICK = Terms(duration=15, deadline=10, retry=0.01)


def held(by: str) -> Lease:
    """A Lease as a leader writes it."""
    now = micro_timestamp(utc_now())
    return Lease(holder=by, duration_seconds=15, acquired=now, renewed=now)


async def test_a_lease_that_is_not_there_reads_as_empty(subject: Subject) -> None:
    """The first replica makes it."""
    assert await subject.leases().read() == Lease()


async def test_what_is_written_is_read(subject: Subject) -> None:
    """Holder, times, duration."""
    leases = subject.leases()
    written = await leases.write(held("one"))
    assert await leases.read() == written
    assert (written.holder, written.duration_seconds) == ("one", 15)


async def test_a_lease_keeps_its_uid_from_leader_to_leader(subject: Subject) -> None:
    """It names the installation in the worker id of its polls."""
    leases = subject.leases()
    first = await leases.write(held("one"))
    second = await leases.write(replace(first, holder="two"))
    assert first.uid
    assert (second.uid, (await leases.read()).uid) == (first.uid, first.uid)


async def test_of_two_that_create_it_one_gets_a_conflict(subject: Subject) -> None:
    """There is one leader."""
    leases = subject.leases()
    await leases.write(held("one"))
    with pytest.raises(Conflict):
        await leases.write(held("two"))


async def test_a_write_over_a_newer_version_is_a_conflict(subject: Subject) -> None:
    """Whoever was first has it."""
    leases = subject.leases()
    written = await leases.write(held("one"))
    await leases.write(replace(written, holder="two"))
    with pytest.raises(Conflict):
        await leases.write(replace(written, holder="three"))


async def test_a_released_lease_is_taken_over_at_once(subject: Subject) -> None:
    """No one waits for its end."""
    leases = subject.leases()
    one = Leadership(leases, "one", clock=time.monotonic, now=utc_now, terms=QUICK)
    two = Leadership(leases, "two", clock=time.monotonic, now=utc_now, terms=QUICK)
    await one.acquire()
    waiting = asyncio.create_task(two.acquire())
    await one.release()
    async with asyncio.timeout(10):
        await waiting
    assert (await leases.read()).holder == "two"


async def test_a_lease_is_renewed_while_the_event_loop_is_busy(real_subject: Subject, kubeconfig: Path) -> None:
    """Over a client of its own, in one callback that lasts for longer than the deadline."""
    seconds = 0.0

    @asynccontextmanager
    async def contend() -> AsyncIterator[Leadership]:
        async with KubeApi(kube_access.load(kubeconfig)) as api:
            leases = KubeLeases(api, real_subject.namespace, "perago-operator")
            yield Leadership(leases, "busy", clock=lambda: seconds, now=utc_now, terms=QUICK)

    async with on_a_thread(contend, lambda: seconds) as lease:
        await lease.acquire()
        holding = asyncio.create_task(lease.hold())
        await asyncio.sleep(0)
        for seconds in (5.0, 10.0, 15.0, 20.0):
            end = time.monotonic() + OF_SERVERS
            while lease.renewed_at < seconds:
                assert time.monotonic() < end
        assert lease.leading
        holding.cancel()
        await lease.release()
    assert (await real_subject.leases().read()).holder == ""
