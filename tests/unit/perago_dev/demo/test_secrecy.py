"""The demo's check of what is visible: it finds each thing that may not be, and passes what may."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from perago_dev.demo import inside, secrecy
from perago_dev.demo.checks import CheckFailed
from perago_dev.environment import Environment
from perago_dev.objects import Object
from perago_dev.source import REPOSITORY

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlIn0.c2lnbmF0dXJl"
WORKSPACE = "/workspace/task_id=t1-exec=u1-1"


@pytest.fixture
def env(tmp_path: Path) -> Environment:
    """An environment with keys and addresses that can be recognized."""
    return Environment(
        name="some",
        kubeconfig=tmp_path,
        bin_dir=tmp_path,
        conductor_url="http://10.90.7.2:30808/api",
        conductor_cluster_url="http://conductor.dev.svc:8080/api",
        lakefs_endpoint="http://10.90.7.2:30800",
        lakefs_cluster_endpoint="http://lakefs.dev.svc:8000",
        lakefs_access_key="AKIA1",
        lakefs_secret_key="s3cr3t",
        operator_image="operator",
        runner_image="runner",
        state_dir=tmp_path,
    )


def seen(**more: Any) -> Object:
    """What a task sees that sees no more than it should."""
    files = {
        f"{WORKSPACE}/data/table.csv": "1,2",
        f"{WORKSPACE}/.perago-attempt.json": "{}",
        "/workspace/.perago-manifest-u1-1.jsonl": "{}",
        "/etc/hosts": "127.0.0.1 localhost",
    }
    usual: Object = {
        "variables": {"PATH": "/bin", "PYTHONPATH": "/app", "KUBERNETES_SERVICE_HOST": "10.96.0.1"},
        "commands": ["python -m perago.taskside"],
        "mounts": ["/etc/hosts", "/run/perago", "/tmp", "/workspace"],
        "files": files,
    }
    return usual | more


def check(env: Environment, **more: Any) -> None:
    """The demo's check, with everything that may not be seen."""
    secrets = secrecy.keys(env) | secrecy.addresses(env)
    secrecy.files_and_parameters_only(seen(**more), ["data/table.csv"], secrets)


def test_files_and_parameters_pass(env: Environment) -> None:
    """The commit's files, our notes beside them, and what every container has."""
    check(env)


def test_the_variables_of_the_runners_image_pass(env: Environment) -> None:
    """Every task's image is built from that one."""
    dockerfile = (REPOSITORY / "Dockerfile.runner").read_text()
    (variables,) = re.findall(r"^ENV ((?:.*\\\n)*.*)", dockerfile, re.MULTILINE)
    names = re.findall(r"(\w+)=", variables)
    assert "PYTHONPATH" in names
    check(env, variables=dict.fromkeys(names, ""))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"variables": {"PERAGO_ORDER": "{}"}}, "environment has PERAGO_ORDER"),
        ({"variables": {"PYTHONPATH": "s3cr3t"}}, "the variable PYTHONPATH shows the lakeFS secret key"),
        ({"mounts": ["/run/keys"]}, "mounted at /run/keys"),
        ({"commands": ["python -m perago.agent", "python -m perago.taskside"]}, "processes"),
        ({"commands": []}, "processes"),
        ({"files": {}}, "the workspace holds"),
        ({"files": seen()["files"] | {f"{WORKSPACE}/more": ""}}, "the workspace holds"),
        ({"files": seen()["files"] | {"/tmp/a": "at lakefs.dev.svc:8000"}}, "/tmp/a shows the address lakefs.dev.svc"),
        ({"files": seen()["files"] | {"/run/perago/token": TOKEN}}, "/run/perago/token shows a token"),
    ],
)
def test_anything_else_is_named(env: Environment, more: Object, words: str) -> None:
    """A variable, a mount, a process, a file, an address, a key or a token too much; or a file too few."""
    with pytest.raises(CheckFailed, match=words):
        check(env, **more)


@pytest.mark.parametrize("text", ["AKIA1", "x s3cr3t x", "Basic QUtJQTE6czNjcjN0", f"Bearer {TOKEN}"])
def test_a_key_in_a_log_is_named_with_its_place(env: Environment, text: str) -> None:
    """Plain, as a header, or as a token; the message does not repeat it."""
    with pytest.raises(CheckFailed, match=r"the log a\.log shows") as failed:
        secrecy.absent({"the log b.log": "nothing", "the log a.log": text}, secrecy.keys(env))
    assert text not in str(failed.value)


def test_a_log_may_name_our_servers(env: Environment) -> None:
    """An operator's log says whom it could not reach."""
    secrecy.absent({"the log": "http://lakefs.dev.svc:8000 does not answer"}, secrecy.keys(env))


def test_the_probe_needs_nothing_but_python() -> None:
    """It is piped into a container that has its own packages, or none."""
    source = ast.parse(Path(inside.__file__).read_text())
    plain = {alias.name for node in ast.walk(source) if isinstance(node, ast.Import) for alias in node.names}
    parts = {str(node.module) for node in ast.walk(source) if isinstance(node, ast.ImportFrom)}
    assert plain | parts <= sys.stdlib_module_names


def probed(expression: str, *arguments: str, **variables: str) -> Any:
    """The value of an expression over `inside`, in a process of its own."""
    head = f"import pathlib, sys; sys.path.insert(0, {str(Path(inside.__file__).parent)!r}); import inside; "
    command = [sys.executable, "-c", f"{head}print({expression})", *arguments]
    return ast.literal_eval(subprocess.run(command, env=variables, capture_output=True, text=True, check=True).stdout)


def test_the_probe_sees_other_processes_and_not_itself() -> None:
    """By their command lines; a process that has ended meanwhile is left out."""
    with subprocess.Popen(["sleep", "600.25"]) as process:
        found = probed("inside.commands()", "the-probe-itself")
        process.kill()
    assert "sleep 600.25" in found
    assert not any("the-probe-itself" in line for line in found)
    assert inside.command(Path(f"/proc/{process.pid}")) is None


def test_the_probe_sees_the_environment_of_a_process() -> None:
    """As it was when the process started; a value may hold an equals sign."""
    assert probed("inside.variables(pathlib.Path('/proc/self'))", A="b=c")["A"] == "b=c"


def test_the_probe_leaves_out_what_every_container_has() -> None:
    """The image's root, devices and the kernel's file systems."""
    assert not any(point == "/" or point.startswith(("/proc", "/sys")) for point in inside.mount_points())


def test_files_at_a_mount_are_read(tmp_path: Path) -> None:
    """A folder with all below it, or a single file; a link counts as what it leads to."""
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "file").write_text("text")
    (tmp_path / "link").symlink_to("below/file")
    found = inside.files(str(tmp_path))
    assert found == {f"{tmp_path}/below/file": "text", f"{tmp_path}/link": "text"}
    assert inside.files(f"{tmp_path}/link") == {f"{tmp_path}/link": "text"}
