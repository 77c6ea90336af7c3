"""The fake Conductor over HTTP, as far as an agent asks: `GET /api/tasks/{id}`."""

from typing import Any

from aiohttp import web

from tests.fakes.conductor_server import SHOWN_BYTES, ConductorServer, FakeTask, json_bytes


def application(server: ConductorServer) -> web.Application:
    """To be served by a test."""

    async def get(request: web.Request) -> web.Response:
        task = server.tasks.get(request.match_info["task_id"])
        if task is None:
            message = f"Task not found for taskId: {request.match_info['task_id']}"
            return web.json_response({"status": 404, "message": message}, status=404)
        return web.json_response(_json(task))

    app = web.Application()
    app.router.add_get("/api/tasks/{task_id}", get)
    return app


def _json(task: FakeTask) -> dict[str, Any]:
    elsewhere = json_bytes(task.input_data) > SHOWN_BYTES
    identity = task.identity.to_json() | {"taskDefName": task.identity.task_type}
    body = {"status": task.status, "inputData": {} if elsewhere else task.input_data, "outputData": task.output}
    path = {"externalInputPayloadStoragePath": "input.json"} if elsewhere else {}
    reason = {"reasonForIncompletion": task.reason} if task.reason else {}
    return identity | body | path | reason
