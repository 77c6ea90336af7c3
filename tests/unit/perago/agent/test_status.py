"""Status patches are coalesced, ordered, retried, and never hold up the data."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perago import wire
from perago.agent.clients.attempt_api import AttemptGone, ClusterRefused
from perago.agent.clients.http import NoAnswer, Server
from perago.agent.status import StatusWriter, merged
from tests.fakes.attempt_api import merge_patch
from tests.fakes.waiting import in_time, until


class Api:
    """Takes patches; may be slow, silent, or refuse what carries an outcome."""

    def __init__(self, silent: int = 0, refusal: Exception | None = None) -> None:
        self.silent, self.refusal = silent, refusal
        self.patches: list[dict[str, Any]] = []
        self.calls = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def patch_status(self, status: dict[str, Any]) -> None:
        self.calls += 1
        await self.gate.wait()
        if self.silent:
            self.silent -= 1
            raise NoAnswer(Server.CLUSTER, "the API server did not answer")
        if self.refusal and "outcome" in status:
            raise self.refusal
        self.patches.append(status)


def step(name: Any) -> wire.StatusReport:
    return wire.StatusReport(step=name)


TOOK = wire.StatusReport(timings=wire.StepTimings(executing=1.5))
OUTCOME = wire.StatusReport(outcome=wire.Outcome(status="FAILED", reason="TaskFailed"))
PLANNED = wire.StatusReport(staging=wire.Staging(repository="repo", branch="perago-staging-1", state="Planned"))


LONG = 3600.0
"""A post with this much time never goes on its own."""


async def some_rounds() -> None:
    """Let everything run that can run now."""
    for _ in range(5):
        await asyncio.sleep(0)


async def writing_while_a_patch_is_under_way(api: Api, *reports: wire.StatusReport) -> list[asyncio.Task[None]]:
    """Writers of these reports, started while the patch of a posted step is held up; it continues afterwards."""
    writer = StatusWriter(api, 5, post_seconds=0)
    api.gate.clear()
    writer.post(step("Publishing"))
    await until(lambda: api.calls == 1)
    writers = [asyncio.create_task(writer.write(report)) for report in reports]
    await some_rounds()
    assert not any(task.done() for task in writers)
    api.gate.set()
    await in_time(asyncio.wait(writers))
    return writers


@pytest.mark.parametrize("refusal", [ClusterRefused("invalid"), AttemptGone("deleted"), ValueError("unexpected")])
async def test_a_writer_hears_that_its_report_was_refused_though_a_patch_was_under_way(refusal: Exception) -> None:
    """The outcome is not lost silently: its writer gets the cluster's refusal."""
    api = Api(refusal=refusal)
    [outcome] = await writing_while_a_patch_is_under_way(api, OUTCOME)
    assert outcome.exception() is refusal
    assert api.patches == [{"step": "Publishing"}]


async def test_a_writer_waits_until_its_own_report_is_taken() -> None:
    """The end of the patch under way is not the end of the write: `Planned` is known before a branch exists."""
    api = Api()
    [planned] = await writing_while_a_patch_is_under_way(api, PLANNED)
    assert planned.exception() is None
    assert api.patches[-1]["staging"]["state"] == "Planned"


async def test_every_writer_gets_the_fate_of_the_patch_that_carried_it() -> None:
    """Two reports that travel together are refused together."""
    api = Api(refusal=ClusterRefused("invalid"))
    planned, outcome = await writing_while_a_patch_is_under_way(api, PLANNED, OUTCOME)
    assert (planned.exception(), outcome.exception()) == (api.refusal, api.refusal)


async def test_a_refusal_is_not_the_fate_of_a_later_report() -> None:
    """What is written after a refused report is sent on its own."""
    api = Api(refusal=ClusterRefused("invalid"))
    writer = StatusWriter(api, 5, post_seconds=0)
    with pytest.raises(ClusterRefused):
        await writer.write(OUTCOME)
    await writer.write(PLANNED)
    assert [set(patch) for patch in api.patches] == [{"staging"}]


