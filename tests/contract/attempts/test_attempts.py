"""What the agent relies on at its attempt in the API server; the fake and a real server alike."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from perago import wire
from perago.agent.clients.attempt_api import ClusterRefused
from perago.agent.clients.http import NoAnswer
from perago.agent.turn import Answer, answer_to
from perago_operator.api.attempt import PeragoAttempt
from perago_operator.core import actions as do
from perago_operator.core import turns
from perago_operator.reconcile.apply import turn_patch
from tests import builders as b
from tests.contract.attempts.backends import Backend, Client
from tests.fakes.waiting import OF_SERVERS, in_time, until_a_server
from tests.faults.kinds import Late, cut_before, lost, silent

STAGING = {"repository": "repo", "branch": "perago-staging-x", "state": "Planned"}
OUTCOME = {"status": "FAILED", "reason": "TaskFailed", "message": "it rained"}


async def status(backend: Backend) -> Any:
    """The attempt's status as it is now."""
    return (await backend.server.attempt()).get("status", {})


async def test_a_new_attempt_has_an_input_and_no_staging(backend: Backend, client: Client) -> None:
    """It is neither deleted nor canceled."""
    attempt = await client.get()
    assert (attempt.uid, attempt.deleted, attempt.canceled) == (backend.uid, False, False)
    assert (attempt.input, attempt.staging) == (b.INPUT, None)


async def test_a_canceled_attempt_says_so(backend: Backend, client: Client) -> None:
    """The fence lets a standalone attempt publish nothing then."""
    await backend.server.cancel()
    assert (await client.get()).canceled


async def test_a_deleted_attempt_that_is_still_held_says_so(backend: Backend, client: Client) -> None:
    """The operator's finalizer keeps it until its outcome is recorded, which is still possible."""
    await backend.server.delete()
    assert (await client.get()).deleted
    await client.patch_status({"outcome": OUTCOME})
    assert (await status(backend))["outcome"] == OUTCOME


async def test_the_staging_branch_of_an_earlier_execution_is_read_back(client: Client) -> None:
    """It was written before the branch existed."""
    await client.patch_status({"staging": STAGING})
    assert (await client.get()).staging == wire.Staging.model_validate(STAGING)


async def test_a_patch_is_merged_into_what_is_there(backend: Backend, client: Client) -> None:
    """Deeply; null removes a field; the same patch again changes nothing."""
    await client.patch_status({"step": "Downloading", "staging": STAGING})
    for _ in range(2):
        await client.patch_status({"step": None, "staging": {"state": "Active", "commit": "c1"}})
    assert await status(backend) == {"staging": STAGING | {"state": "Active", "commit": "c1"}}


async def test_a_patch_leaves_what_others_wrote(backend: Backend, client: Client) -> None:
    """The operator's fields and the spec stay; nulls in new objects are dropped."""
    await client.patch_status({"timings": {"downloading": 1.5, "executing": None}})
    await client.patch_status({"step": "Executing"})
    assert await status(backend) == {"timings": {"downloading": 1.5}, "step": "Executing"}
    assert (await backend.server.attempt())["spec"]["input"] == b.INPUT


async def test_a_field_that_the_server_does_not_know_is_dropped(backend: Backend, client: Client) -> None:
    """An older CRD is no error: what it knows is written."""
    await client.patch_status({"step": "Executing", "weather": "rain", "staging": STAGING | {"colour": "red"}})
    assert await status(backend) == {"step": "Executing", "staging": STAGING}


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        ({"step": "Dancing"}, "status.step"),
        ({"staging": {"state": "Planned"}}, "status.staging"),
        ({"outcome": OUTCOME | {"status": "GREAT"}}, "status.outcome.status"),
        ({"outcome": OUTCOME | {"reason": "x" * 257}}, "status.outcome.reason"),
    ],
)
async def test_a_wrong_value_is_refused_by_its_field(
    backend: Backend, client: Client, patch: dict[str, Any], words: str
) -> None:
    """And nothing of the patch is written."""
    with pytest.raises(ClusterRefused, match=rf"422.*{words}"):
        await client.patch_status({"step": "Executing"} | patch)
    assert await status(backend) == {}


async def test_an_outcome_is_written_once(backend: Backend, client: Client) -> None:
    """The same again is harmless, another one or none is refused; the rest of the status goes on."""
    await client.patch_status({"outcome": OUTCOME})
    await client.patch_status({"outcome": OUTCOME})
    for change in (OUTCOME | {"reason": "OutOfMemory"}, {"message": None}, None):
        with pytest.raises(ClusterRefused, match=r"status\.outcome is written once"):
            await client.patch_status({"outcome": change})
    await client.patch_status({"staging": STAGING})
    assert (await status(backend))["outcome"] == OUTCOME


