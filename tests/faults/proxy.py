"""A proxy in front of a real server, in which chosen requests go wrong.

    with proxied(server.endpoint) as proxy:
        client = Client(proxy.url)
        proxy.on("POST .*/merge/", lost)
        client.publish()                    # the merge lands, and its answer is lost

A fault is a coroutine function of one `Exchange`. Those of this module are what networks and gateways do; a test may
write its own. When the fault returns, the client's connection is closed. Every fault must have been met by the end of
the block. The proxy runs in a thread of its own, so blocking and asynchronous tests use it alike.
"""

import asyncio
import re
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

HEAD_BYTES = 4 * 2**20
CHUNK_BYTES = 2**16
SECONDS = 20.0

T = TypeVar("T")


class Exchange:
    """One request of a client, which has not reached the server yet."""

    def __init__(self, head: bytes, client: tuple[asyncio.StreamReader, asyncio.StreamWriter], target: str) -> None:
        self.line = head.split(b" HTTP/", 1)[0].decode()
        """Method and path with query, e.g. `GET /api/v1/config?x=1`."""
        self.body = b""
        """The request's body as far as it was passed on: all of it once the server has answered."""
        self._head, self._target = _single(head, target), urlsplit(target)
        self._reader, self._writer = client

    async def chunks(self) -> AsyncIterator[bytes]:
        """Pass the request on to the server; its answer piece by piece."""
        tls = ssl.create_default_context() if self._target.scheme == "https" else None
        port = self._target.port or (443 if tls else 80)
        reader, writer = await asyncio.open_connection(self._target.hostname, port, ssl=tls)
        writer.write(self._head)
        sending = asyncio.create_task(self._pass_body_on(writer))
        try:
            while chunk := await reader.read(CHUNK_BYTES):
                yield chunk
        finally:
            sending.cancel()
            await asyncio.wait([sending])
            writer.close()

    async def _pass_body_on(self, server: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await self.read():
                self.body += chunk
                server.write(chunk)
                await server.drain()
            server.write_eof()

    async def answer(self) -> bytes:
        """Pass the request on to the server; its whole answer, head and body."""
        return b"".join([chunk async for chunk in self.chunks()])

    async def send(self, answer: bytes) -> None:
        """Give the client these bytes of an answer."""
        self._writer.write(answer)
        await self._writer.drain()

    async def read(self) -> bytes:
        """Wait for more bytes of the client; empty when it hangs up."""
        return await self._reader.read(CHUNK_BYTES)


Fault = Callable[[Exchange], Awaitable[None]]


async def passed(exchange: Exchange) -> None:
    """Nothing goes wrong."""
    async for chunk in exchange.chunks():
        await exchange.send(chunk)


async def cut_before(exchange: Exchange) -> None:
    """The connection ends, and the server never sees the request."""


async def lost(exchange: Exchange) -> None:
    """The server does the work, and the connection ends before any of its answer arrives."""
    await exchange.answer()


async def cut_within(exchange: Exchange) -> None:
    """The server does the work, and the connection ends in the middle of its answer."""
    answer = await exchange.answer()
    body = answer.index(b"\r\n\r\n") + 4
    await exchange.send(answer[: (body + len(answer)) // 2])


async def cut_after(exchange: Exchange) -> None:
    """The answer arrives, and the connection, which seems to stay open, ends when it is used again."""
    answer = await exchange.answer()
    await exchange.send(re.sub(rb"(?i)\r\nconnection: close", b"", answer, count=1))
    await exchange.read()


async def silent(exchange: Exchange) -> None:
    """The server never sees the request, and no answer comes until the client hangs up."""
    while await exchange.read():
        pass


def delayed(seconds: float) -> Fault:
    """The request reaches the server late."""

    async def fault(exchange: Exchange) -> None:
        await asyncio.sleep(seconds)
        await passed(exchange)

    return fault


def answered(status: int, body: bytes = b"") -> Fault:
    """Something on the way answers in the server's place, which never sees the request."""

    async def fault(exchange: Exchange) -> None:
        head = f"HTTP/1.1 {status} -\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\nConnection: close"
        await exchange.send(f"{head}\r\n\r\n".encode() + body)

    return fault


class Held:
    """A fault: the server does the work, and its answer is kept back until `release`, if ever."""

    def __init__(self) -> None:
        self._answered: Future[None] = Future()
        self._released: Future[None] = Future()

    async def __call__(self, exchange: Exchange) -> None:
        """See `Fault`."""
        answer = await exchange.answer()
        self._answered.set_result(None)
        await asyncio.wrap_future(self._released)
        await exchange.send(answer)

    def wait(self, seconds: float = SECONDS) -> None:
        """Block until the server has answered. Raises TimeoutError."""
        self._answered.result(seconds)

    async def reached(self, seconds: float = SECONDS) -> None:
        """Wait until the server has answered. Raises TimeoutError."""
        await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(self._answered)), seconds)

    def release(self) -> None:
        """Let the answer pass."""
        self._released.set_result(None)


@dataclass
class _Rule:
    pattern: str
    fault: Fault
    left: int | None
    met: bool = False

    @property
    def open(self) -> bool:
        """Whether it has not been met as often as it should."""
        return not self.met if self.left is None else self.left > 0

    def meets(self, line: str) -> bool:
        """Whether a request has its fault; counts it."""
        if self.left == 0 or not re.search(self.pattern, line):
            return False
        self.met, self.left = True, None if self.left is None else self.left - 1
        return True


class Proxy:
    """Stands at `url` in front of the server at `target`; made by `proxied`."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.url = ""
        self.seen: list[str] = []
        """The `line` of every request, in the order of their arrival."""
        self._rules: list[_Rule] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()

    def on(self, pattern: str, fault: Fault, times: int | None = 1) -> None:
        """Let the next `times` requests whose `line` has a match of `pattern` meet the fault; None: until `clear`."""
        self._rules.append(_Rule(pattern, fault, times))

    def clear(self) -> None:
        """Let every further request pass."""
        self.check()
        self._rules = []

    def check(self) -> None:
        """Raise AssertionError unless every fault has been met, as many times as it should."""
        for rule in self._rules:
            assert not rule.open, f"no request met {rule.pattern!r}: {self.seen}"

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """In this block every new connection is refused."""
        self.run(self.close())
        yield
        self.run(self.listen(urlsplit(self.url).port or 0))

    def run(self, work: Coroutine[None, None, T]) -> T:
        """Run something in the proxy's thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(SECONDS)

    async def listen(self, port: int = 0) -> None:
        """Take connections, at any free port if none is given."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, limit=HEAD_BYTES)
        host, port = self._server.sockets[0].getsockname()
        self.url = f"http://{host}:{port}{urlsplit(self.target).path}"

    async def close(self) -> None:
        """Take no more connections; those that are open go on."""
        assert self._server is not None, "listen comes first"
        self._server.close()

    async def end(self) -> None:
        """End all connections. Raises what a fault raised, unless it was a broken connection."""
        await self.close()
        for task in self._tasks:
            task.cancel()
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "asyncio serves in tasks"
        self._tasks.add(task)
        try:
            with suppress(OSError, EOFError):
                exchange = Exchange(await reader.readuntil(b"\r\n\r\n"), (reader, writer), self.target)
                self.seen.append(exchange.line)
                await self._fault(exchange.line)(exchange)
        finally:
            writer.close()

    def _fault(self, line: str) -> Fault:
        return next((rule.fault for rule in self._rules if rule.meets(line)), passed)


def _single(head: bytes, target: str) -> bytes:
    """The head of a request for `target` that is the only one of its connection."""
    first, *headers = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    kept = [header for header in headers if header.split(b":")[0].lower() not in (b"host", b"connection")]
    host = b"Host: " + urlsplit(target).netloc.encode()
    return b"\r\n".join([first, host, b"Connection: close", *kept, b"", b""])


@contextmanager
def proxied(target: str) -> Iterator[Proxy]:
    """A proxy in front of the server at `target`, an address with or without a path, on a free port of 127.0.0.1."""
    proxy = Proxy(target)
    thread = threading.Thread(target=proxy._loop.run_forever, name="proxy", daemon=True)
    thread.start()
    try:
        proxy.run(proxy.listen())
        yield proxy
        proxy.check()
    finally:
        try:
            proxy.run(proxy.end())
        finally:
            proxy._loop.call_soon_threadsafe(proxy._loop.stop)
            thread.join()
            proxy._loop.close()
