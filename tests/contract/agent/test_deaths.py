"""Processes that die: the task at any moment, the agent between two executions, and what the next one makes of it."""

import asyncio
import random
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from perago import wire
from perago.attempt import Changes
from perago.taskside.client import AgentClient, AgentGone, connect
from perago.workspace.changelist import write_changes
from tests.contract.agent.pod import Pod
from tests.contract.agent.processes import Process
from tests.contract.agent.repository import Repository
from tests.contract.agent.test_broken_lakefs import behind
from tests.contract.agent.test_paths import base_of
from tests.faults.kinds import Held
from tests.faults.proxy import proxied

INCOMPRESSIBLE = random.Random(0).randbytes(300_000).hex()
"""More than the 256 KiB of gzip that a commit carries."""


async def until(path: Path) -> None:
    async with asyncio.timeout(20):
        while not await asyncio.to_thread(path.exists):  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.01)


async def client_of(pod: Pod) -> AgentClient:
    await pod.start_agent()
    return AgentClient(await asyncio.to_thread(connect, pod.mounts["socket"]))


def staged(client: AgentClient) -> None:
    """Play the task up to its second fence: one file added."""
    given = client.hello()
    directory = Path(given.workspace_root) / f"task_id={given.attempt.task_id}-exec={given.execution_id}"
    directory.mkdir()
    downloaded = client._call(wire.Download(prefix="/", read_only=False), wire.Downloaded)
    (directory / "b").write_text("b")
    write_changes(Path(downloaded.changes_path), Changes(added=("b",)))
    client._call(wire.LoadCurrentAttempt(), wire.CurrentAttempt)
    client._call(wire.Stage(), wire.Staged)
    client._call(wire.LoadCurrentAttempt(), wire.CurrentAttempt)


async def started(pod: Pod) -> tuple[Process, Process]:
    """An agent, and a task that it serves."""
    return await pod.start_agent(), await pod.start_task()


def hang_up(client: AgentClient) -> None:
    client._connection.close()


async def ended(pod: Pod) -> int:
    assert pod.agent is not None
    return await asyncio.wait_for(pod.agent.wait(), 20)


async def test_a_task_that_dies_in_its_body_leaves_the_diagnosis_to_the_operator(
    pod: Pod, repository: Repository
) -> None:
    """The agent invents no outcome: it ends with NO_RESULT_EXIT, and the pod shows what became of the task."""
    base = await base_of(repository, a=b"a")
    pod.input(base, {"write": {"began": "x"}, "wait_for": str(pod.folder / "never")})
    await pod.start_agent()
    task = await pod.start_task()
    await until(next(iter([pod.folder / "workspace" / f"task_id=task-1-exec={pod.order['uid']}-1" / "began"])))
    task.kill()
    assert await ended(pod) == wire.NO_RESULT_EXIT
    assert "outcome" not in pod.api.status


async def test_a_task_that_dies_after_staging_leaves_no_branch(pod: Pod, repository: Repository) -> None:
    """The agent deletes the staging branch and says so."""
    base = await base_of(repository, a=b"a")
    client = await client_of(pod.input(base))
    await asyncio.to_thread(staged, client)
    hang_up(client)
    assert await ended(pod) == wire.NO_RESULT_EXIT
    assert await repository.branches() == {"main"}
    assert pod.api.status["staging"]["state"] == "Deleted"


async def test_a_task_that_dies_after_its_publication_has_completed(pod: Pod, repository: Repository) -> None:
    """The publication is the evidence: the outcome is COMPLETED with the output that was published."""
    base = await base_of(repository, a=b"a")
    client = await client_of(pod.input(base))
    await asyncio.to_thread(staged, client)
    await asyncio.to_thread(client._call, wire.Publish(output={"result": {"n": 1}}), wire.Published)
    hang_up(client)
    assert await ended(pod) == 0
    output = pod.outcome.full_output() or {}
    assert output["result"] == {"n": 1}
    assert output["workspace"]["ref"] == await repository.head()


async def test_a_task_that_gets_sigterm_ends_a_download_whose_answer_is_still_to_come(
    pod: Pod, repository: Repository
) -> None:
    """Both processes get the signal, as in a pod; the agent does not wait for lakeFS, which answers after all."""
    base, body = await base_of(repository, a=b"a"), Held()
    with proxied(repository.server.endpoint) as proxy:
        proxy.on("GET .*/objects\\?path=a", body)
        agent, task = await started(behind(proxy, pod).input(base))
        await body.reached()
        agent.send_signal(signal.SIGTERM)
        task.terminate()
        assert await asyncio.wait_for(task.wait(), 20) == 143
        assert await ended(pod) == wire.NO_RESULT_EXIT
        body.release()


async def test_a_task_that_hangs_up_ends_an_upload_whose_answer_is_still_to_come(
    pod: Pod, repository: Repository
) -> None:
    """The agent sees the socket end during a call, and deletes the branch that it was filling."""
    base, upload = await base_of(repository, a=b"a"), Held()
    with proxied(repository.server.endpoint) as proxy:
        proxy.on("POST .*/objects\\?path=b", upload)
        client = await client_of(behind(proxy, pod).input(base))
        staging = asyncio.create_task(asyncio.to_thread(staged, client))
        await upload.reached()
        client._connection.shutdown(socket.SHUT_RDWR)
        assert await ended(pod) == wire.NO_RESULT_EXIT
        upload.release()
    assert await repository.branches() == {"main"}
    with pytest.raises(AgentGone):
        await staging


