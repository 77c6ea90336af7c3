"""Transfers that come to a standstill in every way: noticed, taken up where they stood, and given up in the end."""

import hashlib
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from perago.agent.clients.http import NoAnswer
from perago.agent.clients.objects import ObjectStats
from perago.agent.clients.presigned import PresignedBodies
from perago.agent.clients.store import Presigning
from perago.agent.data.moving import Calls, PartCrew, Parts, Receiver
from perago.agent.data.sending import Sender
from perago.wire.secrets import LakeFSKeys
from tests.bodies import fixed

STALL_SECONDS = 2.0
"""Much longer than a server of this machine needs for its first bytes, also when the machine is busy."""
CONTENT = bytes(range(256)) * 4096  # 1 MiB: several pieces
HALF = len(CONTENT) // 2
STATS = ObjectStats("f", len(CONTENT), hashlib.md5(CONTENT).hexdigest())
MORE_THAN_IS_BUFFERED = 32 << 20

Stall = Callable[[socket.socket, bytes], None]


def never_answers(connection: socket.socket, head: bytes) -> None:
    """The connection is taken, the request read, and nothing comes."""


def stops_sending(connection: socket.socket, head: bytes) -> None:
    """Half of the object comes."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(CONTENT) + CONTENT[:HALF])


class Server:
    """Stands still as told in its first connections, and works in the later ones; `asked` are their first lines."""

    def __init__(self, stall: Stall, times: int) -> None:
        self.stall, self.times = stall, times
        self.asked: list[str] = []
        self.over = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        """Until the listener is closed; each connection in a thread."""
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.handle, args=(connection,), daemon=True).start()

    def handle(self, connection: socket.socket) -> None:
        """One request."""
        with connection:
            received = b""
            while b"\r\n\r\n" not in received:
                received += connection.recv(4096)
            head, _, body = received.partition(b"\r\n\r\n")
            first = re.search(rb"bytes=(\d+)-", head)
            self.asked.append(f"{head.split()[0].decode()} {first.group(1).decode() if first else 0}")
            if len(self.asked) <= self.times:
                self.stall(connection, head)
                self.over.wait(20)
                return
            if head.startswith(b"POST"):
                stored = self.stored(connection, head, body)
                connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n" % len(stored) + stored)
                return
            rest = CONTENT[int(first.group(1)) if first else 0 :]
            status = b"206 Partial Content" if first else b"200 OK"
            connection.sendall(b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n" % (status, len(rest)) + rest)

    def stored(self, connection: socket.socket, head: bytes, body: bytes) -> bytes:
        """Read an upload; what lakeFS answers."""
        length = re.search(rb"Content-Length: (\d+)", head)
        size, digest = int(length.group(1)) if length else 0, hashlib.md5(body)
        left = size - len(body)
        while left > 0:
            piece = connection.recv(65536)
            digest.update(piece)
            left -= len(piece)
        return json.dumps({"path": "f", "size_bytes": size, "checksum": digest.hexdigest()}).encode()


@contextmanager
def standing_still(stall: Stall, times: int) -> Iterator[Server]:
    """A server whose first connections stand still."""
    server = Server(stall, times)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.listener.shutdown(socket.SHUT_RDWR)
        server.listener.close()
        thread.join(20)


@contextmanager
def bodies_of(server: Server, directly: bool = False) -> Iterator[PresignedBodies]:
    """A client that notices a standstill soon, of a lakeFS and a block store that has worked before."""
    keys, presigning = fixed(LakeFSKeys(server.url, "k", "s")), Presigning()
    presigning.offered(bodies=directly, parts=False)
    presigning.served()
    bodies = PresignedBodies(keys, "repo", presigning, STALL_SECONDS)
    try:
        yield bodies
    finally:
        bodies.close()


def sender(bodies: PresignedBodies, seconds: float) -> Sender:
    """Through lakeFS, so without parts."""
    return Sender(bodies, "main", Calls(seconds), PartCrew([bodies]))


@pytest.mark.parametrize("directly", [False, True], ids=["from lakeFS", "from the block store"])
@pytest.mark.parametrize(
    ("stall", "arrives"), [(never_answers, False), (stops_sending, True)], ids=["never answers", "stops sending"]
)
def test_a_download_that_stands_still_goes_on_where_it_stood(
    tmp_path: Path, stall: Stall, arrives: bool, directly: bool
) -> None:
    """By a range, over another connection."""
    with standing_still(stall, times=1) as server, bodies_of(server, directly) as bodies:
        calls, crew = Calls(60), PartCrew([bodies])
        stats = replace(STATS, url=f"{server.url}/bucket/f?signature" if directly else None)
        with (tmp_path / "f").open("wb+") as file:
            Receiver(bodies, "main", calls, Parts(crew, calls)).receive(stats, file.fileno(), "f")
        crew.close()
    first, second = (int(asked.split()[1]) for asked in server.asked[:2])
    assert (first, 0 < second <= HALF) == (0, arrives)
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_an_upload_that_nobody_reads_is_sent_again(tmp_path: Path) -> None:
    """A window of zero looks like a slow network."""
    (tmp_path / "f").write_bytes(bytes(MORE_THAN_IS_BUFFERED))
    with standing_still(never_answers, times=1) as server, bodies_of(server) as bodies, (tmp_path / "f").open() as file:
        assert sender(bodies, 60).send(file.fileno(), "f", "f") == MORE_THAN_IS_BUFFERED
    assert len(server.asked) >= 2


def test_what_never_moves_again_is_given_up(tmp_path: Path) -> None:
    """After the time for an outage, with the error of the last try."""
    with standing_still(never_answers, times=99) as server, bodies_of(server) as bodies:
        (tmp_path / "f").write_bytes(b"x")
        with (tmp_path / "f").open() as file, pytest.raises(NoAnswer, match="no byte for 2 seconds"):
            sender(bodies, 0.5).send(file.fileno(), "f", "f")
