"""What the agent's requests to the API server must get right; the fake over HTTP and a real server alike."""

import shutil
from pathlib import Path

import pytest

from perago.agent.clients.attempt_api import AttemptApi, AttemptGone, open_session
from perago.agent.clients.http import NoAnswer
from perago.agent.mounts import Mounts
from perago_operator.adapters import kube_access
from tests.contract.attempts.backends import HttpBackend
from tests.faults.proxy import answered


@pytest.fixture(params=["http", "real"])
def backend(request: pytest.FixtureRequest) -> HttpBackend:
    """Both in turn."""
    backend: HttpBackend = request.getfixturevalue(f"{request.param}_backend")
    return backend


def replaced(file: Path, text: str) -> str:
    """The text of a file, which has another one from now on."""
    before = file.read_text()
    file.write_text(text)
    return before


async def test_an_attempt_of_another_uid_is_gone(backend: HttpBackend) -> None:
    """Somebody has made another one by that name."""
    with pytest.raises(AttemptGone, match="this pod serves another"):
        await backend.client_of(uid="another").get()


@pytest.mark.parametrize("place", [{"name": "no-such-attempt"}, {"namespace": "no-such-namespace"}])
async def test_an_attempt_that_is_not_there_is_gone(backend: HttpBackend, place: dict[str, str]) -> None:
    """For reads and for patches."""
    client = backend.client_of(**place)
    with pytest.raises(AttemptGone):
        await client.get()
    with pytest.raises(AttemptGone):
        await client.patch_status({"step": "Executing"})


async def test_a_wrong_token_is_refused_until_the_file_has_the_right_one(backend: HttpBackend) -> None:
    """It is read for each call, as the kubelet renews it; the error does not show it, and may be tried again."""
    token = backend.mounts.cluster / "token"
    right = replaced(token, "wrong-token")
    with pytest.raises(NoAnswer, match="401") as caught:
        await backend.client.get()
    assert "wrong-token" not in str(caught.value)
    replaced(token, right)
    assert (await backend.client.get()).uid == backend.uid


@pytest.mark.parametrize("code", [409, 429, 500, 503])
async def test_an_overloaded_server_is_asked_again_later(backend: HttpBackend, code: int) -> None:
    """It is not a refusal."""
    for call in ("get", "patch_status"):
        backend.break_(call, answered(code, b"the server is overloaded"))
    with pytest.raises(NoAnswer, match=str(code)):
        await backend.client.get()
    with pytest.raises(NoAnswer, match=str(code)):
        await backend.client.patch_status({"step": "Executing"})


async def test_the_real_server_is_trusted_by_the_clusters_own_authority(
    real_backend: HttpBackend, kubeconfig: Path
) -> None:
    """Without the proxy, over TLS."""
    access, folder = kube_access.load(kubeconfig), real_backend.mounts.cluster
    shutil.copy(access.files.ca or "", folder / "ca.crt")
    mounts = Mounts(cluster=folder, api_server=access.server)
    async with open_session(mounts) as session:
        assert (await AttemptApi(session, mounts, real_backend.order()).get()).uid == real_backend.uid
