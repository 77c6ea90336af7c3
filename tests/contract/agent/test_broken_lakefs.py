"""What goes wrong between the agent and lakeFS: each time one publication on the input ref, and nothing left."""

import pytest

from perago.wire.metadata_keys import INPUT_REF
from tests.contract.agent.pod import Pod
from tests.contract.agent.repository import Repository
from tests.contract.agent.test_paths import base_of
from tests.faults.kinds import Fault, cut_before, lost, preceded_by
from tests.faults.proxy import HttpExchange, Proxy, answered, cut_after, cut_within, proxied

CALLS = (
    "GET .*/commits/",
    "GET .*/branches/main$",
    "GET .*/objects/ls",
    "GET .*/objects\\?path=a",
    "POST .*/branches$",
    "POST .*/objects\\?path=",
    "POST .*/objects/delete",
    "POST .*/commits$",
    "POST .*/merge/main",
    "DELETE .*/branches/",
)
"""One of each kind that a publication makes."""
AFTER_THE_BODY = (
    "POST .*/branches$",
    "POST .*/objects\\?path=",
    "POST .*/objects/delete",
    "POST .*/commits$",
    "GET .*/branches/main$",
    "POST .*/merge/main",
)
"""Those that need the body's work."""
FENCE = f"""\
name: fence
on: {{pre-merge: {{branches: []}}}}
hooks:
  - id: fence
    type: lua
    properties:
      script: |
        if action.commit.metadata["{INPUT_REF}"] ~= action.commit.parents[1] then error("the target has moved") end
"""


def behind(proxy: Proxy, pod: Pod) -> Pod:
    """The pod, whose lakeFS is behind the proxy."""
    (pod.folder / "lakefs" / "endpoint").write_text(proxy.url)
    return pod


async def assert_published_once(pod: Pod, repository: Repository, base: str) -> None:
    """The attempt completed; one commit with its changes is on the input ref; no branch of its own is left."""
    assert pod.outcome.status == "COMPLETED", pod.logs()
    assert (await repository.record("main"))["parents"] == [base]
    assert await repository.files() == {"a": b"a", "new": b"new"}
    assert await repository.branches() == {"main"}
    assert pod.api.status["staging"]["state"] == "Deleted"


@pytest.mark.parametrize(
    "fault",
    [cut_before, lost, cut_within, cut_after, answered(503, b"<html>"), answered(429)],
    ids=["never arrived", "answer lost", "answer cut", "connection gone stale", "gateway", "throttled"],
)
async def test_every_call_is_repeated_without_a_second_publication(
    pod: Pod, repository: Repository, fault: Fault[HttpExchange]
) -> None:
    """The first call of each kind meets the fault, and the attempt completes nevertheless."""
    base = await base_of(repository, a=b"a", old=b"old")
    with proxied(repository.server.endpoint) as proxy:
        for call in CALLS:
            proxy.on(call, fault)
        behind(proxy, pod.ordered(retrySeconds=30, outageSeconds=30)).input(
            base, {"write": {"new": "new"}, "delete": ["old"]}
        )
        assert await pod.run() == (0, 0), pod.logs()
    await assert_published_once(pod, repository, base)


async def test_an_outage_after_the_body_loses_nothing(pod: Pod, repository: Repository) -> None:
    """Of lakeFS, and of Conductor at both fences, by an agent that repeats nothing before the body."""
    base = await base_of(repository, a=b"a", old=b"old")
    with proxied(repository.server.endpoint) as proxy:
        for call in AFTER_THE_BODY:
            proxy.on(call, answered(503, b"<html>"), times=2)
        pod.conductor_proxy.on("GET .*/tasks/", answered(404, b"<html>"), times=2)
        behind(proxy, pod.ordered(retrySeconds=0, outageSeconds=30)).input(
            base, {"write": {"new": "new"}, "delete": ["old"]}
        )
        assert await pod.run() == (0, 0), pod.logs()
    await assert_published_once(pod, repository, base)


async def test_a_merge_whose_answer_is_lost_is_not_repeated(pod: Pod, repository: Repository) -> None:
    """It is looked for in the history instead: a second one would land again."""
    base = await base_of(repository, a=b"a")
    with proxied(repository.server.endpoint) as proxy:
        proxy.on("POST .*/merge/main", lost)
        await behind(proxy, pod).input(base, {"write": {"new": "new"}}).run()
        assert sum("/merge/" in line for line in proxy.seen) == 1
    await assert_published_once(pod, repository, base)


async def test_a_target_that_moves_under_the_merge_is_kept_by_the_fence(pod: Pod, repository: Repository) -> None:
    """Between the agent's look and its merge another commit lands: the repository's hook refuses, and it stays."""
    base = await base_of(repository, **{"_lakefs_actions__fence.yaml": FENCE.encode(), "a": b"a"})
    with proxied(repository.server.endpoint) as proxy:
        proxy.on("POST .*/merge/main", preceded_by(lambda: base_of(repository, other=b"other")))
        assert await behind(proxy, pod).input(base, {"write": {"new": "new"}}).run() == (0, 0), pod.logs()
    assert pod.outcome.reason == "PublishFenceError"
    assert "the target has moved" in (pod.outcome.message or "")
    assert (await repository.record("main"))["parents"] == [base]
    assert set(await repository.files()) == {"_lakefs_actions/fence.yaml", "a", "other"}
    assert await repository.branches() == {"main"}


async def test_a_fenced_repository_takes_what_is_on_time(pod: Pod, repository: Repository) -> None:
    """The hook lets a publication on its own input ref pass."""
    base = await base_of(repository, **{"_lakefs_actions__fence.yaml": FENCE.encode(), "a": b"a"})
    assert await pod.input(base, {"write": {"new": "new"}}).run() == (0, 0), pod.logs()
    assert pod.outcome.status == "COMPLETED"
    assert (await repository.record("main"))["parents"] == [base]
