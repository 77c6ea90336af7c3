"""The attempt's object, as the API server has it: what the agent reads of it, and how it patches the status."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from perago import wire
from perago.agent.clients.attempt_api import AttemptApi, AttemptGone, ClusterRefused, open_session
from perago.agent.clients.http import NoAnswer, Server
from perago.agent.mounts import Mounts
from tests.fakes.scripted_server import Answer, ScriptedServer
from tests.unit.perago.agent.test_publication import order

ATTEMPT = {"metadata": {"uid": "u2"}, "spec": {"input": {"params": {}}}}
PATH = "/apis/perago.dev/v1alpha1/namespaces/team/peragoattempts/a1"


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer([Answer(json=ATTEMPT)]).serving() as server:
        yield server


@pytest.fixture
async def api(server: ScriptedServer, tmp_path: Path) -> AsyncIterator[AttemptApi]:
    (tmp_path / "token").write_text("first\n")
    mounts = Mounts(cluster=tmp_path, api_server=server.url)
    async with open_session(mounts) as session:
        yield AttemptApi(session, mounts, order())


async def test_the_agent_reads_its_own_attempt(server: ScriptedServer, api: AttemptApi) -> None:
    """By namespace and name, with the pod's token."""
    attempt = await api.get()
    assert (attempt.uid, attempt.input, attempt.canceled, attempt.deleted) == ("u2", {"params": {}}, False, False)
    assert (server.asked[0].method, server.asked[0].path) == ("GET", PATH)
    assert server.asked[0].headers["Authorization"] == "Bearer first"


async def test_the_token_is_read_for_every_call(server: ScriptedServer, api: AttemptApi, tmp_path: Path) -> None:
    """The kubelet renews it while the agent runs."""
    await api.get()
    (tmp_path / "token").write_text("second")
    await api.get()
    assert [asked.headers["Authorization"] for asked in server.asked] == ["Bearer first", "Bearer second"]


@pytest.mark.parametrize(("spec", "want"), [({"cancel": True}, True), ({"cancel": False}, False), ({}, False)])
async def test_a_canceled_attempt_is_seen_as_that(
    server: ScriptedServer, api: AttemptApi, spec: dict[str, Any], want: bool
) -> None:
    """`spec.cancel` is part of the fence."""
    server.answers = [Answer(json=ATTEMPT | {"spec": spec})]
    assert (await api.get()).canceled is want


async def test_an_attempt_that_is_being_deleted_is_seen_as_that(server: ScriptedServer, api: AttemptApi) -> None:
    """So is its deletion timestamp, while finalizers keep the object."""
    server.answers = [Answer(json={"metadata": {"uid": "u2", "deletionTimestamp": "2026-01-01T00:00:00Z"}})]
    attempt = await api.get()
    assert (attempt.deleted, attempt.input, attempt.staging) == (True, None, None)


async def test_the_staging_branch_of_an_earlier_execution_is_read(server: ScriptedServer, api: AttemptApi) -> None:
    """From the status."""
    staging = {"repository": "repo", "branch": "perago-staging-1", "state": "Planned"}
    server.answers = [Answer(json=ATTEMPT | {"status": {"staging": staging}})]
    assert (await api.get()).staging == wire.Staging(repository="repo", branch="perago-staging-1", state="Planned")


async def test_another_attempt_of_the_same_name_is_not_ours(server: ScriptedServer, api: AttemptApi) -> None:
    """The uid decides: a name can be used again."""
    server.answers = [Answer(json=ATTEMPT | {"metadata": {"uid": "u3"}})]
    with pytest.raises(AttemptGone, match="team/a1 has uid u3; this pod serves u2"):
        await api.get()


async def test_a_status_is_merged(server: ScriptedServer, api: AttemptApi) -> None:
    """As a merge patch of the status subresource."""
    await api.patch_status({"step": "Staging"})
    asked = server.asked[0]
    assert (asked.method, asked.path, json.loads(asked.body)) == (
        "PATCH",
        f"{PATH}/status",
        {"status": {"step": "Staging"}},
    )
    assert asked.headers["Content-Type"] == "application/merge-patch+json"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        pytest.param(401, NoAnswer, id="a token that is not accepted at the moment"),
        pytest.param(403, ClusterRefused, id="a call that a policy denies"),
        pytest.param(404, AttemptGone, id="an attempt that is gone"),
        pytest.param(409, NoAnswer, id="a conflict of two writers"),
        pytest.param(422, ClusterRefused, id="a status that is invalid"),
        pytest.param(429, NoAnswer, id="too many calls"),
        pytest.param(503, NoAnswer, id="an API server that is starting"),
    ],
)
async def test_each_status_has_a_meaning(
    server: ScriptedServer, api: AttemptApi, status: int, kind: type[Exception]
) -> None:
    """It is tried again, refused, or gone; the server's own words are kept."""
    server.answers = [Answer(status, {"message": "the server's own words"})]
    with pytest.raises(kind, match=r"the API server .* team/a1: .*the server's own words"):
        await api.patch_status({})


async def test_an_overloaded_server_is_asked_again_when_it_wants_to_be(server: ScriptedServer, api: AttemptApi) -> None:
    """It sheds load with 429, and says for how long."""
    server.answers = [Answer(429, {"message": "too many requests"}, headers={"Retry-After": "7"})]
    with pytest.raises(NoAnswer) as caught:
        await api.patch_status({})
    assert caught.value.later == 7


async def test_a_404_in_other_words_says_nothing_of_the_attempt(server: ScriptedServer, api: AttemptApi) -> None:
    """Something on the way to the API server has answered."""
    server.answers = [Answer(404, text="default backend - 404")]
    with pytest.raises(NoAnswer, match="a 404 that does not come from the API server: default backend"):
        await api.get()


@pytest.mark.parametrize(
    ("why", "kind"),
    [
        ('User "system:serviceaccount:team:perago-runner" cannot patch resource "peragoattempts/status"', NoAnswer),
        ("ValidatingAdmissionPolicy 'agents' with binding 'agents' denied request: it cannot be", ClusterRefused),
    ],
)
async def test_rights_that_are_missing_may_come_back(
    server: ScriptedServer, api: AttemptApi, why: str, kind: type[Exception]
) -> None:
    """Role and account are replaced beside attempts that run; what a policy denies, it denies again."""
    server.answers = [Answer(403, {"message": f'peragoattempts.perago.dev "a1" is forbidden: {why}'})]
    with pytest.raises(kind, match="403"):
        await api.patch_status({})


async def test_an_answer_without_json_comes_from_elsewhere(server: ScriptedServer, api: AttemptApi) -> None:
    """A proxy's page is not the attempt."""
    server.answers = [Answer(200, text="<html>please log in</html>")]
    with pytest.raises(NoAnswer, match="not JSON") as caught:
        await api.get()
    assert caught.value.server is Server.CLUSTER


async def test_a_server_that_does_not_listen_gives_no_answer(tmp_path: Path) -> None:
    """The text names the server and the call."""
    (tmp_path / "token").write_text("t")
    mounts = Mounts(cluster=tmp_path, api_server="http://127.0.0.1:1")
    async with open_session(mounts) as session:
        with pytest.raises(NoAnswer, match=r"the API server did not answer \(read the attempt\)"):
            await AttemptApi(session, mounts, order()).get()
