"""A gate in front of Conductor, through which a test's own operator talks to it: it can close, and tell of reports."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from perago_dev import proxies

RESULTS = {"COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR"}


class Gate:
    """Forwards to `target` (Conductor's address with `/api`); what it saw and what it does next."""

    def __init__(self, target: str) -> None:
        self.target = target.removesuffix("/api")
        self.open = True
        self.reports: list[dict[str, Any]] = []
        """Bodies of the result updates that went through, in order."""
        self.after_report: Callable[[], None] | None = None
        """Called once, after the next result has reached Conductor and before its answer goes back."""

    def forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> httpx.Response:
        """Pass a request on, remember it when it is a result, and return Conductor's answer."""
        url, by_variables = self.target + path, not proxies.is_own(self.target)
        answer = httpx.request(method, url, headers=headers, content=body, timeout=60, trust_env=by_variables)
        if method == "POST" and path == "/api/tasks" and (update := json.loads(body))["status"] in RESULTS:
            hook, self.after_report = self.after_report, None
            if hook:
                hook()
            self.reports.append(update)
        return answer


@contextmanager
def serving(gate: Gate) -> Iterator[str]:
    """The gate on a free loopback port; yields its address with `/api`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if not gate.open:
                self.close_connection = True
                return
            kept = {key: value for key, value in self.headers.items() if key.lower() in {"content-type", "accept"}}
            answer = gate.forward(self.command, self.path, kept, body)
            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_PUT = do_DELETE = _pass  # noqa: N815 -- the names that http.server looks up

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
            """Say nothing: what went through is in the gate."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