async def test_a_writer_that_joins_a_failing_patch_still_has_all_its_time() -> None:
    """The first patch's time is over when the outcome joins it; the outcome is tried again for its own time."""
    api = Api(silent=1)
    writer = StatusWriter(api, 0, post_seconds=0)
    api.gate.clear()
    planned = asyncio.create_task(writer.write(PLANNED))
    await until(lambda: api.calls == 1)
    outcome = asyncio.create_task(writer.write(OUTCOME))
    await asyncio.sleep(0)
    api.gate.set()
    await in_time(asyncio.wait((planned, outcome)))
    assert isinstance(planned.exception(), NoAnswer)
    assert outcome.exception() is None
    assert set(api.patches[-1]) == {"staging", "outcome", "step", "waiting", "transfer"}


async def test_a_writer_that_was_canceled_does_not_stop_the_others() -> None:
    """Its report is sent nevertheless, and the next writer is answered."""
    api = Api()
    writer = StatusWriter(api, 5, post_seconds=0)
    api.gate.clear()
    planned, outcome = (asyncio.create_task(writer.write(report)) for report in (PLANNED, OUTCOME))
    await until(lambda: api.calls == 1)
    planned.cancel()
    api.gate.set()
    await in_time(outcome)
    assert set(api.patches[0]) == {"staging", "outcome", "step", "waiting", "transfer"}


async def test_a_report_that_had_no_answer_does_not_replace_a_newer_one() -> None:
    """The step that was posted meanwhile is the one that the status ends with."""
    api = Api(silent=1)
    writer = StatusWriter(api, 5, post_seconds=0)
    api.gate.clear()
    writer.post(step("Executing"))
    await until(lambda: api.calls == 1)
    writer.post(step("Staging"))
    api.gate.set()
    await writer.flush()
    assert api.patches == [{"step": "Staging"}]


async def test_flush_waits_for_the_patch_under_way() -> None:
    """Also when nothing else is pending."""
    api = Api()
    writer = StatusWriter(api, 5, post_seconds=0)
    api.gate.clear()
    writer.post(step("Executing"))
    await until(lambda: api.calls == 1)
    flushed = asyncio.create_task(writer.flush())
    for _ in range(5):
        await asyncio.sleep(0)
    assert not flushed.done()
    api.gate.set()
    await flushed
    assert api.patches == [{"step": "Executing"}]


async def test_flush_without_anything_to_send_asks_nobody() -> None:
    """No patch is empty."""
    api = Api()
    await StatusWriter(api, 5).flush()
    assert api.calls == 0


async def test_flush_reports_what_could_not_be_written() -> None:
    """The agent's last step is not silent when a report of its clean-up was lost."""
    writer = StatusWriter(Api(refusal=ClusterRefused("invalid")), 5, post_seconds=0)
    writer.post(OUTCOME)
    with pytest.raises(ClusterRefused):
        await writer.flush()


async def test_reports_that_come_while_a_patch_is_under_way_travel_together() -> None:
    """The steps in between are not sent at all."""
    api = Api()
    writer = StatusWriter(api, 5, post_seconds=0)
    api.gate.clear()
    writer.post(step("Downloading"))
    await asyncio.sleep(0)
    writer.post(step("Executing"))
    writer.post(step("Staging"))
    api.gate.set()
    await writer.flush()
    assert [patch["step"] for patch in api.patches] in (["Downloading", "Staging"], ["Staging"])


async def test_what_comes_while_a_patch_is_under_way_needs_no_later_report() -> None:
    """The step of a long body is reported although nothing else is while it runs."""
    api = Api()
    writer = StatusWriter(api, 5, post_seconds=0)
    api.gate.clear()
    writer.post(step("Downloading"))
    await asyncio.sleep(0)
    writer.post(step("Executing"))
    api.gate.set()
    for _ in range(20):
        await asyncio.sleep(0)
    assert api.patches[-1]["step"] == "Executing"


