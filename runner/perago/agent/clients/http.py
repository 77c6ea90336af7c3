"""Retries and the one way to say "no answer", shared by the three small clients. It knows no server's address.

A `NoAnswer` is anything after which the same call may be tried again: a refused or broken connection, a time-out, a
server's 5xx, or a status that says "later". Whether the call was carried out is then unknown.
A 404 counts only in the server's own words.
"""

import asyncio
import random
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any, Final, TypeVar

import aiohttp

from perago.agent.underway import Underway, current
from perago.wire.depth import read_json
from perago.wire.egress import LATER

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
LONGEST_REQUEST_SECONDS = 60.0
"""Longest pause that a server may ask for."""

Answer = TypeVar("Answer")


class Server(StrEnum):
    """The servers that the agent talks to, as messages name them."""

    LAKEFS = "lakeFS"
    CONDUCTOR = "Conductor"
    CLUSTER = "the API server"


class NoAnswer(Exception):
    """No usable answer came; the call's fate is unknown. The text says which server, which call, and what was seen."""

    def __init__(self, server: Server, text: str, later: float = 0, status: int | None = None) -> None:
        """`later`: the seconds after which the server wants to be asked again; `status`: of an answer that came."""
        super().__init__(text)
        self.server = server
        self.later = later
        self.status = status


def transient(status: int) -> bool:
    """Whether an HTTP status says "try again"."""
    return status in LATER or status >= 500


def seconds_of(retry_after: str | None) -> float:
    """A `Retry-After` in seconds, at most a minute; 0 for a date or none, which leaves the pause to us."""
    return min(float(retry_after), LONGEST_REQUEST_SECONDS) if retry_after and retry_after.isdecimal() else 0.0


class Insecure(Exception):
    """There is no safe connection to a server, which no repetition changes. The text says which server and why."""

    def __init__(self, server: Server, text: str) -> None:
        super().__init__(text)
        self.server = server


class Untrusted(Insecure):
    """A server's certificate is not trusted."""

    def __init__(self, server: Server, why: str) -> None:
        super().__init__(
            server,
            f"the certificate of {server} is not trusted: {why}; if an authority of your own has signed it, put that "
            "authority's certificate into its Secret (ca.crt), or into trustedCA of the chart",
        )


class NoTls(Insecure):
    """A server does not speak TLS at its address, or no version of it that is taken here."""

    def __init__(self, server: Server, why: str) -> None:
        text = f"{server} does not speak TLS at its address, or only versions that are too old: {why}"
        super().__init__(server, f"{text}; check the scheme and the port of the address in its Secret")


NO_TLS: Final = frozenset(
    {
        "WRONG_VERSION_NUMBER",
        "RECORD_LAYER_FAILURE",
        "HTTP_REQUEST",
        "UNSUPPORTED_PROTOCOL",
        "TLSV1_ALERT_PROTOCOL_VERSION",
    }
)
"""OpenSSL's words for it, which differ by version. Others, such as an end in the handshake, may be a restart."""


def insecure(server: Server, error: BaseException | None) -> Insecure | None:
    """What a failure to connect says of the server for good; None where the next try may go well."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Untrusted(server, reason_of(error))
    words = getattr(error, "reason", None) if isinstance(error, ssl.SSLError) else None
    return NoTls(server, words) if words in NO_TLS else None


def reason_of(error: Exception) -> str:
    """Why a certificate is not trusted, such as "certificate has expired", without OpenSSL's file and line."""
    return getattr(error, "verify_message", None) or describe(error)


@asynccontextmanager
async def answering(server: Server, what: str) -> AsyncIterator[None]:
    """Translate everything aiohttp raises for a broken exchange into NoAnswer or Insecure; keeps the cause."""
    try:
        yield
    except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
        cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", None)
        silent = NoAnswer(server, f"{server} did not answer ({what}): {describe(error)}")
        raise insecure(server, cause) or silent from error


KEEPALIVE: Final = ((socket.TCP_KEEPIDLE, 15), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3))
"""The kernel asks after 15 s of silence, and thrice: a server that is gone ends even a call that may take long."""


def watched_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    """A socket for one connection of aiohttp, whose other end is asked whether it is still there."""
    family, kind, protocol, *_ = address
    connection = socket.socket(family, kind, protocol)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE:
        connection.setsockopt(socket.IPPROTO_TCP, option, value)
    return connection


async def json_of(response: aiohttp.ClientResponse, server: Server, what: str) -> Any:
    """The JSON of an answer; a body that is not JSON comes from a proxy, so the server itself did not answer."""
    try:
        body = await response.read()
        return read_json(body) if body.strip() else None
    except ValueError as error:
        raise NoAnswer(
            server, f"{server} did not answer ({what}): {response.status} with a body that is not JSON"
        ) from error


def own_words(body: bytes) -> str | None:
    """A server's message; None where something on the way to it has answered, such as a proxy."""
    try:
        return str(read_json(body)["message"])
    except (ValueError, KeyError, TypeError):
        return None


def not_its_404(server: Server, what: str, body: bytes, later: float = 0) -> NoAnswer:
    """For a 404 without the server's own words: whoever has said it knows nothing of what the server has."""
    words = body[:200].decode(errors="replace").strip()
    text = f"{server} did not answer ({what}): a 404 that does not come from {server}: {words}"
    return NoAnswer(server, text.rstrip(": "), later)


async def never_repeat(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Middleware that keeps aiohttp from sending a PUT again after a lost connection, as it does by default."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientPayloadError(f"the connection ended before the answer: {describe(error)}") from error


def describe(error: BaseException) -> str:
    """An exception's text, or its class where it has none; one line."""
    return " ".join(str(error).split()) or type(error).__name__


async def retried(call: Callable[[], Awaitable[Answer]], seconds: float) -> Answer:
    """`call()`, tried again after NoAnswer with capped, jittered back-off; raises the last NoAnswer after `seconds`."""
    patience = Patience(seconds, asyncio.get_running_loop().time)
    try:
        while True:
            try:
                return await call()
            except NoAnswer as error:
                pause = patience.pause_after(error)
            await asyncio.sleep(pause)
    finally:
        patience.over()


class Patience:
    """How long to go on after NoAnswer: until nothing has been heard for `seconds`, with growing, jittered pauses."""

    def __init__(
        self, seconds: float, clock: Callable[[], float] = time.monotonic, underway: Underway | None = None
    ) -> None:
        """`underway` is told of the wait; the current one unless given."""
        self._seconds = seconds
        self._clock = clock
        self._underway = underway or current()
        self.heard()

    def heard(self) -> None:
        """There was a sign of life: the time begins anew."""
        self._deadline = self._clock() + self._seconds
        self._pause = FIRST_PAUSE_SECONDS
        self.over()

    def over(self) -> None:
        """Nothing is waited for any more."""
        self._underway.waits_no_more(self)

    def pause_after(self, error: NoAnswer) -> float:
        """Seconds to wait before the next try; raises `error` when it would come too late."""
        pause = max(self._pause, error.later)
        if self._clock() + pause > self._deadline:
            raise error
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
        if error.server is not Server.CLUSTER:  # it is where waits are told
            self._underway.waits(self, error.server.value, str(error), self._deadline - self._clock())
        return max(pause * random.uniform(0.5, 1.0), error.later)  # jitter
