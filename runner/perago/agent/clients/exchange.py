"""Blocking HTTP/1.1 on one connection, for bodies that are moved in threads. It knows no server and no status.

The standard library's client spends more time on the head of an answer than a small object takes in all
(docs/adr/0009). Every wait is for the next byte in either direction, so what moves is never cut, and what stands still
is noticed after `STALL_SECONDS`. One thread uses a connection; only `abort` may be called from another.
"""

import ssl
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from perago.agent.clients.channel import HEAD_BYTES, BrokenExchange, Channel, lines, open_channel
from perago.wire.egress import ProxyServer

STALL_SECONDS: Final = 45.0
"""Longest wait for the next byte. Servers that work on an answer for longer are not asked on these connections."""
JOINED_BYTES: Final = 16 * 1024
"""A body up to this size is sent together with the head, as one packet where it fits."""

Body = Callable[[], Iterable[memoryview]]
"""The pieces of a body; called once for each time that it is sent."""


@dataclass(frozen=True)
class Head:
    """An answer's status and headers; they are searched and not parsed, as few of them are wanted."""

    status: int
    block: bytes
    """Status line and headers."""
    lower: bytes
    """The same in lower case."""

    def header(self, name: bytes) -> str | None:
        """A header by its lower-case name; its value is in lower case, too."""
        return None if (exact := self.exact(name)) is None else exact.lower()

    def exact(self, name: bytes) -> str | None:
        """A header by its lower-case name, with its value as it came."""
        at = self.lower.find(b"\r\n" + name + b":")
        if at < 0:
            return None
        return self.block[at + len(name) + 3 :].partition(b"\r\n")[0].strip().decode("latin-1")


