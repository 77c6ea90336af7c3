"""The agent's life: how it ends in each case, and that it leaves no branch behind."""

import asyncio
import random
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from perago import wire
from perago.agent.clients.attempt_api import AttemptGone, ClusterRefused
from perago.agent.clients.http import NoAnswer, Server
from perago.agent.clients.lakefs_errors import Forbidden
from perago.agent.life import live
from perago.wire import Reason
from tests.fakes.faulty import raising
from tests.faults.kinds import cut_before
from tests.unit.perago.agent.kit import (
    CLEAN_UP,
    COMPLETED,
    DOWNLOAD,
    FAILED,
    FENCE,
    HELLO,
    STAGE,
    TO_PUBLICATION,
    World,
)

Connect = Callable[[], Awaitable[socket.socket | None]]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def task(world: World, *calls: wire.Call) -> Connect:
    """A task that makes these calls, and is gone after the last one."""
    agent, own = socket.socketpair()
    own.setblocking(False)

    async def speak() -> None:
        loop = asyncio.get_running_loop()
        for call in calls:
            if isinstance(call, wire.Download):
                world.directory.mkdir()
            await loop.sock_sendall(own, wire.encode_frame(call.to_json()))
            await loop.sock_recv(own, 1 << 20)
            if isinstance(call, wire.Download):
                world.work()
        own.close()

    async def connect() -> socket.socket:
        speaking.append(asyncio.create_task(speak()))
        return agent

    speaking: list[asyncio.Task[None]] = []
    return connect


async def nobody() -> None:
    """No task connects."""


async def must_not_connect() -> None:
    """There is nothing to serve a task for."""
    raise AssertionError("the agent waits for a task")


def branches(world: World) -> set[str]:
    return set(world.repository.lakefs.branches)


async def test_a_recorded_result_is_a_success(world: World) -> None:
    """Exit code 0, also where the task does not clean up itself."""
    assert await live(world.agent(), 1, task(world, *TO_PUBLICATION, COMPLETED)) == 0
    assert (world.outcome.status, branches(world)) == ("COMPLETED", {"main"})
    assert world.outcome.execution == world.order.execution


async def test_a_task_that_is_gone_after_its_publication_has_completed(world: World) -> None:
    """The outcome is made of the output that was published."""
    assert await live(world.agent(), 1, task(world, *TO_PUBLICATION)) == 0
    assert world.outcome.output is not None
    assert world.outcome.output["result"] == {"n": 1}
    assert world.outcome.output["workspace"]["ref"] == world.repository.lakefs.branches["main"].head


@pytest.mark.parametrize("calls", [(), (HELLO,), (HELLO, DOWNLOAD), (HELLO, DOWNLOAD, FENCE, STAGE, FENCE)], ids=len)
async def test_a_task_that_is_gone_before_leaves_no_outcome_and_no_branch(
    world: World, calls: tuple[wire.Call, ...]
) -> None:
    """NO_RESULT_EXIT: the operator sees from the pod what became of it."""
    assert await live(world.agent(), 1, task(world, *calls)) == wire.NO_RESULT_EXIT
    assert ("outcome" in world.api.status, branches(world)) == (False, {"main"})
    if STAGE in calls:
        assert world.api.status["staging"]["state"] == "Deleted"


async def test_a_task_that_sends_no_calls_has_failed(world: World) -> None:
    """It may live on, so that nothing in the pod would show that it was its own doing; no branch stays."""
    agent, own = socket.socketpair()

    async def connect() -> socket.socket:
        own.sendall(b"GET / HTTP/1.1\r\n\r\n")
        return agent

    with own:
        assert await live(world.agent(), 1, connect) == 0
    assert (world.outcome.status, world.outcome.reason) == ("FAILED", Reason.TASK_EXECUTION_ERROR)
    assert "broke off the conversation" in (world.outcome.message or "")
    assert branches(world) == {"main"}


async def test_without_a_task_the_agent_ends(world: World) -> None:
    """NO_RESULT_EXIT, and what it had reported is written."""
    assert await live(world.agent(), 1, nobody) == wire.NO_RESULT_EXIT


