"""A gate between a test's own operator and Conductor, which can be closed and knows of reports."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from tests.faults.proxy import HttpExchange, Proxy

RESULTS = {"COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR"}


class Gate:
    """Stands at `proxy`; remembers what it saw, and does what the test says next."""

    def __init__(self, proxy: Proxy) -> None:
        self.address = proxy.url
        self.open = True
        self.reports: list[dict[str, Any]] = []
        """Bodies of the result updates that went through, in order."""
        self.after_report: Callable[[], None] | None = None
        """Called once, after the next result has reached Conductor and before its answer goes back."""
        proxy.otherwise = self._pass

    def reset(self) -> None:
        """Open it, and forget what it saw and was told."""
        self.open, self.after_report = True, None
        self.reports.clear()

    async def _pass(self, exchange: HttpExchange) -> None:
        if not self.open:
            return
        answer = await exchange.answer()
        if exchange.line == "POST /api/tasks" and (update := json.loads(exchange.body))["status"] in RESULTS:
            hook, self.after_report = self.after_report, None
            if hook:
                await asyncio.to_thread(hook)
            self.reports.append(update)
        await exchange.send(answer)