async def test_what_is_written_carries_what_was_posted() -> None:
    """One patch for both, in the order of reporting: the outcome ends the step."""
    api = Api()
    writer = StatusWriter(api, 5, LONG)
    writer.post(TOOK)
    await writer.write(OUTCOME)
    assert (api.patches[0]["timings"], api.patches[0]["step"]) == ({"executing": 1.5}, None)
    assert sum("outcome" in patch for patch in api.patches) == 1


async def test_a_post_waits_for_a_report_that_is_written() -> None:
    """The steps of a short attempt cost no patch of their own, however many they are."""
    api = Api()
    writer = StatusWriter(api, 5, LONG)
    for name in ("Downloading", "Executing", "Staging"):
        writer.post(step(name))
        await some_rounds()
    assert api.calls == 0
    await in_time(writer.write(PLANNED))
    assert api.patches == [{"step": "Staging"} | PLANNED.to_json()]


async def test_a_post_goes_on_its_own_after_a_moment() -> None:
    """The step of a long body is shown although nothing else has to be written."""
    api = Api()
    writer = StatusWriter(api, 5, 0.01)
    writer.post(step("Executing"))
    await until(lambda: api.calls == 1)
    assert api.patches == [{"step": "Executing"}]


async def test_a_post_that_is_urgent_takes_along_those_that_wait() -> None:
    """A turn that others wait for is given back at once."""
    api = Api()
    writer = StatusWriter(api, 5, LONG)
    writer.post(step("Publishing"))
    await some_rounds()
    writer.post(TOOK, within=0)
    await until(lambda: api.calls == 1)
    assert api.patches == [{"step": "Publishing"} | TOOK.to_json()]


async def test_a_silent_server_is_tried_again_and_nothing_is_lost() -> None:
    """The outcome arrives with all reports before it."""
    api = Api(silent=2)
    writer = StatusWriter(api, 5, post_seconds=0)
    writer.post(TOOK)
    await writer.write(OUTCOME)
    await writer.flush()
    seen: dict[str, Any] = {}
    for patch in api.patches:
        seen = merge_patch(seen, patch)
    assert seen["timings"] == {"executing": 1.5}
    assert seen["outcome"]["reason"] == "TaskFailed"


async def test_a_write_that_never_gets_through_is_told() -> None:
    """Planned is not assumed to be known."""
    with pytest.raises(NoAnswer):
        await in_time(StatusWriter(Api(silent=99), 0).write(step("Staging")))


async def test_a_refused_post_does_not_disturb_the_attempt() -> None:
    """It is logged; the next report goes on."""
    api = Api(refusal=ClusterRefused("invalid"))
    writer = StatusWriter(api, 5, post_seconds=0)
    writer.post(OUTCOME)
    await until(lambda: api.calls == 1)
    api.refusal = None
    await writer.write(OUTCOME)
    assert api.patches[-1]["outcome"]["reason"] == "TaskFailed"


patches = st.recursive(
    st.dictionaries(st.sampled_from("abc"), st.integers()),
    lambda children: st.dictionaries(st.sampled_from("abc"), children | st.integers()),
    max_leaves=8,
)


@given(patches, patches, patches)
def test_a_merged_patch_does_what_both_would(target: Any, older: Any, newer: Any) -> None:
    """Coalescing changes nothing of the result, as far as a patch may be understood without its target."""
    both = merge_patch(merge_patch(target, older), newer)
    assert merge_patch(target, merged(older, newer)) == both or _replaces(older, newer)


def test_an_outcome_is_replaced_as_a_whole() -> None:
    """A failure does not carry the output of the completion that was refused."""
    completed = {"outcome": {"status": "COMPLETED", "output": {"n": 1}}}
    failed = {"outcome": {"status": "FAILED", "reason": "OutcomeRefused"}}
    assert merged(completed, failed) == failed


def _replaces(older: Any, newer: Any) -> bool:
    """A value that becomes an object again cannot be distinguished: the agent's reports never do that."""
    shared = older.keys() & newer.keys()
    return any(
        isinstance(older[key], dict) != isinstance(newer[key], dict)
        or (isinstance(older[key], dict) and _replaces(older[key], newer[key]))
        for key in shared
    )
