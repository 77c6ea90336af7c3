"""Preparation: read once, beside the task's start; a failure reaches whoever asks, and the log."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from loguru import logger

from perago import wire
from perago.agent import fence
from perago.agent.clients.attempt_api import AttemptGone, AttemptObject
from perago.agent.clients.conductor import FreshTask
from perago.agent.clients.http import NoAnswer, Server
from perago.agent.clients.lakefs_errors import RefNotFound
from perago.agent.preparation import Preparation
from perago.agent.steps import WorkspaceSteps
from perago.errors import TaskInputError
from perago.reference import WorkspaceInput
from perago.wire.depth import MOST_LEVELS
from tests import builders as b
from tests.fakes.waiting import until
from tests.unit.perago.agent.test_publication import order

WORKSPACE = {"repository": "repo", "branch": "main", "refType": "commit", "ref": "c0"}
INPUT: dict[str, Any] = {"workspace": WORKSPACE, "params": {}}
OBJECT = AttemptObject("u2", deleted=False, canceled=False, input=INPUT, staging=None)
FROM_CONDUCTOR = order(input_from="Conductor")
STEPS = object.__new__(WorkspaceSteps)

Answer = TypeVar("Answer")


class Reads:
    """The servers: each answer is a value or an error; the last one repeats."""

    def __init__(
        self,
        *attempts: AttemptObject | Exception,
        task: FreshTask | None = None,
        steps: WorkspaceSteps | Exception = STEPS,
    ) -> None:
        self.attempts = list(attempts or [OBJECT])
        self.task_, self.steps = task, steps
        self.reads = 0
        self.opened: list[WorkspaceInput] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def get(self) -> AttemptObject:
        self.reads += 1
        await self.gate.wait()
        return given(self.attempts.pop(0) if len(self.attempts) > 1 else self.attempts[0])

    async def task(self, task_id: str) -> FreshTask | None:
        assert task_id == "t1"
        return self.task_

    async def open(self, workspace: WorkspaceInput) -> WorkspaceSteps:
        self.opened.append(workspace)
        return given(self.steps)

    def preparation(self, order: wire.Order) -> Preparation:
        return Preparation(order, self, None if order.conductor is None else self, self.open)


def given(answer: Answer | Exception) -> Answer:
    if isinstance(answer, Exception):
        raise answer
    return answer


@pytest.fixture
def log() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(str(message)), format="{message}", level="WARNING")
    yield lines
    logger.remove(sink)


async def test_attempt_and_workspace_are_read_before_anybody_asks() -> None:
    """And only once, however often is asked."""
    servers = Reads()
    preparation = servers.preparation(order())
    await until(lambda: bool(servers.opened))
    assert await preparation.steps() is await preparation.steps() is STEPS
    attempt = await preparation.input()
    assert (attempt.input, attempt.left_staging) == (INPUT, None)
    assert (servers.reads, servers.opened) == (1, [attempt.workspace])


async def test_the_exact_text_of_an_input_wins_over_what_the_object_shows() -> None:
    """The API server has made an integer of the float."""
    attempt = replace(OBJECT, input={"params": {"x": 1}}, input_json='{"params":{"x":1.0}}')
    read = (await Reads(attempt).preparation(order()).input()).input
    assert json.dumps(read) == '{"params": {"x": 1.0}}'


@pytest.mark.parametrize(("text", "words"), [("{", "is not JSON"), ("[1]", "must hold a JSON object")])
async def test_a_text_that_is_no_input_is_refused_by_its_field(text: str, words: str) -> None:
    """It was written by hand."""
    with pytest.raises(TaskInputError, match=rf"spec\.inputJson {words}"):
        await Reads(replace(OBJECT, input_json=text)).preparation(order()).input()


DEEP = {"params": b.nested(MOST_LEVELS)}


@pytest.mark.parametrize(
    ("servers", "ordered", "words"),
    [
        pytest.param(Reads(replace(OBJECT, input=DEEP)), order(), "more than 100 levels", id="spec.input"),
        pytest.param(Reads(replace(OBJECT, input_json=json.dumps(DEEP))), order(), "more than 100", id="inputJson"),
        pytest.param(Reads(replace(OBJECT, input_json='{"a":' + "[" * 5_000)), order(), "is not JSON", id="no JSON"),
        pytest.param(
            Reads(replace(OBJECT, input_json='{"a": NaN}')), order(), r"the input\.a is NaN", id="NaN in inputJson"
        ),
        pytest.param(
            Reads(task=FreshTask(order().attempt, DEEP)), FROM_CONDUCTOR, "more than 100 levels", id="from Conductor"
        ),
    ],
)
async def test_an_input_that_no_task_can_be_given_is_refused(servers: Reads, ordered: wire.Order, words: str) -> None:
    """Whichever way it comes."""
    with pytest.raises(TaskInputError, match=words):
        await servers.preparation(ordered).input()


async def test_the_staging_branch_that_the_status_names_is_kept() -> None:
    """A later execution deletes it first."""
    staging = wire.Staging(repository="repo", branch="perago-staging-1", state="Planned")
    assert (await Reads(replace(OBJECT, staging=staging)).preparation(order()).input()).left_staging == staging


async def test_a_caller_that_is_canceled_does_not_cancel_the_reading() -> None:
    """The next one gets it."""
    servers = Reads()
    servers.gate.clear()
    preparation = servers.preparation(order())
    asking = asyncio.create_task(preparation.input())
    await until(lambda: servers.reads == 1)
    asking.cancel()
    servers.gate.set()
    assert (await preparation.input()).input == INPUT


async def test_an_api_server_that_is_silent_is_asked_again() -> None:
    """For the order's time."""
    servers = Reads(NoAnswer(Server.CLUSTER, "silent"), OBJECT)
    assert (await servers.preparation(order(retry_seconds=5)).input()).input == INPUT


