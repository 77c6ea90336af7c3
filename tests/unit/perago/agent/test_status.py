"""Status patches are coalesced, ordered, retried, and never hold up the data."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perago import wire
from perago.agent.http import NoAnswer
from perago.agent.status import StatusWriter, merged
from tests.fakes.attempt_api import merge_patch


class Api:
    """Takes patches; may be slow, silent, or refuse."""

    def __init__(self, silent: int = 0, refusal: Exception | None = None) -> None:
        self.silent, self.refusal = silent, refusal
        self.patches: list[dict[str, Any]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def patch_status(self, status: dict[str, Any]) -> None:
        await self.gate.wait()
        if self.silent:
            self.silent -= 1
            raise NoAnswer("the API server did not answer")
        if self.refusal:
            raise self.refusal
        self.patches.append(status)


def step(name: Any) -> wire.StatusReport:
    return wire.StatusReport(step=name)


OUTCOME = wire.StatusReport(outcome=wire.Outcome(status="FAILED", reason="TaskFailed"))


async def test_reports_that_come_while_a_patch_is_under_way_travel_together() -> None:
    """The steps in between are not sent at all."""
    api = Api()
    writer = StatusWriter(api, 5)
    api.gate.clear()
    writer.post(step("Downloading"))
    await asyncio.sleep(0)
    writer.post(step("Executing"))
    writer.post(step("Staging"))
    api.gate.set()
    await writer.flush()
    assert [patch["step"] for patch in api.patches] in (["Downloading", "Staging"], ["Staging"])


async def test_what_comes_while_a_patch_is_under_way_needs_no_later_report() -> None:
    """The step of a long body is told although nothing else is reported while it runs."""
    api = Api()
    writer = StatusWriter(api, 5)
    api.gate.clear()
    writer.post(step("Downloading"))
    await asyncio.sleep(0)
    writer.post(step("Executing"))
    api.gate.set()
    for _ in range(20):
        await asyncio.sleep(0)
    assert api.patches[-1]["step"] == "Executing"


async def test_what_is_written_carries_what_was_posted() -> None:
    """One patch for both, in the order of reporting."""
    api = Api()
    writer = StatusWriter(api, 5)
    writer.post(step("Publishing"))
    await writer.write(OUTCOME)
    assert merge_patch({}, api.patches[0])["step"] == "Publishing"
    assert sum("outcome" in patch for patch in api.patches) == 1


async def test_a_silent_server_is_tried_again_and_nothing_is_lost() -> None:
    """The outcome arrives with all reports before it."""
    api = Api(silent=2)
    writer = StatusWriter(api, 5)
    writer.post(step("Executing"))
    await writer.write(OUTCOME)
    await writer.flush()
    seen: dict[str, Any] = {}
    for patch in api.patches:
        seen = merge_patch(seen, patch)
    assert seen["step"] == "Executing"
    assert seen["outcome"]["reason"] == "TaskFailed"


async def test_a_write_that_never_gets_through_is_told() -> None:
    """Planned is not assumed to be known."""
    with pytest.raises(NoAnswer):
        await StatusWriter(Api(silent=99), 0).write(step("Staging"))


async def test_a_refused_post_does_not_disturb_the_attempt() -> None:
    """It is logged; the next report goes on."""
    api = Api(refusal=ValueError("invalid"))
    writer = StatusWriter(api, 5)
    writer.post(step("Executing"))
    await asyncio.sleep(0)
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


def _replaces(older: Any, newer: Any) -> bool:
    """A value that becomes an object again cannot be told apart: the agent's reports never do that."""
    shared = older.keys() & newer.keys()
    return any(
        isinstance(older[key], dict) != isinstance(newer[key], dict)
        or (isinstance(older[key], dict) and _replaces(older[key], newer[key]))
        for key in shared
    )
