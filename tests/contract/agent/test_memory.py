"""The agent's memory does not grow with what it moves."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

from perago import wire
from tests.contract.agent.pod import Pod
from tests.contract.agent.repository import Repository
from tests.contract.agent.test_deaths import client_of, ended
from tests.contract.agent.test_hostile import directory_of, list_changes

OBJECT_MIB = int(os.environ.get("PERAGO_TEST_OBJECT_MIB", "96"))
LIMIT_MIB = 100
BLOCK = bytes(range(256)) * 4096


async def blocks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield BLOCK


def peak_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


async def test_a_large_object_passes_both_ways_in_flat_memory(pod: Pod, repository: Repository) -> None:
    """Downloaded and uploaded whole, verified, with the agent below its limit at its peak."""
    await repository.put("big", blocks(OBJECT_MIB))
    base = await repository.commit()
    pod.anew = True
    client = await client_of(pod.input(base))
    given = await asyncio.to_thread(client.hello)
    directory = directory_of(given)
    directory.mkdir()
    await asyncio.to_thread(client._call, wire.Download(prefix="/", read_only=False), wire.Downloaded)
    want = hashlib.sha256(BLOCK * OBJECT_MIB).hexdigest()
    with (directory / "big").open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == want
    (directory / "big").rename(directory / "moved")
    await asyncio.to_thread(client._call, wire.LoadCurrentAttempt(), wire.CurrentAttempt)
    list_changes(directory, added=("moved",), deleted=("big",))
    await asyncio.to_thread(client._call, wire.Stage(), wire.Staged)
    assert pod.agent is not None
    peak = peak_mib(pod.agent.pid)
    print(f"agent peak {peak:.0f} MiB with an object of {OBJECT_MIB} MiB")  # noqa: T201 - a measurement
    assert peak < LIMIT_MIB
    client._connection.close()
    await ended(pod)


async def test_many_small_objects_pass_both_ways(pod: Pod, repository: Repository) -> None:
    """A thousand files travel, several at once, and none of them is lost."""
    for start in range(0, 1000, 50):
        await asyncio.gather(*(repository.put(f"d{n % 7}/f{n}", f"{n}".encode()) for n in range(start, start + 50)))
    base = await repository.commit()
    params = {"write": {f"new/{n}": "x" for n in range(200)}}
    assert await pod.input(base, params).run() == (0, 0), pod.logs()
    assert pod.api.status["workspace"]["changed"]["added"] == 200
    assert (pod.outcome.full_output() or {})["result"]["files"] == 1001
