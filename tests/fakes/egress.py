"""A server, with or without a certificate, and a proxy, both on loopback and in threads: the way out of a client."""

import json
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

BODY = b"hello"
RECORD = {"id": "main", "commit_id": "c0", "taskId": "t1", "workflowInstanceId": "wf", "referenceTaskName": "ref"}
RECORD |= {"taskType": "build", "status": "IN_PROGRESS", "seq": "1"}


@dataclass
class Seen:
    """A server at `url`, and the requests it got: their first line and their headers."""

    url: str = ""
    lines: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """A test's output is its own."""

    def answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def _serving(handler: type[_Quiet], context: ssl.SSLContext | None = None) -> Iterator[int]:
    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Clients that do not trust the certificate hang up."""

    server = Server(("127.0.0.1", 0), handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def server(context: ssl.SSLContext | None = None, redirect: Callable[[], str | None] = lambda: None) -> Iterator[Seen]:
    """A server that answers whatever a client of lakeFS or Conductor asks, or redirects elsewhere."""
    seen = Seen()

    class Handler(_Quiet):
        def _any(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen.lines.append(self.requestline)
            seen.headers.append(dict(self.headers))
            if (location := redirect()) is not None:
                self.answer(302, headers={"Location": location + self.path})
            elif self.command == "DELETE":
                self.answer(204)
            elif "/objects?" in self.path:
                self.answer(200, BODY)
            else:
                self.answer(200, json.dumps(RECORD).encode(), {"Content-Type": "application/json"})

        do_GET = do_POST = do_DELETE = do_PATCH = _any  # noqa: N815 - the standard library's names

    with _serving(Handler, context) as port:
        seen.url = f"{'https' if context else 'http'}://localhost:{port}"
        yield seen


@contextmanager
def proxy(status: int = 200) -> Iterator[Seen]:
    """A proxy for both kinds of address, which refuses with any other status than 200."""
    seen = Seen()

    class Handler(_Quiet):
        def _note(self) -> bool:
            seen.lines.append(self.requestline)
            seen.headers.append(dict(self.headers))
            if status != 200:
                self.answer(status)
            return status == 200

        def do_CONNECT(self) -> None:
            if self._note():
                host, _, port = self.path.rpartition(":")
                with socket.create_connection((host, int(port)), 10) as beyond:
                    self.send_response(200)
                    self.end_headers()
                    _both_ways(self.connection, beyond)
            self.close_connection = True

        def _pass_on(self) -> None:
            if self._note():
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = "".join(
                    f"{name}: {value}\r\n" for name, value in self.headers.items() if name != "Connection"
                )
                target = parts._replace(scheme="", netloc="").geturl()
                head = f"{self.command} {target} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n"
                with socket.create_connection((parts.hostname or "", parts.port or 80), 10) as beyond:
                    beyond.sendall(head.encode() + body)
                    while piece := beyond.recv(65536):
                        self.connection.sendall(piece)
            self.close_connection = True

        do_GET = do_POST = do_DELETE = _pass_on  # noqa: N815 - the standard library's names

    with _serving(Handler) as port:
        seen.url = f"http://127.0.0.1:{port}"
        yield seen


def _both_ways(one: socket.socket, other: socket.socket) -> None:
    while True:
        for ready in select.select([one, other], [], [], 10)[0]:
            piece = ready.recv(65536)
            if not piece:
                return
            (other if ready is one else one).sendall(piece)
