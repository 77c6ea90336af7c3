"""HTTP/1.1 as servers and what lies before them speak it: framing, kept connections, early answers, and stalls."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from perago.agent.clients.channel import BrokenExchange
from perago.agent.clients.exchange import Connection

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
MORE_THAN_IS_BUFFERED = 64 << 20


def heads(connection: socket.socket) -> Iterator[bytes]:
    """The heads of the requests on a connection."""
    received = b""
    while piece := connection.recv(65536):
        received += piece
        while b"\r\n\r\n" in received:
            head, _, received = received.partition(b"\r\n\r\n")
            yield head


Script = Callable[[socket.socket, int], None]


@contextmanager
def serving(script: Script) -> Iterator[str]:
    """A server that does as the script says with each connection, of which the script gets the number."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        number = 0
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                script(connection, number)
            number += 1

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/ignored"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(20)


def answering(*answers: bytes) -> Script:
    """One answer for each request; the connection ends after the last one."""

    def script(connection: socket.socket, number: int) -> None:
        for answer, _ in zip(answers, heads(connection), strict=False):
            connection.sendall(answer)

    return script


def got(connection: Connection) -> bytes:
    connection.exchange("GET", "/x", "")
    return connection.read(1 << 20)


@pytest.mark.parametrize(
    "answer",
    [
        LENGTH,
        b"HTTP/1.1 100 Continue\r\n\r\n" + LENGTH,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nTrailer: t\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\nconnection: close\r\n\r\nhello",
    ],
    ids=["length", "interim answer", "chunks", "until the end", "HTTP/1.0"],
)
def test_each_framing_of_a_body(answer: bytes) -> None:
    """Also what only proxies use."""
    with serving(answering(answer)) as url:
        connection = Connection(url, None)
        assert got(connection) == b"hello"
        connection.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n",
        LENGTH[:-1],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["nothing", "not HTTP", "no length", "short body", "short chunk", "no chunk"],
)
def test_what_is_not_a_whole_answer_is_a_broken_exchange(answer: bytes) -> None:
    """It is never taken for a short object."""
    with serving(answering(answer)) as url:
        connection = Connection(url, None)
        with pytest.raises(BrokenExchange):
            got(connection)
        connection.close()


def test_a_connection_is_kept_and_opened_again_when_the_server_has_closed_it() -> None:
    """The caller does not notice: a connection that is idle for long is closed by every server."""
    with serving(answering(LENGTH, LENGTH)) as url:
        connection = Connection(url, None)
        assert [got(connection) for _ in range(5)] == [b"hello"] * 5
        connection.close()


def test_an_answer_that_breaks_off_on_a_kept_connection_is_told() -> None:
    """The server was there: the request may have been carried out, and only the caller knows what that means."""
    with serving(lambda *to: answering(LENGTH, LENGTH[:9] if to[1] == 0 else LENGTH)(*to)) as url:
        connection = Connection(url, None)
        assert got(connection) == b"hello"
        with pytest.raises(BrokenExchange):
            got(connection)
        connection.close()


def test_a_body_that_was_not_read_to_its_end_does_not_become_the_next_answer() -> None:
    """The connection is opened again."""
    with serving(answering(LENGTH, LENGTH)) as url:
        connection = Connection(url, None)
        connection.exchange("GET", "/x", "")
        assert got(connection) == b"hello"
        connection.close()


def all_at_once(*answers: bytes) -> Script:
    """The answers, once as many requests have come on one connection, which ends then."""

    def script(connection: socket.socket, number: int) -> None:
        for _ in zip(answers, heads(connection), strict=False):
            pass
        connection.sendall(b"".join(answers))

    return script


CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"


@pytest.mark.parametrize("answer", [LENGTH, CHUNKS], ids=["length", "chunks"])
def test_several_targets_are_asked_for_before_the_first_answer(answer: bytes) -> None:
    """Each answer is read to its end, and the next one begins there."""
    with serving(all_at_once(answer, answer, answer)) as url:
        connection = Connection(url, None)
        assert [connection.read(99) for _ in connection.exchanges(["/1", "/2", "/3"], "")] == [b"hello"] * 3
        connection.close()


