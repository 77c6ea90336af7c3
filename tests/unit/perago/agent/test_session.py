"""The session: the task's calls carried out in order, and what becomes of each failure."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from perago import wire
from perago.agent.clients.attempt_api import AttemptGone, ClusterRefused
from perago.agent.clients.http import NoAnswer, Server
from perago.agent.clients.lakefs_errors import RefNotFound, Unauthorized
from perago.agent.turn import AttemptTurn
from perago.wire import Reason
from perago.wire import metadata_keys as keys
from tests.fakes.attempt_api import FakeAttemptApi, merge_patch
from tests.fakes.faulty import raising
from tests.fakes.waiting import until
from tests.faults.kinds import cut_before
from tests.unit.perago.agent.kit import (
    CLEAN_UP,
    COMPLETED,
    DOWNLOAD,
    FAILED,
    FENCE,
    HELLO,
    KEEP,
    PUBLISH,
    READ_ONLY,
    STAGE,
    TO_PUBLICATION,
    World,
    play,
    refusal,
)


class GrantingApi(FakeAttemptApi):
    """With an operator that grants each turn as soon as it is asked for."""

    async def patch_status(self, status: dict[str, Any]) -> None:
        """See `FakeAttemptApi`."""
        await super().patch_status(status)
        if requested := status.get("turn", {}).get("requested"):
            self.attempt["status"] = merge_patch(self.status, {"turn": {"granted": requested}})
            self.touched()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_the_log_says_what_the_task_asks_for(world: World) -> None:
    """With its times, it shows where an attempt spends them; `bench.waterfall` reads these lines."""
    lines: list[str] = []
    handler = logger.add(lambda line: lines.append(str(line).strip()), format="{message}", level="INFO")
    try:
        await play(world, world.agent().session, HELLO, DOWNLOAD)
    finally:
        logger.remove(handler)
    assert lines == ["the task calls 'hello'", "the task calls 'download'"]


async def test_a_writable_attempt_is_published_and_recorded(world: World) -> None:
    """Each call is answered, the target moves once, and the outcome names where it stands."""
    agent = world.agent()
    await play(world, agent.session, *TO_PUBLICATION, CLEAN_UP, COMPLETED)
    head = world.repository.lakefs.branches["main"].head
    assert world.repository.files("main") == {"file": "after", "new": "new"}
    assert world.outcome.status == "COMPLETED"
    assert world.outcome.output is not None
    assert world.outcome.output["workspace"]["ref"] == head
    assert world.outcome.output["result"] == {"n": 1}
    assert world.api.status["workspace"]["publishedRef"] == head
    assert agent.ending.recorded


@pytest.mark.parametrize(
    "call", ["create_branch", "upload", "delete_objects", "commit", "branch_head", "squash_merge", "history"]
)
async def test_lakefs_is_waited_for_longer_once_the_body_has_run(tmp_path: Path, call: str) -> None:
    """Before it, one call without an answer ends this attempt; its work is worth the patience for outages."""
    world = World(tmp_path, retry_seconds=0, outage_seconds=5)
    world.repository.faults.on(call, cut_before)
    await play(world, world.agent().session, *TO_PUBLICATION, CLEAN_UP, COMPLETED)
    world.repository.faults.check()
    assert world.outcome.status == "COMPLETED"


async def test_a_read_only_attempt_asks_no_fence(world: World) -> None:
    """It completes with the input ref."""
    agent = world.agent()
    await play(world, agent.session, HELLO, READ_ONLY, COMPLETED)
    assert world.outcome.output == {"workspace": world.workspace.model_dump(), "result": {"n": 1}}


async def test_an_attempt_without_a_change_keeps_the_input_ref(world: World) -> None:
    """Nothing is merged."""
    agent = world.agent()
    await play(world, agent.session, HELLO, DOWNLOAD, FENCE, KEEP, COMPLETED)
    assert world.outcome.output == {"workspace": world.workspace.model_dump(), "result": {"n": 1}}
    assert "squash_merge" not in world.seen


async def test_hello_is_answered_with_all_that_the_task_learns(world: World) -> None:
    """The attempt in progress, its input, and where to work."""
    [assignment] = await play(world, world.agent().session, HELLO)
    assert assignment == wire.Assignment(
        module="app.t",
        input=world.api.attempt["spec"]["input"],
        attempt=world.order.attempt,
        execution_id="u2-1",
        workspace_root=str(world.root),
        failure_reason_max_length=500,
    )


async def test_hello_is_answered_with_the_patterns_of_the_order(tmp_path: Path) -> None:
    """Those of the PeragoTask; the task has its own."""
    [assignment] = await play(world := World(tmp_path, exclude=("*.tmp",)), world.agent().session, HELLO)
    assert isinstance(assignment, wire.Assignment)
    assert assignment.exclude == ("*.tmp",)


async def test_an_image_of_another_protocol_is_refused(world: World) -> None:
    """The message says both versions and what to do, and the outcome's reason is more precise than the task's."""
    agent = world.agent()
    refused = await refusal(agent.session, wire.Hello(protocol=99))
    assert refused.error == "TaskExecutionError"
    assert "speaks protocol 99, the agent 3: build the image" in refused.message


@pytest.mark.parametrize(
    ("calls", "steps"),
    [
        pytest.param((HELLO,), ["Downloading"], id="download"),
        pytest.param((HELLO, DOWNLOAD), ["Downloading", "Executing"], id="body"),
        pytest.param((HELLO, DOWNLOAD, FENCE, STAGE), ["Downloading", "Executing", "Staging"], id="staging"),
        pytest.param(TO_PUBLICATION, ["Downloading", "Executing", "Staging", "Publishing"], id="publication"),
        pytest.param((HELLO, DOWNLOAD, FENCE, KEEP), ["Downloading", "Executing", "Publishing"], id="no change"),
    ],
)
async def test_the_status_names_the_step(world: World, calls: tuple[wire.Call, ...], steps: list[str]) -> None:
    """One after another, as they are begun."""
    agent = world.agent()
    for call in calls:
        await play(world, agent.session, call)
        await agent.status.flush()
    named = [patch["step"] for patch in world.api.patches if "step" in patch]
    assert [step for number, step in enumerate(named) if step not in named[:number]] == steps


async def test_a_short_attempt_costs_three_patches(world: World) -> None:
    """What others have to know in time: the staging branch, the turn that is asked for, and the outcome."""
    world.post_seconds = 3600
    world.api = GrantingApi(world.api.attempt)
    agent = world.agent()
    world.turn = AttemptTurn(world.order, world.api, agent.status, agent.ending.took)
    await play(world, agent.session, *TO_PUBLICATION, CLEAN_UP, COMPLETED)
    await agent.status.flush()
    needed = [{"staging", "turn", "outcome"} & patch.keys() for patch in world.api.patches]
    assert needed == [{"staging"}, {"staging", "turn"}, {"staging", "turn", "outcome"}]
    status = world.api.status
    assert (status["staging"]["state"], status["turn"]["returned"]) == ("Deleted", {"execution": 1, "number": 1})
    assert status["timings"].keys() == {"downloading", "staging", "publishing", "waitingForTurn"}


async def test_a_task_without_a_workspace_executes_at_once(world: World) -> None:
    """Its first step is its body, and it may complete right away."""
    world.api.attempt["spec"]["input"] = {"params": {}}
    agent = world.agent()
    await play(world, agent.session, HELLO)
    await agent.status.flush()
    assert world.api.status["step"] == "Executing"
    await play(world, agent.session, COMPLETED)
    assert world.outcome.output == {"result": {"n": 1}}
    assert {"workspace", "step"}.isdisjoint(world.api.status)


async def test_a_publication_that_failed_does_not_count(world: World) -> None:
    """Its task died: the attempt has not completed."""
    agent = world.agent()
    await play(world, agent.session, *TO_PUBLICATION[:-1])
    world.repository.faults.on("squash_merge", cut_before)
    await refusal(agent.session, PUBLISH)
    assert not await agent.ending.record_publication()


async def test_an_attempt_without_a_workspace_names_none(world: World) -> None:
    """The next task of the workflow would work on whatever is named, with its agent's keys."""
    world.api.attempt["spec"]["input"] = {"params": {}}
    agent = world.agent()
    claim = {"result": {"n": 1}, "workspace": {"repository": "other-team", "branch": "prod", "ref": "c1"}}
    await play(world, agent.session, HELLO, COMPLETED.model_copy(update={"output": claim}))
    assert world.outcome.output == {"result": {"n": 1}}


