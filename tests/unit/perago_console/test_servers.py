"""Conductor and lakeFS as the console asks them, over a server on loopback that answers what a test says."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from perago_console import lakefs
from perago_console.conductor import Conductor, conductor
from perago_console.http import Http
from perago_console.problems import Forbidden, Misused, NotFound, Problem, Unanswered


class Server(ThreadingHTTPServer):
    """Answers by method and path; what was asked, with the header of the credentials, is remembered."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, tuple[int, Any]] = {}
        self.asked: list[tuple[str, str | None]] = []

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = f"{self.command} {self.path.partition('?')[0]}"
        self.server.asked.append((path, self.headers.get("X-Authorization") or self.headers.get("Authorization")))
        status, body = self.server.answers.get(path, (404, {"message": "nothing there"}))
        content = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _answer  # noqa: N815 -- the library's names

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Conductor's API and lakeFS's, on one address."""
    with Server() as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            monkeypatch.delenv(name, raising=False)
        names = ("SERVER_ENDPOINT_URL", "CREDENTIALS_ACCESS_KEY_ID", "CREDENTIALS_SECRET_ACCESS_KEY")
        for name, value in zip(names, (found.url, "key", "secret"), strict=True):
            monkeypatch.setenv(f"LAKECTL_{name}", value)
        yield found
        found.shutdown()
        thread.join()


def opened(server: Server, **variables: str) -> Conductor:
    """The Conductor that the environment names."""
    found = conductor({"CONDUCTOR_SERVER_URL": f"{server.url}/api", **variables})
    assert found is not None
    return found


def test_without_an_address_there_is_no_conductor() -> None:
    """Commands say so, or do without."""
    assert conductor({}) is None


def test_credentials_that_contradict_each_other_are_a_misuse() -> None:
    """As for `perago register`, whose variables they are."""
    with pytest.raises(Misused, match="CONDUCTOR_AUTH_KEY is set and CONDUCTOR_AUTH_SECRET is not"):
        conductor({"CONDUCTOR_SERVER_URL": "http://c/api", "CONDUCTOR_AUTH_KEY": "k"})


def test_the_log_of_a_task_comes_line_by_line(server: Server) -> None:
    """An entry may have several; of a task without one, there is none."""
    server.answers["GET /api/tasks/t%2F1/log"] = (200, [{"log": "one\ntwo"}, {"log": "three"}])
    assert opened(server).log("t/1") == ["one", "two", "three"]
    assert opened(server).log("t2") is None


def test_the_params_of_a_task(server: Server) -> None:
    """As Conductor handed them out."""
    server.answers["GET /api/tasks/t1"] = (200, {"inputData": {"params": {"least": 2}}})
    assert opened(server).params("t1") == {"least": 2}
    assert opened(server).params("t2") is None


def test_a_workflow_is_retried_with_a_key_that_was_exchanged_for_a_token(server: Server) -> None:
    """Conductor's answer has no body."""
    server.answers |= {"POST /api/token": (200, {"token": "T"}), "POST /api/workflow/w1/retry": (204, "")}
    opened(server, CONDUCTOR_AUTH_KEY="k", CONDUCTOR_AUTH_SECRET="s").retry("w1")
    assert server.asked[-1] == ("POST /api/workflow/w1/retry", "T")


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (
            (409, {"message": "workflow is RUNNING"}),
            Unanswered,
            "Conductor refuses to retry workflow w1: 409 workflow is RUNNING",
        ),
        ((401, "<html>\n<body>"), Forbidden, "401 <html>"),
        ((404, {}), NotFound, "404"),
    ],
)
def test_a_refusal_has_the_servers_own_words(server: Server, answer: Any, kind: type[Problem], words: str) -> None:
    """And what it was that is refused."""
    server.answers["POST /api/workflow/w1/retry"] = answer
    with pytest.raises(kind, match=words):
        opened(server).retry("w1")


def test_a_check_wants_conductors_words(server: Server) -> None:
    """A page of something else at the address is no Conductor."""
    sizes = "GET /api/tasks/queue/sizes"
    server.answers[sizes] = (200, {"perago": 0})
    opened(server).check()
    for other in ("[1]", "<html>"):
        server.answers[sizes] = (200, other)
        with pytest.raises(Unanswered, match="does not answer"):
            opened(server).check()


def test_a_server_that_is_not_there_is_named() -> None:
    """With its address."""
    with pytest.raises(Unanswered, match=r"lakeFS cannot be reached at http://127\.0\.0\.1:1: "):
        Http("lakeFS", "http://127.0.0.1:1").call("GET", "/", "say hello")


def test_lakefs_is_asked_who_the_keys_are(server: Server) -> None:
    """It knows them, or refuses."""
    server.answers["GET /api/v1/user"] = (200, {"user": {"id": "jane"}})
    lakefs.check()
    server.answers["GET /api/v1/user"] = (401, {"message": "error authenticating request"})
    with pytest.raises(Forbidden, match="lakeFS refuses to tell who you are: 401 error authenticating request"):
        lakefs.check()