async def test_a_later_execution_completes_from_evidence(pod: Pod, repository: Repository) -> None:
    """The agent of the first execution died after the merge: nothing runs again, the output is the commit's."""
    base = await base_of(repository, a=b"a")
    client = await client_of(pod.input(base))
    await asyncio.to_thread(staged, client)
    await asyncio.to_thread(client._call, wire.Publish(output={"result": {"n": None}}), wire.Published)
    assert pod.agent is not None
    pod.agent.kill()
    await pod.agent.wait()
    head = await repository.head()
    await pod.ordered(execution=2).start_agent()
    assert await ended(pod) == 0, pod.logs()
    output: dict[str, Any] = pod.outcome.full_output() or {}
    assert (output["result"], output["workspace"]["ref"]) == ({"n": None}, head)
    assert await repository.branches() == {"main"}
    assert await repository.head() == head


async def test_a_later_execution_without_evidence_runs_again(pod: Pod, repository: Repository) -> None:
    """The first agent died before publication: its branch is deleted, and the body runs once more."""
    base = await base_of(repository, a=b"a")
    client = await client_of(pod.input(base, {"write": {"c": "c"}}))
    await asyncio.to_thread(staged, client)
    assert pod.agent is not None
    pod.agent.kill()
    await pod.agent.wait()
    assert await pod.ordered(execution=2).run() == (0, 0), pod.logs()
    assert await repository.branches() == {"main"}
    assert set(await repository.files()) == {"a", "c"}


async def test_evidence_whose_output_was_too_large_fails_for_a_retry_to_replace(
    pod: Pod, repository: Repository
) -> None:
    """PublishedWithoutOutput: the result is not known, so it does not count."""
    base = await base_of(repository, a=b"a")
    client = await client_of(pod.input(base))
    await asyncio.to_thread(staged, client)
    await asyncio.to_thread(client._call, wire.Publish(output={"result": INCOMPRESSIBLE}), wire.Published)
    assert pod.agent is not None
    pod.agent.kill()
    await pod.agent.wait()
    await pod.ordered(execution=2).start_agent()
    assert await ended(pod) == 0
    assert pod.outcome.reason == "PublishedWithoutOutput"


async def test_no_task_within_its_time_ends_the_agent(pod: Pod) -> None:
    """NO_RESULT_EXIT, no outcome: the pod's container statuses say why the task never came."""
    pod.api.attempt["spec"]["input"] = {"params": {}}
    await pod.ordered(connectSeconds=0.2).start_agent()
    assert await ended(pod) == wire.NO_RESULT_EXIT
    assert "outcome" not in pod.api.status


async def test_sigterm_without_a_task_ends_the_agent(pod: Pod) -> None:
    """There is nothing to wait for."""
    pod.api.attempt["spec"]["input"] = {"params": {}}
    agent = await pod.start_agent()
    await until(Path(pod.mounts["socket"]))
    while not pod.cluster_proxy.seen:  # noqa: ASYNC110 - another process reads
        await asyncio.sleep(0.01)
    agent.send_signal(signal.SIGTERM)
    assert await ended(pod) == wire.NO_RESULT_EXIT


async def test_on_sigterm_the_agent_serves_the_task_to_its_end(pod: Pod, repository: Repository) -> None:
    """A publication that is under way when the pod gets SIGTERM is finished and recorded."""
    base = await base_of(repository, a=b"a")
    client = await client_of(pod.input(base))
    await asyncio.to_thread(staged, client)
    assert pod.agent is not None
    pod.agent.send_signal(signal.SIGTERM)
    ref = (await asyncio.to_thread(client._call, wire.Publish(output={"result": {}}), wire.Published)).ref
    output = {"workspace": {"ref": ref}, "result": {}}
    result = wire.Result(status="COMPLETED", reason="Completed", output=output)
    await asyncio.to_thread(client.report, result)
    assert await ended(pod) == 0
    assert pod.outcome.status == "COMPLETED"


async def test_on_sigterm_a_task_in_its_body_ends_at_once(pod: Pod, repository: Repository) -> None:
    """As the first process of its container it would otherwise ignore the signal."""
    base = await base_of(repository, a=b"a")
    pod.input(base, {"write": {"began": "x"}, "wait_for": str(pod.folder / "never")})
    await pod.start_agent()
    task = await pod.start_task()
    await until(pod.folder / "workspace" / f"task_id=task-1-exec={pod.order['uid']}-1" / "began")
    task.terminate()
    assert await task.wait() == 143
    assert await ended(pod) == wire.NO_RESULT_EXIT


async def test_a_body_that_heeds_sigterm_may_finish_its_work(pod: Pod, repository: Repository) -> None:
    """Its module has a handler of its own: the attempt completes within the pod's grace period."""
    pod.ordered(module="heeds").input(await base_of(repository, a=b"a"))
    agent, task = await started(pod)
    await until(pod.folder / "workspace" / f"task_id=task-1-exec={pod.order['uid']}-1" / "began")
    for process in (agent, task):
        process.send_signal(signal.SIGTERM)
    assert (await task.wait(), await ended(pod)) == (0, 0), pod.logs()
    assert pod.outcome.status == "COMPLETED"