@pytest.mark.parametrize("died", [False, True])
async def test_a_publication_that_was_reset_away_before_the_outcome_does_not_count(world: World, died: bool) -> None:
    """Whether the task lives to report it or not; the outcome names the publication."""
    agent = world.agent()
    await play(world, agent.session, *TO_PUBLICATION)
    branches = world.repository.lakefs.branches
    ref, branches["main"].head = branches["main"].head, world.base
    await (agent.ending.record_publication() if died else play(world, agent.session, COMPLETED))
    assert (world.outcome.status, world.outcome.reason) == ("FAILED", Reason.PUBLISH_FENCE)
    assert ref in (world.outcome.message or "")


async def test_what_was_replaced_is_in_the_status(world: World) -> None:
    """With the outcome, whether it succeeds or not."""
    world.repository.lakefs.put("file", "theirs")
    earlier = {keys.LOGICAL_TASK: world.order.attempt.logical_task, keys.RETRY: "0"}
    abandoned = world.repository.lakefs.commit(metadata=earlier)
    agent = world.agent()
    await play(world, agent.session, *TO_PUBLICATION, COMPLETED)
    assert world.api.status["workspace"]["replaced"]["ref"] == abandoned


async def test_a_publication_counts_although_its_task_dies(world: World) -> None:
    """With the output that was published."""
    agent = world.agent()
    await play(world, agent.session, *TO_PUBLICATION)
    assert await agent.ending.record_publication()
    assert world.outcome.status == "COMPLETED"
    assert (world.outcome.output or {})["result"] == {"n": 1}


