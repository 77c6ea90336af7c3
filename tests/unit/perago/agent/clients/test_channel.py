"""A connection that moves bytes: whole buffers, and no wait that is longer than its limit, with TLS and without."""

import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
import trustme

from perago.agent.clients.channel import Channel

CONTENT = os.urandom(100_000)
"""Several records of TLS."""


@pytest.fixture(scope="module")
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a client's."""
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(server)
    authority.configure_trust(client)
    return server, client


@pytest.fixture(params=["plain", "TLS"])
def ends(
    request: pytest.FixtureRequest, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> Iterator[tuple[socket.socket, socket.socket]]:
    """The two ends of a connection: the one that is tested, and the other one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    if request.param == "TLS":
        wrapped: list[socket.socket] = []
        shaking = threading.Thread(target=lambda: wrapped.append(contexts[0].wrap_socket(far, server_side=True)))
        shaking.start()
        near = contexts[1].wrap_socket(near, server_hostname="localhost")
        shaking.join(20)
        far = wrapped[0]
    with near, far:
        yield near, far


def test_a_buffer_is_filled_however_the_bytes_come(ends: tuple[socket.socket, socket.socket]) -> None:
    """Each piece costs a write and a turn of the interpreter's lock, so there should be few of them."""
    near, far = ends
    paused = threading.Event()

    def send() -> None:
        for first in range(0, len(CONTENT), 30_000):
            far.sendall(CONTENT[first : first + 30_000])
            paused.wait(0.05)

    sending = threading.Thread(target=send)
    sending.start()
    buffer = memoryview(bytearray(len(CONTENT)))
    assert Channel(near, 20).fill(buffer) == len(CONTENT)
    assert buffer == CONTENT
    sending.join(20)


def test_what_came_before_a_stall_is_handed_out_and_the_stall_is_noticed(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    """The part counts as a sign of life; a buffer that never becomes full is not waited for."""
    near, far = ends
    far.sendall(b"hel")
    channel, buffer = Channel(near, 0.6), memoryview(bytearray(5))
    assert channel.fill(buffer) == 3
    with pytest.raises(TimeoutError):
        channel.fill(buffer)


def test_the_end_of_a_connection_is_no_stall(ends: tuple[socket.socket, socket.socket]) -> None:
    """A part is handed out first."""
    near, far = ends
    far.sendall(b"hel")
    if isinstance(far, ssl.SSLSocket):
        with suppress(TimeoutError):  # it waits for the other end to say the same
            far.settimeout(0.01)
            far.unwrap()
    else:
        far.shutdown(socket.SHUT_WR)
    channel, buffer = Channel(near, 20), memoryview(bytearray(5))
    assert [channel.fill(buffer), channel.fill(buffer)] == [3, 0]


def test_a_limit_can_be_changed_later(ends: tuple[socket.socket, socket.socket]) -> None:
    """To look whether there is an answer already."""
    near, _ = ends
    channel = Channel(near, 60)
    channel.bound(0.1)
    with pytest.raises(TimeoutError):
        channel.receive(1)
