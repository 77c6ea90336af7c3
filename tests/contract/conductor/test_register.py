"""`perago register` against a real Conductor, also behind a proxy that demands credentials or refuses."""

import base64
import json
import re
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from perago.cli import main
from perago_dev.demo.definitions import WORKFLOW
from perago_dev.demo.own_task import PATIENT
from perago_dev.demo.registering import register
from tests.contract.conductor.backends import Server
from tests.faults.proxy import Proxy, answered, demanding, proxied

pytestmark = pytest.mark.conductor

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "authors-guide.md"
GUIDES_URL = "https://conductor.example.org/api"

MODULE = """
from pydantic import BaseModel, Field
import perago

class Params(BaseModel):
    factor: float = Field(1.0, description="what – is multiplied")
    most: int | None = None
    flags: dict[str, bool] = {{"on": False}}

class Report(BaseModel):
    lines: int = 0

@perago.task(name="{name}", owner_email="{owner}", controls=perago.TaskControls({controls}))
def body(params: Params) -> Report:
    return Report()
"""

Declare = Callable[..., str]
Printed = pytest.CaptureFixture[str]


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"register_{uuid.uuid4().hex[:12]}"


@pytest.fixture
def declare(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Declare:
    """Writes a module with one task of this name; returns its import path, never the same twice."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def made(owner: str = "a@example.org", controls: str = "", task: str = name) -> str:
        module = f"module_{uuid.uuid4().hex}"
        source = textwrap.dedent(MODULE).format(name=task, owner=owner, controls=controls)
        (tmp_path / f"{module}.py").write_text(source)
        return module

    return made


@pytest.fixture
def server(conductor: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The real server, as the command finds it."""
    for variable in ("AUTH_TOKEN", "AUTH_KEY", "AUTH_SECRET", "USERNAME", "PASSWORD"):
        monkeypatch.delenv(f"CONDUCTOR_{variable}", raising=False)
    monkeypatch.setenv("CONDUCTOR_SERVER_URL", conductor.url)
    monkeypatch.setenv("NO_PROXY", "*")
    return conductor


@pytest.fixture
def proxy(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy in front of it, which the command takes for the server."""
    with proxied(server.url) as proxy:
        monkeypatch.setenv("CONDUCTOR_SERVER_URL", proxy.url)
        yield proxy


def workflow(name: str, **more: Any) -> dict[str, Any]:
    """A workflow of one task."""
    given = {"params": {"factor": 1.0, "flags": {}, "most": None, "text": ""}}
    step = {"name": name, "taskReferenceName": "only", "type": "SIMPLE", "inputParameters": given}
    return {"name": name, "version": 2, "schemaVersion": 2, "ownerEmail": "a@example.org", "tasks": [step], **more}


def actions(printed: str) -> list[tuple[str, str]]:
    """Kind and action of every definition that --json tells of."""
    return [(definition["kind"], definition["action"]) for definition in json.loads(printed)["definitions"]]


def test_definitions_are_created_once_and_updated_when_they_differ(
    server: Server, name: str, declare: Declare, tmp_path: Path, capsys: Printed
) -> None:
    """What is registered already is left alone, and the difference is shown before an update."""
    file = tmp_path / "workflow.json"
    file.write_text(json.dumps(workflow(name)))
    arguments = ["--workflow", str(file), "--json"]
    assert main(["register", declare(), *arguments]) == 0
    assert actions(capsys.readouterr().out) == [("task", "created"), ("workflow", "created")]
    assert main(["register", declare(), *arguments]) == 0
    assert actions(capsys.readouterr().out) == [("task", "unchanged"), ("workflow", "unchanged")]
    file.write_text(json.dumps(workflow(name, description="now described")))
    assert main(["register", declare(owner="b@example.org"), "--workflow", str(file)]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"task '{name}': updated\nworkflow '{name}', version 2: updated\n"
    assert '-  "ownerEmail": "a@example.org"' in printed.err
    assert '+  "description": "now described"' in printed.err
    assert server.call("GET", f"/metadata/taskdefs/{name}")["ownerEmail"] == "b@example.org"
    assert server.call("GET", f"/metadata/workflow/{name}?version=2")["description"] == "now described"


def test_a_dry_run_changes_nothing(server: Server, name: str, declare: Declare, capsys: Printed) -> None:
    """It shows the difference on standard output."""
    assert main(["register", declare()]) == 0
    assert main(["register", declare(controls="limits=perago.ExecutionLimits(7)"), "--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert '+  "concurrentExecLimit": 7' in printed
    assert printed.endswith(f"task '{name}': would be updated\n")
    assert "concurrentExecLimit" not in server.call("GET", f"/metadata/taskdefs/{name}")


def test_what_was_set_in_conductor_alone_is_part_of_the_difference(
    server: Server, name: str, declare: Declare, capsys: Printed
) -> None:
    """Registering replaces the whole definition, so that people see what they are about to lose."""
    module = declare()
    assert main(["register", module]) == 0
    stored = server.call("GET", f"/metadata/taskdefs/{name}")
    server.call("PUT", "/metadata/taskdefs", {**stored, "inputTemplate": {"region": "north"}})
    assert main(["register", module]) == 0
    assert '-    "region": "north"' in capsys.readouterr().err
    assert server.call("GET", f"/metadata/taskdefs/{name}")["inputTemplate"] == {}


def test_a_workflow_with_an_unknown_task_is_warned_of(
    server: Server, name: str, tmp_path: Path, capsys: Printed
) -> None:
    """Conductor takes it, and it would wait for ever."""
    file = tmp_path / "workflow.json"
    file.write_text(json.dumps(workflow(name)))
    assert main(["register", "--workflow", str(file)]) == 0
    assert f"workflow '{name}' has the task '{name}', which is not registered" in capsys.readouterr().err


def test_the_servers_validation_is_told_with_the_object(
    server: Server, name: str, declare: Declare, tmp_path: Path, capsys: Printed
) -> None:
    """The message names the definition, what is wrong with it, and what was registered before."""
    broken = declare(controls="timeout=perago.TimeoutPolicy(seconds=60, response_seconds=61)", task=f"{name}_b")
    assert main(["register", declare(), broken]) == 3
    told = capsys.readouterr().err
    assert f"Conductor refuses to register task '{name}_b': 400" in told
    assert "responseTimeoutSeconds: 61 must be less than timeoutSeconds: 60" in told
    assert f"before that, it registered task '{name}'" in told
    file = tmp_path / "workflow.json"
    file.write_text(json.dumps(workflow(name, tasks=[])))
    assert main(["register", "--workflow", str(file)]) == 3
    assert "WorkflowTask list cannot be empty; correct the definition (nothing was" in capsys.readouterr().err


BASIC = "Basic " + base64.b64encode("me:s3cret ü".encode()).decode()
KINDS = {
    "bearer": ("Authorization", "Bearer s3cret", {"AUTH_TOKEN": "s3cret\n"}, []),
    "token": ("X-Authorization", "s3cret", {"AUTH_TOKEN": "s3cret"}, ["--token-header", "X-Authorization"]),
    "basic": ("Authorization", BASIC, {"USERNAME": "me", "PASSWORD": "s3cret ü"}, []),
    "key": ("X-Authorization", "exchanged", {"AUTH_KEY": "id", "AUTH_SECRET": "s3cret"}, []),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_credentials_is_sent(
    proxy: Proxy, name: str, declare: Declare, kind: str, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    """A server that demands it is registered at, and neither output nor error shows a secret."""
    header, value, variables, options = KINDS[kind]
    for variable, content in variables.items():
        monkeypatch.setenv(f"CONDUCTOR_{variable}", content)
    proxy.otherwise = demanding(header, value, answered(401))
    if kind == "key":
        proxy.on("POST /api/token", answered(200, b'{"token": "exchanged"}'))
    assert main(["register", declare(), *options]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"task '{name}': created\n"
    assert "s3cret" not in printed.err + printed.out


def test_credentials_in_the_url_are_sent_and_not_shown(
    proxy: Proxy, declare: Declare, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    """As conductor-python takes them."""
    monkeypatch.setenv("CONDUCTOR_SERVER_URL", proxy.url.replace("http://", "http://me:s3cret%20%C3%BC@"))
    proxy.otherwise = demanding("Authorization", BASIC, answered(401))
    assert main(["register", declare(), "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["server"] == proxy.url
    assert "s3cret" not in printed.err + printed.out


REFUSALS = {
    "none": ({}, 401, "it wants credentials: set CONDUCTOR_AUTH_TOKEN"),
    "wrong": ({"AUTH_TOKEN": "s3cret"}, 401, "it does not accept the token of CONDUCTOR_AUTH_TOKEN in the header"),
    "not allowed": ({"USERNAME": "me", "PASSWORD": "s3cret"}, 403, "the user of CONDUCTOR_USERNAME may not do this"),
    "busy": ({}, 503, "Conductor fails to read task"),
    "redirected": ({"AUTH_TOKEN": "s3cret"}, 302, "the URL redirects"),
    "not Conductor": ({}, 404, "is its API"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_says_what_to_do(
    proxy: Proxy, name: str, declare: Declare, case: str, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    """It names the object and the credentials' source, and ends with exit code 3."""
    variables, status, words = REFUSALS[case]
    for variable, content in variables.items():
        monkeypatch.setenv(f"CONDUCTOR_{variable}", content)
    proxy.on("GET /api/metadata/taskdefs/", answered(status, b"<html>no</html>"))
    assert main(["register", declare()]) == 3
    told = capsys.readouterr().err
    assert words in told
    assert repr(name) in told
    assert "s3cret" not in told


def test_a_key_that_is_refused_is_said(
    proxy: Proxy, declare: Declare, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    """No request is made without the token that could not be had."""
    monkeypatch.setenv("CONDUCTOR_AUTH_KEY", "id")
    monkeypatch.setenv("CONDUCTOR_AUTH_SECRET", "s3cret")
    proxy.on("POST /api/token", answered(401, b'{"error": "INVALID_TOKEN"}'))
    assert main(["register", declare()]) == 3
    told = capsys.readouterr().err
    assert "refuses to exchange the key for a token: 401" in told
    assert "the key of CONDUCTOR_AUTH_KEY and CONDUCTOR_AUTH_SECRET" in told
    assert proxy.seen == ["POST /api/token"]


def test_a_server_that_is_down_is_said(proxy: Proxy, declare: Declare, capsys: Printed) -> None:
    """With its address."""
    with proxy.refusing():
        assert main(["register", declare()]) == 3
    assert f"Conductor cannot be reached at {proxy.url}" in capsys.readouterr().err


def test_a_url_without_the_api_is_said(
    server: Server, declare: Declare, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    """Conductor answers such a request with a page for people."""
    monkeypatch.setenv("CONDUCTOR_SERVER_URL", server.url.removesuffix("/api"))
    assert main(["register", declare()]) == 3
    assert "usually ends in /api" in capsys.readouterr().err


def test_a_definition_that_is_stored_in_another_way_is_shown(
    proxy: Proxy, name: str, declare: Declare, capsys: Printed
) -> None:
    """What was written is read back."""
    stored = json.dumps({"name": name, "ownerEmail": "somebody@example.org"}).encode()
    proxy.on("GET /api/metadata/taskdefs/", answered(404, f'{{"message": "No such task: {name}"}}'.encode()))
    proxy.on("GET /api/metadata/taskdefs/", answered(200, stored))
    assert main(["register", declare(), "--json"]) == 0
    (warning,) = json.loads(capsys.readouterr().out)["warnings"]
    assert warning.startswith(f"Conductor has stored task '{name}' in another way")
    assert '-  "ownerEmail": "somebody@example.org"' in warning


def test_the_guides_line_registers_its_task(server: Server, tmp_path: Path) -> None:
    """In a shell, on the module of the guide."""
    (line,) = re.findall(r"^perago register .*", GUIDE.read_text(), re.MULTILINE)
    (source,) = re.findall(r"^```python file=wordcount.py\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "wordcount.py").write_text(source)
    shown = line.replace("perago ", f"{sys.executable} -m perago.cli ").replace(GUIDES_URL, server.url)
    done = subprocess.run(shown, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "task 'wordcount': created\n"
    server.call("DELETE", "/metadata/taskdefs/wordcount")


def test_the_demo_registers_its_definitions(server: Server, tmp_path: Path) -> None:
    """Four tasks and three workflows, twice without harm."""
    for _ in range(2):
        register(server.url, tmp_path / "register.log")
    log = (tmp_path / "register.log").read_text().splitlines()
    assert [line.rpartition(": ")[2] for line in log[-7:]] == ["unchanged"] * 7
    assert server.call("GET", f"/metadata/taskdefs/{PATIENT}")["retryCount"] == 1
    assert server.call("GET", f"/metadata/workflow/{WORKFLOW}")["version"] == 1