async def test_an_attempt_has_one_result(world: World) -> None:
    """After it nothing is carried out."""
    agent = world.agent()
    await play(world, agent.session, *TO_PUBLICATION, COMPLETED)
    for call in (COMPLETED, FAILED, CLEAN_UP, DOWNLOAD):
        assert "OutOfOrder" in (await refusal(agent.session, call)).message
    assert world.outcome.status == "COMPLETED"


async def test_a_failed_attempt_names_no_published_ref(world: World) -> None:
    """The input ref is where it ended, and that is no publication."""
    await play(world, world.agent().session, HELLO, DOWNLOAD, FAILED)
    assert "publishedRef" not in world.api.status["workspace"]


async def test_a_task_with_a_workspace_cannot_complete_past_it(world: World) -> None:
    """A result that was never published is not one, whatever ref the task claims."""
    agent = world.agent()
    await play(world, agent.session, HELLO)
    assert "OutOfOrder" in (await refusal(agent.session, COMPLETED)).message
    assert not agent.ending.recorded


@pytest.mark.parametrize("call", [DOWNLOAD, FENCE, STAGE, PUBLISH, KEEP, CLEAN_UP, COMPLETED, FAILED])
async def test_a_call_out_of_order_changes_nothing(world: World, call: wire.Call) -> None:
    """The task can go on as if it had not made it."""
    agent = world.agent()
    refused = await refusal(agent.session, call)
    assert refused.message.startswith("OutOfOrder: ")
    answers = await play(world, agent.session, *TO_PUBLICATION, COMPLETED)
    assert answers[-1] == wire.Done()