# --- the watch


async def watching(backend: Backend, version: str) -> "asyncio.Task[None]":
    """A watch from that version, which is on its way to the server unless it has ended already."""
    before, watch = backend.calls("changed"), asyncio.create_task(backend.client.changed(version))
    await until_a_server(lambda: watch.done() or backend.calls("changed") > before)
    return watch


async def test_a_watch_ends_with_the_next_change(backend: Backend, client: Client) -> None:
    """Not before: it was opened from the version that was read."""
    version = (await client.get()).version
    watch = await watching(backend, version)
    assert not watch.done()
    await client.patch_status({"step": "Executing"})
    await in_time(watch, OF_SERVERS)
    assert (await client.get()).version != version


async def test_a_watch_misses_no_change_before_it_was_opened(client: Client) -> None:
    """The one between the read and the watch."""
    version = (await client.get()).version
    await client.patch_status({"step": "Executing"})
    await in_time(client.changed(version), OF_SERVERS)


async def test_a_watch_hears_what_others_do(backend: Backend, client: Client) -> None:
    """The spec, too."""
    watch = await watching(backend, (await client.get()).version)
    await backend.server.cancel()
    await in_time(watch, OF_SERVERS)


async def test_a_patch_that_changes_nothing_ends_no_watch(backend: Backend, client: Client) -> None:
    """The version stays."""
    await client.patch_status({"step": "Executing"})
    version = (await client.get()).version
    watch = await watching(backend, version)
    await client.patch_status({"step": "Executing"})
    assert (await client.get()).version == version
    assert not watch.done()
    watch.cancel()


async def test_a_watch_that_breaks_ends(backend: Backend, client: Client) -> None:
    """Or is opened again by the HTTP client: the attempt has to be read to know whether anything has happened."""
    version = (await client.get()).version
    await client.patch_status({"step": "Executing"})
    backend.break_("changed", cut_before)
    with suppress(NoAnswer):
        await in_time(client.changed(version), OF_SERVERS)


async def test_a_watch_that_hangs_ends_with_its_waiter(backend: Backend, client: Client) -> None:
    """Whatever happens meanwhile."""
    version = (await client.get()).version
    backend.break_("changed", silent)
    watch = await watching(backend, version)
    await client.patch_status({"step": "Executing"})
    assert not watch.done()
    watch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watch


# --- the turn


async def test_a_turn_is_asked_for_granted_and_given_back(backend: Backend, client: Client) -> None:
    """Agent and operator write to the same status, each its own fields."""
    request = wire.TurnRequest(execution=1, number=1, time="2026-01-01T00:00:00.250000Z", seconds=600)
    await client.patch_status(wire.StatusReport(turn=wire.TurnReport(requested=request)).to_json())
    assert (await client.get()).turn == wire.TurnStatus(requested=wire.SeenTicket(execution=1, number=1))
    attempt = PeragoAttempt.model_validate(await backend.server.attempt())
    await client.patch_status({"turn": turn_patch(do.GrantTurn(), attempt, datetime(2026, 1, 1, tzinfo=UTC))})
    assert answer_to(request.id, (await client.get()).turn) is Answer.GRANTED
    await client.patch_status(wire.StatusReport(turn=wire.TurnReport(returned=request)).to_json())
    after = PeragoAttempt.model_validate(await backend.server.attempt())
    assert (turns.asks(after), turns.holds(after)) == (False, False)


@pytest.mark.parametrize(("fault", "landed"), [(lost, True), (cut_before, False)], ids=["lost", "cut before"])
async def test_a_patch_without_an_answer_may_have_landed(
    backend: Backend, client: Client, fault: Any, landed: bool
) -> None:
    """The error does not say; merging it again is harmless."""
    backend.break_("patch_status", fault)
    with pytest.raises(NoAnswer):
        await client.patch_status({"step": "Executing"})
    assert (await status(backend) != {}) == landed
    await client.patch_status({"step": "Executing"})
    assert await status(backend) == {"step": "Executing"}


async def test_a_patch_may_land_after_its_caller_has_given_up(backend: Backend, client: Client) -> None:
    """Over what was written since: so the agent has one patch under way at a time."""
    late = Late()
    backend.break_("patch_status", late)
    with pytest.raises(NoAnswer):
        await client.patch_status({"step": "Executing"})
    await client.patch_status({"step": "Staging"})
    await late.land()
    assert await status(backend) == {"step": "Executing"}
