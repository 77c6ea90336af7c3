"""The demo's own task and its silent lakeFS: manifests and programs that agree with each other."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, ClientTimeout, web

import perago
from perago_dev.demo import claims, own_task
from perago_dev.source import REPOSITORY
from perago_operator.api.task import PeragoTask

sys.path.insert(0, str(own_task.IMAGE_FOLDER))

from demo_tasks import patient, silent_lakefs


def test_readme_and_demo_make_the_same_claims() -> None:
    """The four claims are those of the README, in its order and words."""
    lines = [line for line in (REPOSITORY / "README.md").read_text().splitlines() if line.startswith("- **")]
    claimed = [line.split("**")[1].rstrip(".") for line in lines]
    assert [claim[0].lower() + claim[1:] for claim in claimed] == list(claims.CLAIMS)


def test_manifests_agree_with_the_programs() -> None:
    """Modules with their tasks, the files to wait for and to write, and the port are those of the image."""
    assert {perago.load_module_task(module).name: module for module in own_task.MODULES.values()} == own_task.MODULES
    assert str(patient.GO_ON) == own_task.GO_ON
    assert own_task.SILENT_PORT == silent_lakefs.PORT


def test_perago_tasks_are_what_the_api_takes() -> None:
    """One of them sends its agents to the silent lakeFS."""
    plain, cut_off = (PeragoTask.model_validate(task) for task in own_task.perago_tasks("x:1"))
    assert plain.spec.lakefs_secret_ref is None
    assert cut_off.spec.lakefs_secret_ref is not None
    assert cut_off.spec.lakefs_secret_ref.name == own_task.SILENT
    assert [task.spec.task_type for task in (plain, cut_off)] == list(own_task.MODULES)


def test_the_body_waits_until_it_is_released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each run writes and returns an id of its own."""
    released = tmp_path / "go-on"
    monkeypatch.setattr(patient, "GO_ON", released)
    monkeypatch.setattr("time.sleep", lambda seconds: released.touch())
    first = patient.patient(tmp_path, patient.Nothing())
    assert released.exists()
    assert (tmp_path / own_task.RESULT_FILE).read_text() == first.run
    assert patient.patient(tmp_path, patient.Nothing()).run != first.run


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """The address of an application on loopback."""
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    try:
        yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]
    finally:
        await runner.cleanup()


async def test_the_proxy_forwards_every_call_and_answers_no_merge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bodies, headers and statuses pass in both directions; a merge reaches the server and its caller waits."""
    merged = asyncio.Event()

    async def echo(request: web.Request) -> web.Response:
        if "/merge/" in request.path:
            merged.set()
        seen: dict[str, Any] = {"path": request.raw_path, "key": request.headers.get("Authorization")}
        return web.json_response(seen | {"body": (await request.read()).decode()}, status=201, headers={"ETag": "e"})

    real = web.Application()
    real.router.add_route("*", "/{path:.*}", echo)
    async with serving(real) as target:
        monkeypatch.setenv("TARGET", target)
        async with serving(silent_lakefs.application()) as proxy, ClientSession() as session:
            url = f"{proxy}/api/v1/a%2Fb?path=x%20y"
            async with session.post(url, data="text", headers={"Authorization": "Basic x"}) as answer:
                assert (answer.status, answer.headers["ETag"]) == (201, "e")
                assert await answer.json() == {"path": "/api/v1/a%2Fb?path=x%20y", "key": "Basic x", "body": "text"}
            call = asyncio.ensure_future(session.post(f"{proxy}/api/v1/refs/a/merge/b", timeout=ClientTimeout(None)))
            await merged.wait()
            async with session.get(f"{proxy}/later") as answer:
                assert answer.status == 201
            assert not call.done()
            call.cancel()