async def test_the_agent_vouches_for_the_workspace_of_the_output(world: World) -> None:
    """Repository, branch and ref are what it knows, not what the task says."""
    agent = world.agent()
    claim = {"workspace": {"repository": "other", "branch": "other", "ref": "ffff"}, "result": {}}
    await play(world, agent.session, *TO_PUBLICATION, COMPLETED.model_copy(update={"output": claim}))
    assert world.outcome.output is not None
    want = world.workspace.published_output(world.repository.lakefs.branches["main"].head).model_dump()
    assert world.outcome.output["workspace"] == want


FAILURES: list[Any] = [
    pytest.param(
        "read",
        raising(RefNotFound("gone")),
        DOWNLOAD,
        "TaskInputError",
        Reason.REF_NOT_FOUND,
        id="an object that is gone",
    ),
    pytest.param(
        "list_page", cut_before, DOWNLOAD, "TaskExecutionError", Reason.LAKEFS_UNREACHABLE, id="a silent lakeFS"
    ),
    pytest.param("get", cut_before, FENCE, "TaskExecutionError", Reason.CLUSTER_UNREACHABLE, id="a silent API server"),
    pytest.param(
        "upload",
        raising(Unauthorized("no")),
        STAGE,
        "TaskExecutionError",
        Reason.LAKEFS_UNAUTHORIZED,
        id="keys that are not accepted",
    ),
    pytest.param(
        "create_branch", raising(KeyError("bug")), STAGE, "TaskExecutionError", Reason.AGENT_ERROR, id="a bug"
    ),
    pytest.param(
        "squash_merge", cut_before, PUBLISH, "TaskExecutionError", Reason.LAKEFS_UNREACHABLE, id="a lost merge"
    ),
]


@pytest.mark.parametrize(("method", "fault", "call", "error", "reason"), FAILURES)
async def test_a_call_that_fails_says_to_the_task_what_to_raise_and_to_the_outcome_why(
    world: World, method: str, fault: Any, call: wire.Call, error: str, reason: Reason
) -> None:
    """After it only cleaning up and a failed result are accepted, and the agent's reason counts."""
    agent = world.agent()
    before = TO_PUBLICATION[: TO_PUBLICATION.index(call)]
    await play(world, agent.session, *before)
    world.directory.mkdir(exist_ok=True)
    (world.api if method == "get" else world.repository).faults.on(method, fault)
    assert (await refusal(agent.session, call)).error == error
    for later in (DOWNLOAD, FENCE, STAGE, PUBLISH, KEEP, COMPLETED):
        assert "OutOfOrder" in (await refusal(agent.session, later)).message
    await play(world, agent.session, CLEAN_UP, FAILED)
    assert (world.outcome.status, world.outcome.reason, world.outcome.message) == ("FAILED", reason, "why")
    assert world.repository.lakefs.branches.keys() == {"main"}


async def test_without_a_failure_of_the_agents_the_tasks_reason_counts(world: World) -> None:
    """The body raised."""
    await play(world, world.agent().session, HELLO, DOWNLOAD, FAILED)
    assert (world.outcome.reason, world.outcome.message) == ("TaskFailed", "why")


async def test_the_first_failure_is_the_cause(world: World) -> None:
    """A clean-up that fails afterwards does not hide it, and can be repeated."""
    agent = world.agent()
    await play(world, agent.session, *TO_PUBLICATION[:-1])
    world.repository.faults.on("squash_merge", cut_before)
    world.repository.faults.on("delete_branch", raising(Unauthorized("no")))
    await refusal(agent.session, PUBLISH)
    await refusal(agent.session, CLEAN_UP)
    await play(world, agent.session, CLEAN_UP, FAILED)
    assert world.outcome.reason == Reason.LAKEFS_UNREACHABLE
    assert world.branch not in world.repository.lakefs.branches


async def test_a_failed_clean_up_does_not_fail_the_attempt(world: World) -> None:
    """It was published."""
    agent = world.agent()
    await play(world, agent.session, *TO_PUBLICATION)
    world.repository.faults.on("delete_branch", raising(Unauthorized("no")))
    await refusal(agent.session, CLEAN_UP)
    await play(world, agent.session, COMPLETED)
    assert world.outcome.status == "COMPLETED"


