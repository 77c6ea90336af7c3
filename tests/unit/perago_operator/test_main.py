"""The process's end, as its supervisor sees it."""

import subprocess
import sys
from functools import cache

import pytest

from perago_operator.__main__ import main

DEEP = """
import contextlib, ctypes, json, runpy, sys
from perago_operator.watch.stores import Stores

with contextlib.suppress(SystemExit):
    runpy.run_module("perago_operator", run_name="__main__")
listed = '{"spec": {"taskRef": {"name": "t"}, "input": %s}, "metadata": {"name": "%s"}}'
stores = Stores(lambda key: None)
objects, lists = '{"a":' * 9990 + "1" + "}" * 9990, '{"a":' + "[" * 9980 + "]" * 9980 + "}"
for name, value in ("objects", objects), ("lists", lists), ("plain", "{}"):
    stores.attempts.put(json.loads(listed % (value, name)))
print([attempt.metadata.name for attempt in stores.attempts if attempt.problem])
print(*sys.modules)
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))  # PR_GET_DUMPABLE
"""


def test_bad_settings_are_named_and_end_the_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 2, before anything is connected to."""
    monkeypatch.delenv("PERAGO_RUNNER_IMAGE", raising=False)
    assert main() == 2
    assert "PERAGO_RUNNER_IMAGE is not set" in capsys.readouterr().err


def test_a_cluster_without_access_is_named_and_ends_the_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 2, and what to do."""
    monkeypatch.setenv("PERAGO_RUNNER_IMAGE", "runner:1")
    monkeypatch.setenv("KUBECONFIG", "/nowhere/kubeconfig")
    assert main() == 2
    assert "set KUBECONFIG or run in a pod" in capsys.readouterr().err


@cache
def started() -> "subprocess.CompletedProcess[str]":
    """A process that has read objects as deep as the API server takes, and says so and which modules it has loaded."""
    return subprocess.run([sys.executable, "-c", DEEP], capture_output=True, text=True, timeout=300)


def test_the_start_loads_no_module_that_is_not_needed() -> None:
    """Most of its memory is modules: kopf loads the models of `kubernetes`, and nothing loads its second client."""
    modules = started().stdout.splitlines()[1].split()
    packages = {module.partition(".")[0] for module in modules}
    assert packages.isdisjoint({"conductor", "lakefs", "httpx", "numpy", "pandas", "pytest", "perago_dev"})
    assert {"kubernetes.aio", "perago.agent", "perago.taskside", "perago.cli"}.isdisjoint(modules)
    assert len(modules) < 2100


def test_no_dump_of_the_operator_is_written() -> None:
    """It has keys in its memory; nor can another process of its user read that."""
    assert started().stdout.splitlines()[2] == "0"


def test_an_object_as_deep_as_the_api_server_takes_hides_no_other() -> None:
    """It is read with the list that it is in, as far as it can be, and says that it is too deep."""
    ended = started()
    assert (ended.stdout.partition("\n")[0], ended.returncode) == ("['objects', 'lists']", 0), ended.stderr[-2000:]
