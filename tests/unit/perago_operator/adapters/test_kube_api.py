"""The API client on the wire: authorization, refusals, watches that break."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from perago.wire.depth import is_too_deep
from perago_operator.adapters import kube_access
from perago_operator.adapters.kube_api import KubeApi, parsed
from perago_operator.adapters.kube_feed import KubeFeed, watch_event
from perago_operator.ports import Expired, NotFound, Refused, Unreachable


def kubeconfig(folder: Path, server: str, user: dict[str, Any]) -> Path:
    """A kubeconfig with one user."""
    path = folder / "kubeconfig"
    config = {
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path.write_text(json.dumps(config))
    return path


@pytest.mark.parametrize("text", ['{"a": "\\ud800"}', '{"a": [1, 2.5, null, "ü"]}'])
def test_whatever_the_api_server_takes_is_read_as_by_the_standard_library(text: str) -> None:
    """Also what pydantic's parser refuses, such as half of a pair of surrogates."""
    assert json.dumps(parsed(text.encode())) == json.dumps(json.loads(text))


@pytest.mark.parametrize("levels", [300, 9_000])
def test_an_object_that_is_nested_too_deep_hides_no_other(levels: int) -> None:
    """The API server takes 10,000 levels; what is deep is cut, and an event of the watch is one all the same."""
    deep = '{"a":' * levels + "1" + "}" * levels
    line = f'{{"type":"ADDED","object":{{"metadata":{{"resourceVersion":"7"}},"spec":{{"input":{deep}}}}}}}'
    event = watch_event(line.encode(), "a watch")
    assert event.resource_version == "7"
    assert is_too_deep(event.obj["spec"]["input"])


@pytest.mark.parametrize("text", ["", '{"a":', "nothing"])
def test_what_is_no_json_is_a_value_error(text: str) -> None:
    """The callers' tables of errors know it."""
    with pytest.raises(ValueError, match=r"line 1 column"):
        parsed(text.encode())


class Recorder:
    """A server that answers with what a test puts in store, the last answer again and again."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str | None]] = []
        self.answers: list[tuple[int, Any]] = [(200, {})]
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        await request.read()
        self.seen.append((f"{request.method} {request.path}", request.headers.get("Authorization")))
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(body, str):
            return web.Response(status=status, text=body)
        return web.json_response(body, status=status)


@pytest.fixture
async def recorder() -> AsyncIterator[Recorder]:
    """The server, on loopback."""
    recorder = Recorder()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", recorder.handle)
    async with TestServer(app) as server:
        recorder.url = str(server.make_url("")).rstrip("/")
        yield recorder


@pytest.fixture
async def api(recorder: Recorder, tmp_path: Path) -> AsyncIterator[KubeApi]:
    """A client with a token."""
    access = kube_access.load(kubeconfig(tmp_path, recorder.url, {"token": "abc"}))
    async with KubeApi(access) as api:
        yield api


async def test_a_token_is_sent_as_bearer(recorder: Recorder, api: KubeApi) -> None:
    """From the kubeconfig's user."""
    await api.get("/x")
    assert recorder.seen == [("GET /x", "Bearer abc")]


async def test_a_refused_token_is_read_again_once(recorder: Recorder, api: KubeApi) -> None:
    """It may have been renewed meanwhile."""
    recorder.answers = [(401, {"message": "expired"}), (200, {"kind": "X"})]
    assert await api.get("/x") == {"kind": "X"}
    assert len(recorder.seen) == 2


async def test_a_token_that_stays_refused_is_an_error(recorder: Recorder, api: KubeApi) -> None:
    """Without the token in its text."""
    recorder.answers = [(401, {"message": "who are you"})]
    with pytest.raises(Refused, match="check the credentials") as caught:
        await api.get("/x")
    assert "abc" not in str(caught.value)
    assert len(recorder.seen) == 2


async def test_a_kubeconfig_may_bring_a_plug_in(recorder: Recorder, tmp_path: Path) -> None:
    """Its token is asked for in a thread, when it is needed."""
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "from-plug-in"},
    }
    user = {"exec": {"apiVersion": credential["apiVersion"], "command": "echo", "args": [json.dumps(credential)]}}
    access = kube_access.load(kubeconfig(tmp_path, recorder.url, user))
    async with KubeApi(access) as api:
        await api.get("/x")
    assert recorder.seen[0][1] == "Bearer from-plug-in"


def test_certificates_in_a_kubeconfig_become_files(tmp_path: Path) -> None:
    """The official package writes them out; kopf and we load the same."""
    data = base64.b64encode(b"cert").decode()
    user = {"client-certificate-data": data, "client-key-data": data}
    access = kube_access.load(kubeconfig(tmp_path, "https://127.0.0.1:1", user))
    assert access.files.certificate is not None
    assert Path(access.files.certificate).read_bytes() == b"cert"
    assert access.read_authorization() is None


