"""A Conductor of which one task can be read, as `GET /api/tasks/{id}` answers on server 3.32.3."""

from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class TaskServer:
    """One task; `after_reads` changes it once it was read so often, `down` makes the server answer 503."""

    task: dict[str, Any]
    reads: int = 0
    down: bool = False
    after_reads: dict[int, dict[str, Any]] = field(default_factory=dict)

    def application(self) -> web.Application:
        """To be served by a test."""
        app = web.Application()
        app.router.add_get("/api/tasks/{task_id}", self._get)
        return app

    async def _get(self, request: web.Request) -> web.Response:
        if self.down:
            return web.json_response({"message": "starting"}, status=503)
        self.task |= self.after_reads.get(self.reads, {})
        self.reads += 1
        if request.match_info["task_id"] != self.task["taskId"]:
            return web.json_response({"message": "no such task"}, status=404)
        return web.json_response(self.task)