class Connection:
    """A connection that is opened when it is needed, kept while both sides agree, and opened again when it broke."""

    def __init__(
        self,
        endpoint: str,
        context: ssl.SSLContext | None,
        stall_seconds: float = STALL_SECONDS,
        proxy: ProxyServer | None = None,
    ) -> None:
        """`endpoint` is a URL, of which scheme, host and port count."""
        parts = urlsplit(endpoint)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._authority = parts.netloc.rpartition("@")[2]
        self._context = context if parts.scheme == "https" else None
        self._stall_seconds = stall_seconds
        self._proxy = proxy
        self._channel: Channel | None = None
        self._aborted = False
        self.connected = False
        """Whether the last try to open it went well."""
        self._left: int | None = 0
        """Bytes of the body that have not been read; None: until the connection ends."""
        self._chunked = self._keep = False
        self._ahead = b""
        """What was received and not asked for yet."""

    def exchange(self, method: str, target: str, headers: str, length: int = 0, body: Body | None = None) -> Head:
        """Send one request and return the head of its answer. Raises OSError; the fate of the request is unknown then.

        `headers` are whole lines. A kept connection that the server has closed in the meantime is opened anew.
        """
        if body is not None:
            headers += f"Content-Length: {length}\r\n"
        return self._ask(self._request(method, target, headers), body)

    def exchanges(self, targets: Sequence[str], headers: str) -> Iterator[Head]:
        """GET several targets, all asked for at once; the head of each answer, whose body must be read before the next.

        Raises OSError. Whoever stops before the end has to close the connection: answers are still to come.
        """
        block = b"".join(self._request("GET", target, headers) for target in targets)
        yield self._ask(block, None)
        for _ in targets[1:]:
            if not self._is_free():
                raise self._broken("the connection ends before all answers have come")
            with self._closing_on_error():
                head = self._read_head()
            yield head

    def _request(self, method: str, target: str, headers: str) -> bytes:
        if self._proxy is not None and self._context is None:
            target, headers = f"http://{self._authority}{target}", headers + lines(self._proxy.headers())
        return f"{method} {target} HTTP/1.1\r\nHost: {self._authority}\r\n{headers}\r\n".encode()

    def _is_free(self) -> bool:
        """Whether the connection is open and the last answer was read to its end."""
        return self._channel is not None and self._left == 0 and not self._chunked and self._keep

    def read_into(self, buffer: memoryview) -> int:
        """The next bytes of the answer's body, as many as there is room for; 0 at its end.

        Fewer come when they are slow, and at the end of a chunk. Raises OSError when the body ends early.
        """
        if self._chunked and self._left == 0:
            self._next_chunk()
        if self._left == 0:
            return 0
        wanted = buffer if self._left is None or self._left >= len(buffer) else buffer[: self._left]
        count = self._receive(wanted)
        if self._left is None:
            self._left = count and None
        elif count == 0:
            raise self._broken(f"the answer ended {self._left} bytes early")
        else:
            self._left -= count
        return count

    def read(self, limit: int) -> bytes:
        """The rest of the body, at most `limit` bytes."""
        buffer, parts = memoryview(bytearray(min(limit, HEAD_BYTES))), b""
        while len(parts) < limit and (count := self.read_into(buffer[: limit - len(parts)])):
            parts += buffer[:count]
        return parts

    def abort(self) -> None:
        """End whatever the connection is being used for; it cannot be used again. For any thread."""
        self._aborted = True
        if (used := self._channel) is not None:
            used.shut()

    def close(self) -> None:
        """Close it; the next exchange opens it again."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        self._ahead, self._left, self._chunked, self._keep = b"", 0, False, False

    def _open(self) -> None:
        self.close()
        self.connected = False
        self._channel = open_channel(self._host, self._port, self._context, self._stall_seconds, self._proxy)
        self.connected = True
        if self._aborted:
            self._channel.shut()

    def _ask(self, request: bytes, body: Body | None) -> Head:
        if self._is_free():
            with self._closing_on_error():
                try:
                    return self._answer_to(request, body)
                except TimeoutError:
                    raise
                except OSError:
                    if self._ahead:  # the server was there
                        raise
        self._open()
        with self._closing_on_error():
            return self._answer_to(request, body)

    @contextmanager
    def _closing_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise

    def _answer_to(self, head: bytes, body: Body | None) -> Head:
        pieces = iter(body()) if body is not None else iter(())
        try:
            self._send_all(head, pieces)
        except OSError:
            if (refused := self._early_answer()) is None:
                raise
            return refused
        return self._read_head()

    def _send_all(self, head: bytes, pieces: Iterator[memoryview]) -> None:
        first = next(pieces, memoryview(b""))
        if len(first) <= JOINED_BYTES:
            head, first = head + bytes(first), memoryview(b"")
        used = self._used()
        used.send(memoryview(head))
        used.send(first)
        for piece in pieces:
            self._used().send(piece)

    def _early_answer(self) -> Head | None:
        """What a server said that did not want the rest of a body; None when it said nothing."""
        try:
            self._used().bound(1.0)
            head = self._read_head()
            self._used().bound(self._stall_seconds)
        except OSError:
            return None
        self._keep = False
        return head

    def _read_head(self) -> Head:
        while True:
            head = _head(self._head_block())
            if head.status >= 200:
                break
        self._chunked = (head.header(b"transfer-encoding") or "identity") != "identity"
        self._left = 0 if self._chunked or head.status in (204, 304) else _length(head.header(b"content-length"))
        self._keep = head.lower.startswith(b"http/1.1") and head.header(b"connection") != "close"
        return head

    def _head_block(self) -> bytes:
        received = self._ahead
        while (end := received.find(b"\r\n\r\n")) < 0:
            if len(received) > HEAD_BYTES:
                raise self._broken("the head of the answer does not end")
            piece = self._used().receive(HEAD_BYTES)
            if not piece:
                raise BrokenExchange("the connection ended before the answer")
            received += piece
            self._ahead = received
        self._ahead = received[end + 4 :]
        return received[:end]

    def _receive(self, buffer: memoryview) -> int:
        if not self._ahead:
            return self._used().fill(buffer)
        count = min(len(self._ahead), len(buffer))
        buffer[:count] = self._ahead[:count]
        self._ahead = self._ahead[count:]
        return count

    def _next_chunk(self) -> None:
        line = self._line() or self._line()  # the end of the chunk before is an empty line
        try:
            self._left = int(line.partition(b";")[0], 16)
        except ValueError:
            raise self._broken(f"a chunk of the answer begins with {line[:20]!r}") from None
        if self._left == 0:
            self._chunked = False
            while self._line():
                pass

    def _line(self) -> bytes:
        while (end := self._ahead.find(b"\r\n")) < 0:
            piece = self._used().receive(HEAD_BYTES)
            if not piece or len(self._ahead) > HEAD_BYTES:
                raise self._broken("the answer ended inside a chunk")
            self._ahead += piece
        line, self._ahead = self._ahead[:end], self._ahead[end + 2 :]
        return line

    def _used(self) -> Channel:
        if self._channel is None or self._aborted:
            raise BrokenExchange("the connection was closed")
        return self._channel

    def _broken(self, why: str) -> BrokenExchange:
        self.close()
        return BrokenExchange(why)


def _head(block: bytes) -> Head:
    version, _, rest = block.partition(b" ")
    if not version.startswith(b"HTTP/1.") or not rest[:3].isdigit():
        raise BrokenExchange(f"the answer is not HTTP/1.1: it begins with {block[:40]!r}")
    return Head(int(rest[:3]), block, block.lower())


def _length(value: str | None) -> int | None:
    if value is None:
        return None
    if not value.isascii() or not value.isdigit():
        raise BrokenExchange(f"the answer's Content-Length is {value!r}")
    return int(value)
