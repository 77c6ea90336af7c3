"""What the agent relies on at its attempt in the API server; the fake and a real server alike."""

from typing import Any

import pytest

from perago import wire
from perago.agent.clients.attempt_api import ClusterRefused
from perago.agent.clients.http import NoAnswer
from tests import builders as b
from tests.contract.attempts.backends import Backend, Client
from tests.faults.kinds import Late, cut_before, lost

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