def test_no_access_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    """KUBECONFIG, or a pod."""
    with pytest.raises(kube_access.AccessError, match="set KUBECONFIG or run in a pod"):
        kube_access.load(tmp_path / "missing")


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[KubeApi]:
    """A server whose logs begin to come, and go on for ever where they are followed; one never begins."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.match_info["pod"] == "silent":
            await asyncio.Event().wait()
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one\ntwo\n")
        if "follow" in request.query:
            await asyncio.Event().wait()
        return response

    app = web.Application()
    app.router.add_get("/{pod}/log", handle)
    async with TestServer(app, shutdown_timeout=0) as server:
        access = kube_access.load(kubeconfig(tmp_path, str(server.make_url("")).rstrip("/"), {}))
        async with KubeApi(access) as api:
            yield api


async def test_the_end_of_a_log_is_kept(log: KubeApi) -> None:
    """As many bytes of it as are wanted."""
    assert await log.tail("/p/log", {}, keep=6, seconds=30) == "e\ntwo\n"


async def test_a_log_that_does_not_end_is_read_for_its_time(log: KubeApi) -> None:
    """What has come by then is the answer."""
    assert await log.tail("/p/log", {"follow": "true"}, keep=100, seconds=1) == "one\ntwo\n"


async def test_a_log_that_does_not_begin_is_unreachable(log: KubeApi) -> None:
    """Nothing waits for a node that does not answer."""
    with pytest.raises(Unreachable):
        await log.tail("/silent/log", {}, keep=100, seconds=0.1)


async def test_a_log_is_asked_for_again_with_a_fresh_token(recorder: Recorder, api: KubeApi) -> None:
    """And a refusal has the server's words."""
    recorder.answers = [(401, {"message": "expired"}), (200, "one")]
    assert await api.tail("/p/log", {}, keep=100, seconds=30) == "one"
    recorder.answers = [(400, {"message": "waiting to start"})]
    with pytest.raises(Refused, match="waiting to start"):
        await api.tail("/p/log", {}, keep=100, seconds=30)


async def test_a_group_that_is_not_served_has_no_kinds(recorder: Recorder, api: KubeApi) -> None:
    """The CRDs are not installed yet."""
    recorder.answers = [(404, "404 page not found")]
    assert await api.served("perago.dev/v1alpha1") == frozenset()


async def test_a_status_object_is_put_into_words(recorder: Recorder, api: KubeApi) -> None:
    """Its message, and the call."""
    recorder.answers = [(404, {"kind": "Status", "reason": "NotFound", "message": 'pods "x" not found'})]
    with pytest.raises(NotFound, match='GET /x: HTTP 404: pods "x" not found'):
        await api.get("/x")


async def test_an_answer_that_is_no_json_is_no_answer(recorder: Recorder, api: KubeApi) -> None:
    """A proxy in between."""
    recorder.answers = [(200, "<html>")]
    with pytest.raises(Unreachable):
        await api.get("/x")


async def test_a_watch_that_is_refused_is_an_error(recorder: Recorder, api: KubeApi) -> None:
    """410 at once, instead of an ERROR event."""
    recorder.answers = [(410, {"reason": "Expired", "message": "too old"})]
    with pytest.raises(Expired):
        [event async for event in KubeFeed(api, "/pods").watch("1")]


async def test_calls_are_observed_by_kind_of_object(recorder: Recorder, tmp_path: Path) -> None:
    """Names of objects would make as many time series."""
    seen: list[str] = []
    access = kube_access.load(kubeconfig(tmp_path, recorder.url, {"token": "abc"}))
    async with KubeApi(access, observe=lambda service, call, result, _: seen.append(f"{call} {result}")) as api:
        await api.get("/api/v1/namespaces/ns/pods/p1/log")
        await api.patch("/apis/perago.dev/v1alpha1/namespaces/ns/peragoattempts/a1/status", {})
        await api.get("/api/v1/pods")
    assert seen == ["GET pods/log ok", "PATCH peragoattempts/status ok", "GET pods ok"]


@pytest.mark.parametrize(
    ("line", "want"),
    [
        (b'{"type": "ERROR", "object": {"code": 410, "reason": "Expired", "message": "too old"}}', Expired),
        (b'{"type": "ERROR", "object": {"code": 500, "message": "etcd"}}', Unreachable),
        (b'{"type": "SURPRISE", "object": {}}', Unreachable),
        (b"half a li", Unreachable),
        (b"[]", Unreachable),
    ],
)
def test_a_line_that_is_no_event_ends_the_watch(line: bytes, want: type[Exception]) -> None:
    """It starts again where it stood, or with a list."""
    with pytest.raises(want):
        watch_event(line, "watch /pods")
