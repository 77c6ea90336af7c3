"""A proxy in front of a real server, in which chosen requests go wrong.

    with proxied(server.endpoint) as proxy:
        client = Client(proxy.url)
        proxy.on("POST .*/merge/", lost)
        client.publish()                    # the merge lands, and its answer is lost

Its faults are those of `tests.faults.kinds`, and the ones of this module, which concern HTTP. Every fault must have
been met by the end of the block. The proxy runs in a thread of its own, for blocking and asynchronous tests alike.
"""

import asyncio
import re
import ssl
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from tests.faults.kinds import SECONDS, Fault, Faults, passed

HEAD_BYTES = 4 * 2**20
CHUNK_BYTES = 2**16

T = TypeVar("T")
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
"""The two ends of a connection."""


@dataclass
class Target:
    """The server behind the proxy; `authority` is a file with the certificates that it is trusted by."""

    url: str
    authority: Path | None = None
    keeps_host: bool = False
    """Whether the server sees the name by which it was called, which it may have signed."""

    async def connected(self) -> Streams:
        """A connection to the server."""
        parts = urlsplit(self.url)
        tls = ssl.create_default_context(cafile=self.authority) if parts.scheme == "https" else None
        return await asyncio.open_connection(parts.hostname, parts.port or (443 if tls else 80), ssl=tls)


class HttpExchange:
    """One HTTP request of a client, as an `Exchange`; an answer is its bytes, head and body."""

    def __init__(self, head: bytes, client: Streams, target: Target) -> None:
        self.line = head.split(b" HTTP/", 1)[0].decode()
        """Method and path with query, e.g. `GET /api/v1/config?x=1`."""
        self.body = b""
        """The request's body as far as it was passed on: all of it once the server has answered."""
        self._head, self._target = _single(head, target), target
        self._reader, self._writer = client
        self._received: bytes | None = None

    def header(self, name: str) -> str | None:
        """The value of one of the request's headers; None if it has none of this name."""
        found = re.search(rb"(?i)\r\n" + re.escape(name.encode()) + rb": *([^\r]*)", self._head)
        return found[1].decode() if found else None

    def replace_header(self, name: str, value: str) -> None:
        """Let the server see another value of one of the request's headers."""
        header = rb"(?i)(?<=\r\n)" + re.escape(name.encode()) + rb": *[^\r]*"
        self._head = re.sub(header, lambda _: f"{name}: {value}".encode(), self._head)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Pass the request on to the server; its answer piece by piece."""
        reader, writer = await self._target.connected()
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
        if self._received is not None:
            self.body = self._received
            server.write(self.body)
            return
        with suppress(OSError):
            while chunk := await self.read():
                self.body += chunk
                server.write(chunk)
                await server.drain()
            server.write_eof()

    async def answer(self) -> bytes:
        """See `Exchange`."""
        return b"".join([chunk async for chunk in self.chunks()])

    async def send(self, answer: bytes) -> None:
        """See `Exchange`."""
        self._writer.write(answer)
        await self._writer.drain()

    async def pass_on(self) -> None:
        """See `Exchange`; piece by piece."""
        async for chunk in self.chunks():
            await self.send(chunk)

    async def read(self) -> bytes:
        """Wait for more bytes of the client; empty when it hangs up."""
        return await self._reader.read(CHUNK_BYTES)

    async def hung_up(self) -> None:
        """See `Exchange`."""
        while await self.read():
            pass

    async def receive(self) -> bytes:
        """Wait for the whole body of the request; it can still be passed on."""
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", self._head)
        self._received = await self._reader.readexactly(int(length[1]) if length else 0)
        return self._received

    async def cut(self) -> None:
        """See `Exchange`. The server will not learn that the client has gone."""
        await self.receive()
        self._writer.close()


async def cut_within(exchange: HttpExchange) -> None:
    """The server does the work, and the connection ends in the middle of its answer."""
    answer = await exchange.answer()
    body = answer.index(b"\r\n\r\n") + 4
    await exchange.send(answer[: (body + len(answer)) // 2])


async def cut_after(exchange: HttpExchange) -> None:
    """The answer arrives, and the connection, which seems to stay open, ends when it is used again."""
    answer = await exchange.answer()
    await exchange.send(re.sub(rb"(?i)\r\nconnection: close", b"", answer, count=1))
    await exchange.read()


def delayed(seconds: float) -> Fault[HttpExchange]:
    """The request reaches the server late."""

    async def fault(exchange: HttpExchange) -> None:
        await asyncio.sleep(seconds)
        await exchange.pass_on()

    return fault


def answered(status: int, body: bytes = b"") -> Fault[HttpExchange]:
    """Something on the way answers in the server's place, which never sees the request."""

    async def fault(exchange: HttpExchange) -> None:
        head = f"HTTP/1.1 {status} -\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\nConnection: close"
        await exchange.send(f"{head}\r\n\r\n".encode() + body)

    return fault


def demanding(header: str, value: str, refusal: Fault[HttpExchange]) -> Fault[HttpExchange]:
    """Requests with this header reach the server; the others are refused."""

    async def fault(exchange: HttpExchange) -> None:
        await (passed if exchange.header(header) == value else refusal)(exchange)

    return fault


class Proxy(Faults[HttpExchange]):
    """Stands at `url` in front of the server at `target`; made by `proxied`. Requests are seen as their `line`."""

    def __init__(self, target: Target) -> None:
        super().__init__()
        self.target = target
        self.url = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()

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
        self.url = f"http://{host}:{port}{urlsplit(self.target.url).path}"

    async def close(self) -> None:
        """Take no more connections; those that are open go on."""
        assert self._server is not None, "listen comes first"
        self._server.close()

    async def end(self) -> None:
        """End all connections. Raises what a fault raised, unless it was a broken connection."""
        await self.close()
        while under_way := asyncio.all_tasks() - {asyncio.current_task()}:  # a connection may just have been taken
            for task in under_way:
                task.cancel()
            await asyncio.wait(under_way)
        for task in self._tasks:
            if not task.cancelled() and (error := task.exception()):
                raise error

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "asyncio serves in tasks"
        self._tasks.add(task)
        try:
            with suppress(OSError, EOFError):
                exchange = HttpExchange(await reader.readuntil(b"\r\n\r\n"), (reader, writer), self.target)
                await self.arrived(exchange.line)(exchange)
        finally:
            writer.close()


def _single(head: bytes, target: Target) -> bytes:
    """The head of a request for `target` that is the only one of its connection."""
    first, *headers = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    dropped = (b"connection",) if target.keeps_host else (b"host", b"connection")
    kept = [header for header in headers if header.split(b":")[0].lower() not in dropped]
    host = [] if target.keeps_host else [b"Host: " + urlsplit(target.url).netloc.encode()]
    return b"\r\n".join([first, *host, b"Connection: close", *kept, b"", b""])


@contextmanager
def proxied(url: str, authority: Path | None = None, *, keeps_host: bool = False) -> Iterator[Proxy]:
    """A proxy in front of the server at `url`, an address with or without a path, on a free port of 127.0.0.1."""
    proxy = Proxy(Target(url, authority, keeps_host))
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