@pytest.mark.parametrize(
    "error",
    [AttemptGone("gone"), ClusterRefused("invalid"), NoAnswer(Server.CLUSTER, "silent")],
    ids=lambda error: type(error).__name__,
)
async def test_an_outcome_that_cannot_be_recorded_is_an_error_after_the_clean_up(
    world: World, error: Exception
) -> None:
    """The process gives up; the branch does not stay because the API server is away."""
    world.api.outcome_error = error
    with pytest.raises(type(error)):
        await live(world.agent(), 1, task(world, HELLO, DOWNLOAD, FENCE, STAGE, FAILED))
    assert ("outcome" in world.api.status, branches(world)) == (False, {"main"})


async def test_a_clean_up_that_fails_does_not_change_the_end(world: World) -> None:
    """The operator deletes the branch that the status names."""
    world.repository.faults.on("delete_branch", raising(Forbidden("no")), None)
    assert await live(world.agent(), 1, task(world, *TO_PUBLICATION, CLEAN_UP, COMPLETED)) == 0
    assert branches(world) == {"main", world.branch}


async def test_the_first_execution_looks_for_no_evidence(world: World) -> None:
    """There is none, and the task waits."""
    await live(world.agent(), 1, nobody)
    assert {"history", "delete_branch"}.isdisjoint(world.seen)


async def test_a_later_execution_completes_from_evidence(world: World) -> None:
    """No task is waited for."""
    await live(world.agent(), 1, task(world, *TO_PUBLICATION))
    head = world.repository.lakefs.branches["main"].head
    later = world.later()
    assert await live(later.agent(), 2, must_not_connect) == 0
    assert later.outcome.output is not None
    assert (later.outcome.output["workspace"]["ref"], later.outcome.output["result"]) == (head, {"n": 1})


async def test_a_later_execution_without_evidence_serves_its_task(world: World) -> None:
    """The attempt runs again."""
    await live(world.agent(), 1, task(world, HELLO, DOWNLOAD))
    later = world.later()
    assert await live(later.agent(), 2, task(later, *TO_PUBLICATION, COMPLETED)) == 0
    assert later.outcome.status == "COMPLETED"


async def test_a_later_execution_of_a_task_without_a_workspace_serves_it(world: World) -> None:
    """There cannot be any evidence."""
    later = world.later()
    later.api.attempt["spec"]["input"] = {"params": {}}
    assert await live(later.agent(), 2, task(later, HELLO, COMPLETED)) == 0
    assert "history" not in later.seen


async def test_evidence_that_is_refused_is_the_outcome(world: World) -> None:
    """Running the body again could publish twice."""
    await live(world.agent(), 1, task(world, *TO_PUBLICATION))
    later = world.later()
    later.repository.faults.on("history", raising(Forbidden("no")), None)
    assert await live(later.agent(), 2, must_not_connect) == 0
    assert (later.outcome.status, later.outcome.reason) == ("FAILED", Reason.LAKEFS_FORBIDDEN)


async def test_evidence_that_lakefs_does_not_answer_is_left_to_the_operator(world: World) -> None:
    """It can wait for as long as it takes; FAILED would deny what may have been published."""
    await live(world.agent(), 1, task(world, *TO_PUBLICATION))
    later = world.later()
    later.repository.faults.on("history", cut_before, None)
    with pytest.raises(NoAnswer):
        await live(later.agent(), 2, must_not_connect)
    assert "outcome" not in later.api.status


async def test_an_output_that_is_too_large_is_said_in_the_outcome(world: World) -> None:
    """A task without a workspace publishes nothing that could be lost."""
    world.api.attempt["spec"]["input"] = {"params": {}}
    noise = "".join(chr(number) for number in random.Random(1).choices(range(0x4E00, 0x9FFF), k=600_000))
    agent = world.agent()
    await agent.session.answer(HELLO)
    await agent.session.answer(COMPLETED.model_copy(update={"output": {"result": noise}}))
    assert (world.outcome.status, world.outcome.reason) == ("FAILED", Reason.OUTPUT_TOO_LARGE)
    assert "write large results to the workspace" in (world.outcome.message or "")
