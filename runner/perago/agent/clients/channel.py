"""One open connection that moves bytes, directly or through a proxy, with or without TLS. It knows no HTTP but CONNECT.

No wait for the next byte is longer than a limit, in either direction. Without TLS the kernel keeps that time: Python's
own time-outs cost a `poll` before each call, and with them a call cannot wait for a full buffer.
"""

import socket
import ssl
import struct
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

from perago.wire.egress import ProxyServer

CONNECT_SECONDS: Final = 10.0
WAITS: Final = 3
"""Waits of which the longest wait for a byte consists. A full buffer is waited for during one of them only, so that a
stall is noticed no later than that after its time, whatever had come before it."""
HEAD_BYTES: Final = 64 * 1024


T = TypeVar("T")


class BrokenExchange(OSError):
    """The other side ended the exchange early, or does not speak HTTP/1.1."""


class Channel:
    """For one thread; only `shut` may be called from another."""

    def __init__(self, connected: socket.socket, stall_seconds: float) -> None:
        self._socket = connected
        self._plain = not isinstance(connected, ssl.SSLSocket)
        self.bound(stall_seconds)

    def bound(self, stall_seconds: float) -> None:
        """Wait for the next byte so long and no longer from here on."""
        self._stall_seconds = stall_seconds
        if not self._plain:
            self._socket.settimeout(stall_seconds)
            return
        self._socket.settimeout(None)
        wait = stall_seconds / WAITS
        limit = struct.pack("@ll", int(wait), int(wait % 1 * 1_000_000))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)

    def receive(self, most: int) -> bytes:
        """The next bytes; none at the end. Raises OSError."""
        return self._in_time(lambda: self._socket.recv(most))

    def fill(self, buffer: memoryview) -> int:
        """The next bytes, as many as there is room for; fewer when the rest does not come in time, and 0 at the end."""
        if not self._plain:
            return self._filled_by_records(buffer)
        return self._in_time(lambda: self._socket.recv_into(buffer, len(buffer), socket.MSG_WAITALL))

    def _filled_by_records(self, buffer: memoryview) -> int:
        """TLS hands out one record at a time, of 16 KiB at most."""
        count, until = 0, time.monotonic() + self._stall_seconds / WAITS
        while count < len(buffer) and time.monotonic() < until:
            try:
                received = self._socket.recv_into(buffer[count:])
            except OSError:
                if count:
                    break  # the next call raises it again
                raise
            if not received:
                break
            count += received
        return count

    def send(self, view: memoryview) -> None:
        """All of it. `sendall` would bound the whole; here only the wait for the next byte to leave is bounded."""
        while view:
            view = view[self._in_time(partial(self._socket.send, view)) :]

    def _in_time(self, call: Callable[[], T]) -> T:
        for _ in range(WAITS):
            with suppress(BlockingIOError):
                return call()
        raise TimeoutError(f"no byte for {self._stall_seconds:g} seconds")

    def shut(self) -> None:
        """Wake up the thread that waits here; nothing comes and goes any more."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it has ended by itself

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def open_channel(
    host: str, port: int, context: ssl.SSLContext | None, stall_seconds: float, proxy: ProxyServer | None
) -> Channel:
    """A new connection, with TLS where there is a context, whose certificates are checked. Raises OSError."""
    address = (host, port) if proxy is None else (proxy.host, proxy.port)
    plain = socket.create_connection(address, min(CONNECT_SECONDS, stall_seconds))
    try:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if proxy is not None and context is not None:
            _tunnel(plain, proxy, f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        return Channel(context.wrap_socket(plain, server_hostname=host) if context else plain, stall_seconds)
    except BaseException:
        plain.close()
        raise


def lines(headers: Mapping[str, str]) -> str:
    """Headers as they travel."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())


def _tunnel(plain: socket.socket, proxy: ProxyServer, authority: str) -> None:
    """Let the proxy connect to the server; nothing of the server's is read here, for it waits for us."""
    plain.sendall(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{lines(proxy.headers())}\r\n".encode())
    received = b""
    while not received.endswith(b"\r\n\r\n"):
        piece = plain.recv(1)
        if not piece or len(received) > HEAD_BYTES:
            raise BrokenExchange(f"the proxy {proxy.url} ended the connection")
        received += piece
    version, _, rest = received.partition(b" ")
    if not version.startswith(b"HTTP/1."):
        raise BrokenExchange(f"the proxy {proxy.url} does not speak HTTP/1.1: it begins with {received[:40]!r}")
    if rest[:1] != b"2":
        raise BrokenExchange(f"the proxy {proxy.url} does not connect to {authority}: {rest[:3].decode('latin-1')}")