@pytest.mark.parametrize(
    "answers",
    [(LENGTH, b""), (LENGTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), LENGTH)],
    ids=["broken off", "closed as announced"],
)
def test_answers_that_end_too_early_are_a_broken_exchange(answers: tuple[bytes, ...]) -> None:
    """What has come until then is whole; what follows an announced end is nobody's answer."""
    with serving(all_at_once(*answers)) as url:
        connection = Connection(url, None)
        bodies: list[bytes] = []
        with pytest.raises(BrokenExchange):
            bodies.extend(connection.read(99) for _ in connection.exchanges(["/1", "/2"], ""))
        assert bodies == [b"hello"]
        connection.close()


def test_several_targets_are_asked_for_again_where_a_kept_connection_had_ended() -> None:
    """As a single one is."""
    with serving(lambda *to: (answering(LENGTH) if to[1] == 0 else all_at_once(LENGTH, LENGTH))(*to)) as url:
        connection = Connection(url, None)
        assert got(connection) == b"hello"
        assert [connection.read(99) for _ in connection.exchanges(["/1", "/2"], "")] == [b"hello"] * 2
        connection.close()


def zeros() -> Iterator[memoryview]:
    block = memoryview(bytes(1 << 20))
    for _ in range(MORE_THAN_IS_BUFFERED >> 20):
        yield block


def test_a_refusal_before_the_end_of_an_upload_is_heard() -> None:
    """It is not taken for a connection that broke, which would be tried again."""

    def refuse(connection: socket.socket, number: int) -> None:
        next(heads(connection))
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        connection.shutdown(socket.SHUT_WR)

    with serving(refuse) as url:
        connection = Connection(url, None, stall_seconds=0.2)
        assert connection.exchange("POST", "/x", "", MORE_THAN_IS_BUFFERED, zeros).status == 403
        connection.close()


@contextmanager
def stalling() -> Iterator[tuple[str, threading.Event]]:
    """A server that takes the head of a request, sets the event, and then neither reads nor writes."""
    asked, over = threading.Event(), threading.Event()

    def stall(connection: socket.socket, number: int) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        next(heads(connection), None)  # None: an aborted client opens a connection and ends it at once
        asked.set()
        over.wait(20)

    with serving(stall) as url:
        try:
            yield url, asked
        finally:
            over.set()


@pytest.mark.parametrize("body", [None, zeros], ids=["no answer", "nobody reads"])
def test_what_stands_still_is_noticed_in_either_direction(body: Callable[[], Iterator[memoryview]] | None) -> None:
    """A zero window looks like a slow network for ever."""
    with stalling() as (url, _):
        connection = Connection(url, None, stall_seconds=0.2)
        with pytest.raises(TimeoutError):
            connection.exchange("POST", "/x", "", MORE_THAN_IS_BUFFERED if body else 0, body)
        connection.close()


def test_what_moves_is_not_cut_however_long_it_takes() -> None:
    """Longer than the longest wait in all, and never as long without a byte."""
    pause = threading.Event()

    def trickle(connection: socket.socket, number: int) -> None:
        next(heads(connection))
        for byte in LENGTH[:-5]:
            connection.sendall(bytes([byte]))
        for byte in b"hello":
            pause.wait(0.9)
            connection.sendall(bytes([byte]))

    with serving(trickle) as url:
        connection = Connection(url, None, stall_seconds=4)
        assert got(connection) == b"hello"
        connection.close()


def test_another_thread_can_end_a_wait() -> None:
    """Cancellation does not wait for a server; later calls fail at once."""
    with stalling() as (url, asked):
        connection = Connection(url, None)

        def abort() -> None:
            asked.wait(20)
            connection.abort()

        aborting = threading.Thread(target=abort)
        aborting.start()
        with pytest.raises(OSError, match=r"ended|closed|reset"):
            connection.exchange("GET", "/x", "")
        with pytest.raises(OSError):
            connection.exchange("GET", "/x", "")
        aborting.join(20)
        connection.close()
