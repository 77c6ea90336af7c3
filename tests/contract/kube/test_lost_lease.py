"""The operator's process when it loses the Lease of a real API server."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from perago_operator.adapters.kube import attempts_path
from perago_operator.ports import Conflict
from tests.contract.kube.names import attempt
from tests.contract.kube.subject import Subject
from tests.e2e.operator_process import OperatorProcess
from tests.fakes.waiting import OF_SERVERS


@pytest.fixture
def operator(real_subject: Subject, kubeconfig: Path, tmp_path: Path) -> Iterator[OperatorProcess]:
    """The operator of the subject's namespace, without Conductor and lakeFS."""
    variables = {
        "KUBECONFIG": str(kubeconfig),
        "PERAGO_NAMESPACES": real_subject.namespace,
        "PERAGO_LEASE_NAMESPACE": real_subject.namespace,
        "PERAGO_IDENTITY": "one",
        "PERAGO_RUNNER_IMAGE": "runner:1",
        "PERAGO_CONDUCTOR_URL": "http://127.0.0.1:9/api",
        "PERAGO_HTTP_HOST": "127.0.0.1",
        "PERAGO_HTTP_PORT": "0",
    }
    process = OperatorProcess(os.environ | variables, tmp_path / "operator.log")
    process.start()
    yield process
    process.stop()


async def test_a_process_that_loses_the_lease_contends_again_and_works(
    real_subject: Subject, operator: OperatorProcess
) -> None:
    """A container that ended would be held down by the kubelet, longer each time that the API server is away."""
    await _led_by(real_subject, "one")
    await _taken_for_a_second(real_subject)
    await _led_by(real_subject, "one")
    assert real_subject.real is not None
    await real_subject.real.create(attempts_path(real_subject.namespace), attempt())
    await _until(lambda: _exists(real_subject, "Pod", "a1-1"))
    assert operator.runs()
    assert operator.log().count("ending at once and beginning again") == 1


async def _led_by(subject: Subject, identity: str) -> None:
    async def led() -> bool:
        return (await subject.leases().read()).holder == identity

    await _until(led)


async def _taken_for_a_second(subject: Subject) -> None:
    """Another replica writes its name over the leader's, between two renewals, and is gone."""

    async def taken() -> bool:
        leases = subject.leases()
        try:
            await leases.write(replace(await leases.read(), holder="another", duration_seconds=1))
        except Conflict:
            return False
        return True

    await _until(taken)


async def _exists(subject: Subject, kind: str, name: str) -> bool:
    return await subject.get(kind, name) is not None


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(OF_SERVERS):
        while not await holds():  # noqa: ASYNC110 -- the API server decides
            await asyncio.sleep(0.1)
