"""Retries: only after NoAnswer, for as long as there was no sign of life; and what is no matter of time."""

import ssl
import subprocess
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from perago.agent.clients.http import (
    NoAnswer,
    NoTls,
    Patience,
    Server,
    Untrusted,
    answering,
    insecure,
    retried,
    seconds_of,
    transient,
)
from perago.agent.clients.lakefs import LakeFS, open_session
from perago.agent.failures import failure_of
from perago.wire import Reason
from perago.wire.egress import basic_auth
from perago.wire.secrets import LakeFSKeys
from tests.bodies import fixed, uploaded

SILENCE = NoAnswer(Server.CONDUCTOR, "silent")


class Flaky:
    """Fails `failures` times with `error`, then answers."""

    def __init__(self, failures: int, error: Exception) -> None:
        self.failures, self.error, self.calls = failures, error, 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error
        return "answer"


async def test_no_answer_is_tried_again() -> None:
    """Until there is one."""
    call = Flaky(2, SILENCE)
    assert await retried(call, 10) == "answer"
    assert call.calls == 3


async def test_a_refusal_is_not_tried_again() -> None:
    """A no is an answer."""
    call = Flaky(2, ValueError("no"))
    with pytest.raises(ValueError, match="no"):
        await retried(call, 10)
    assert call.calls == 1


async def test_when_time_is_over_the_last_error_is_raised() -> None:
    """It says which server was silent."""
    with pytest.raises(NoAnswer, match="silent"):
        await retried(Flaky(99, SILENCE), 0)


@pytest.mark.parametrize(
    "error", [aiohttp.ClientPayloadError("cut"), TimeoutError(), ConnectionResetError(), aiohttp.ClientOSError()]
)
async def test_a_broken_exchange_is_no_answer(error: Exception) -> None:
    """Whatever the client library calls it; who and what are named."""
    with pytest.raises(NoAnswer, match=r"lakeFS did not answer \(list\)"):
        async with answering(Server.LAKEFS, "list"):
            raise error


@pytest.mark.parametrize(("status", "want"), [(429, True), (500, True), (503, True), (404, False), (412, False)])
def test_statuses_that_say_try_again(status: int, want: bool) -> None:
    """Overload and the server's own failures."""
    assert transient(status) is want


def test_basic_auth_is_the_header_of_rfc_7617() -> None:
    """User and password in UTF-8."""
    assert basic_auth("Aladdin", "open sesame") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


def test_patience_is_counted_from_the_last_sign_of_life() -> None:
    """Not from the beginning: a transfer of hours is not given up at its first broken connection."""
    now = [0.0]
    patience = Patience(60, lambda: now[0])
    now[0] = 3600.0
    patience.heard()
    now[0] = 3659.0
    assert patience.pause_after(NoAnswer(Server.LAKEFS, "broken")) <= 0.1
    now[0] = 3661.0
    with pytest.raises(NoAnswer, match="still broken"):
        patience.pause_after(NoAnswer(Server.LAKEFS, "still broken"))


def test_a_server_that_asks_for_a_pause_gets_it() -> None:
    """Exactly or longer, and it is given up at once when that would be too late."""
    patience = Patience(60, lambda: 0.0)
    assert patience.pause_after(NoAnswer(Server.LAKEFS, "busy", later=30)) == 30
    with pytest.raises(NoAnswer):
        Patience(10, lambda: 0.0).pause_after(NoAnswer(Server.LAKEFS, "busy", later=30))


@pytest.mark.parametrize(("header", "want"), [(None, 0), ("7", 7), ("3600", 60), ("Wed, 21 Oct 2026 07:28:00 GMT", 0)])
def test_retry_after_in_seconds(header: str | None, want: float) -> None:
    """At most a minute; a date is left to our own pauses."""
    assert seconds_of(header) == want


@pytest.fixture
def certificate(tmp_path: Path) -> ssl.SSLContext:
    """A server's side of a certificate that nobody trusts."""
    key, file = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run([*command, "-subj", "/CN=localhost", "-keyout", key, "-out", file], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key)
    return context


async def test_an_address_without_tls_is_told_at_once() -> None:
    """`https` before the port of plain HTTP, by whichever client meets it first."""
    async with TestServer(web.Application()) as server, open_session() as session:
        lakefs = LakeFS(session, fixed(LakeFSKeys(f"https://localhost:{server.port}", "k", "s")), "repo")
        for call in (lakefs.branch_head("main"), uploaded(lakefs, "main", "p", b"x")):
            with pytest.raises(NoTls, match=r"lakeFS does not speak TLS at its address.*check the scheme") as caught:
                await call
            assert failure_of(caught.value).reason is Reason.LAKEFS_REFUSED


def test_an_end_in_the_handshake_may_be_a_restart() -> None:
    """And so may whatever OpenSSL says besides: it is tried again."""
    assert insecure(Server.LAKEFS, ssl.SSLEOFError(8, "EOF occurred in violation of protocol")) is None
    assert insecure(Server.LAKEFS, ConnectionResetError()) is None


async def test_a_certificate_that_is_not_trusted_is_told_at_once(certificate: ssl.SSLContext) -> None:
    """By whichever client meets it; no repetition would change it."""
    server = TestServer(web.Application(), scheme="https")
    await server.start_server(ssl=certificate)
    async with server, open_session() as session:
        lakefs = LakeFS(session, fixed(LakeFSKeys(f"https://localhost:{server.port}", "k", "s")), "repo")
        for call in (lakefs.branch_head("main"), uploaded(lakefs, "main", "p", b"x")):
            with pytest.raises(Untrusted, match=r"certificate of lakeFS is not trusted.*self-signed") as caught:
                await call
            assert failure_of(caught.value).reason is Reason.LAKEFS_REFUSED