async def test_an_attempt_without_an_input_has_an_empty_one() -> None:
    """The attempt core says what is missing in it."""
    attempt = await Reads(replace(OBJECT, input=None)).preparation(order()).input()
    assert (attempt.input, attempt.workspace) == ({}, None)


@pytest.mark.parametrize("data", [{"params": {}}, {"workspace": {"repository": ""}}, {"workspace": None}])
async def test_without_a_valid_workspace_none_is_opened(data: dict[str, Any], log: list[str]) -> None:
    """Asking for it is the task's mistake, and not asking leaves nothing in the log."""
    servers = Reads(replace(OBJECT, input=data))
    preparation = servers.preparation(order())
    with pytest.raises(TaskInputError, match="no valid workspace"):
        await preparation.steps()
    assert (servers.opened, log) == ([], [])


async def test_a_workspace_that_cannot_be_opened_is_said_to_whoever_asks(log: list[str]) -> None:
    """And logged, for a task that dies before it asks."""
    preparation = Reads(steps=RefNotFound("lakeFS refused: 404")).preparation(order())
    await until(lambda: bool(log))
    assert log == ["the workspace could not be prepared: RefNotFound: lakeFS refused: 404\n"]
    with pytest.raises(RefNotFound):
        await preparation.steps()


async def test_an_attempt_that_is_gone_is_said_for_input_and_workspace(log: list[str]) -> None:
    """One line in the log."""
    preparation = Reads(AttemptGone("gone")).preparation(order())
    for asking in (preparation.input, preparation.steps):
        with pytest.raises(AttemptGone):
            await asking()
    assert len(log) == 1


async def test_an_input_can_come_from_conductor() -> None:
    """The spec's is not looked at then."""
    servers = Reads(task=FreshTask(order().attempt, {"params": {"from": "Conductor"}}))
    assert (await servers.preparation(FROM_CONDUCTOR).input()).input == {"params": {"from": "Conductor"}}


@pytest.mark.parametrize(
    ("task", "words"),
    [
        pytest.param(None, "does not know the task t1", id="unknown"),
        pytest.param(FreshTask(order().attempt, {}, True), "too large for Conductor to return", id="elsewhere"),
    ],
)
async def test_an_input_that_conductor_does_not_have_is_an_input_error(
    monkeypatch: pytest.MonkeyPatch, task: FreshTask | None, words: str
) -> None:
    """Not an empty input, which a task might take."""
    monkeypatch.setattr(fence, "DOUBT_SECONDS", 0)
    with pytest.raises(TaskInputError, match=words):
        await Reads(task=task).preparation(FROM_CONDUCTOR).input()


async def test_a_standalone_attempt_has_no_input_in_conductor() -> None:
    """The message says what to set."""
    with pytest.raises(TaskInputError, match=r"set spec\.input"):
        await Reads().preparation(order(input_from="Conductor", conductor=None)).input()