@pytest.mark.parametrize("before", [(HELLO, DOWNLOAD), (HELLO, DOWNLOAD, FENCE, STAGE)], ids=["first", "second"])
async def test_after_a_stale_fence_nothing_goes_on(world: World, before: tuple[wire.Call, ...]) -> None:
    """The task learns what the fence read; a hostile one that goes on regardless is refused."""
    agent = world.agent()
    await play(world, agent.session, *before)
    world.conductor.status = "TIMED_OUT"
    [fresh] = await play(world, agent.session, FENCE)
    assert isinstance(fresh, wire.CurrentAttempt)
    assert fresh.status == "TIMED_OUT"
    world.conductor.status = "IN_PROGRESS"
    for call in (STAGE, PUBLISH, KEEP, FENCE, COMPLETED):
        assert "OutOfOrder" in (await refusal(agent.session, call)).message
    await play(world, agent.session, CLEAN_UP, FAILED)
    assert world.outcome.reason == Reason.STALE_ATTEMPT
    assert world.repository.lakefs.branches.keys() == {"main"}


async def test_an_attempt_that_goes_stale_before_the_merge_is_not_published(world: World) -> None:
    """The publisher asks the fence itself, after the task has."""
    agent = world.agent()
    await play(world, agent.session, *TO_PUBLICATION[:-1])
    world.conductor.status = "CANCELED"
    assert (await refusal(agent.session, PUBLISH)).error == "StaleAttemptError"
    assert world.repository.lakefs.branches["main"].head == world.base


async def test_without_an_attempt_there_is_nobody_to_report_to(world: World) -> None:
    """It is raised, so that the agent ends."""
    world.api.faults.on("get", raising(AttemptGone("gone")), None)
    with pytest.raises(AttemptGone):
        await world.agent().session.answer(HELLO)


async def test_an_outcome_that_cannot_be_written_is_raised(world: World) -> None:
    """The task is not told that its result was recorded."""
    agent = world.agent()
    await play(world, agent.session, HELLO, DOWNLOAD)
    world.api.outcome_error = NoAnswer(Server.CLUSTER, "silent")
    with pytest.raises(NoAnswer):
        await agent.session.answer(FAILED)
    assert not agent.ending.recorded


async def test_a_refused_outcome_is_recorded_as_that_though_a_report_was_under_way(world: World) -> None:
    """The report's patch takes the outcome along and is refused: the session hears of it."""
    agent, held = world.agent(), asyncio.Event()
    await play(world, agent.session, HELLO, DOWNLOAD)
    await agent.status.flush()

    async def slow(call: Any) -> None:
        await held.wait()
        await call.pass_on()

    world.api.faults.on("patch_status", slow)
    world.api.faults.on("patch_status", raising(ClusterRefused("status.outcome is invalid")))
    patches = world.seen.count("patch_status")
    agent.status.post(wire.StatusReport(step="Executing"), within=0)
    await until(lambda: world.seen.count("patch_status") > patches)
    reporting = asyncio.create_task(agent.session.answer(FAILED))
    await asyncio.sleep(0)
    held.set()
    assert await reporting == wire.Done()
    assert (world.outcome.status, world.outcome.reason) == ("FAILED", Reason.OUTCOME_REFUSED)
    assert world.outcome.message == "status.outcome is invalid"


async def test_timings_are_those_of_the_steps(world: World) -> None:
    """The body's time comes from the task; a step that failed has none."""
    agent = world.agent()

    async def slow(call: Any) -> None:
        world.now += 2.0004
        await call.pass_on()

    for method in ("list_page", "create_branch"):
        world.repository.faults.on(method, slow)
    world.repository.faults.on("squash_merge", cut_before)
    await play(world, agent.session, *TO_PUBLICATION[:-1])
    await refusal(agent.session, PUBLISH)
    await play(world, agent.session, FAILED.model_copy(update={"executing_seconds": 1.23456}))
    assert world.api.status["timings"] == {"downloading": 2.0, "staging": 2.0, "executing": 1.235}
