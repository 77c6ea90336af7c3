"""What `perago extract` writes is what a real Conductor accepts and returns."""

import json
import textwrap
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any, Protocol

import pytest
from pydantic import BaseModel

import perago
from perago.cli import main

MODULE = """
from pathlib import Path
from pydantic import BaseModel, Field
import perago

class Options(BaseModel):
    title: str = Field("untitled", description="how it is called")
    description: str | None = None

class Params(BaseModel):
    factor: int = Field(2, ge=1)
    options: Options = Options()

class Report(BaseModel):
    lines: int

@perago.task(
    name="{name}",
    owner_email="a@example.org",
    description="repeats texts",
    workspace=perago.WorkspaceSpec(prefix="/texts"),
    controls=perago.TaskControls(
        retry=perago.RetryPolicy(count=2, logic="EXPONENTIAL_BACKOFF", max_delay_seconds=600, jitter_ms=250),
        timeout=perago.TimeoutPolicy("RETRY", seconds=1200, response_seconds=300, poll_seconds=60, total_seconds=3600),
        limits=perago.ExecutionLimits(5, 60, 10),
    ),
)
def body(workspace: Path, params: Params) -> Report:
    return Report(lines=1)
"""


class Server(Protocol):
    """A Conductor server; its URL ends in `/api`."""

    url: str


def call(method: str, url: str, body: object = None) -> Any:
    """One JSON call."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=30) as response:
        text = response.read()
    return json.loads(text) if text else None


@pytest.fixture
def taskdef(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A TaskDef as the command writes it."""
    name = f"contract-{uuid.uuid4().hex[:8]}"
    module = name.replace("-", "_")
    (tmp_path / f"{module}.py").write_text(textwrap.dedent(MODULE).replace("{name}", name))
    monkeypatch.syspath_prepend(str(tmp_path))
    assert main(["extract", module, "-o", str(tmp_path)]) == 0
    written: dict[str, Any] = json.loads((tmp_path / f"{name}.taskdef.json").read_text())
    return written


@pytest.mark.conductor
def test_conductor_registers_an_extracted_taskdef_and_gives_it_back(conductor: Server, taskdef: dict[str, Any]) -> None:
    """Every field that was written is read back with its value, schemas included."""
    call("POST", f"{conductor.url}/metadata/taskdefs", [taskdef])
    stored = call("GET", f"{conductor.url}/metadata/taskdefs/{taskdef['name']}")
    try:
        for field in taskdef.keys() - {"inputSchema", "outputSchema"}:
            assert stored[field] == taskdef[field], field
        for field in ("inputSchema", "outputSchema"):
            assert {key: stored[field][key] for key in taskdef[field]} == taskdef[field]
    finally:
        call("DELETE", f"{conductor.url}/metadata/taskdefs/{taskdef['name']}")


def plain(name: str, **controls: Any) -> dict[str, Any]:
    """The TaskDef of a task without workspace."""

    class Nothing(BaseModel):
        pass

    def body(params: Nothing) -> Nothing:
        return params

    declared = perago.task(name=name, owner_email="a@example.org", controls=perago.TaskControls(**controls))(body)
    return perago.build_taskdef(declared.__perago_task__)


@pytest.mark.conductor
@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        (
            {"timeout": perago.TimeoutPolicy(seconds=60, response_seconds=61)},
            {"timeout": perago.TimeoutPolicy(seconds=60, response_seconds=60)},
        ),
        (
            {"timeout": perago.TimeoutPolicy(seconds=700, total_seconds=699)},
            {"timeout": perago.TimeoutPolicy(seconds=700, total_seconds=700)},
        ),
        (
            {"retry": perago.RetryPolicy(delay_seconds=2**31)},
            {"retry": perago.RetryPolicy(delay_seconds=2**31 - 1)},
        ),
    ],
)
def test_conductor_refuses_what_check_warns_of(conductor: Server, wrong: dict[str, Any], right: dict[str, Any]) -> None:
    """It accepts the nearest value that check does not warn about, and registering twice is not an error."""
    name = f"contract-{uuid.uuid4().hex[:8]}"
    with pytest.raises(urllib.error.HTTPError):
        call("POST", f"{conductor.url}/metadata/taskdefs", [plain(name, **wrong)])
    for _ in range(2):
        call("POST", f"{conductor.url}/metadata/taskdefs", [plain(name, **right)])
    call("DELETE", f"{conductor.url}/metadata/taskdefs/{name}")
