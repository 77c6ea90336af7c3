"""Agent and task are one user, so what keeps them apart is tried from inside a pod."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.flow import Flow
from tests.e2e.installation import Installation
from tests.e2e.repository import SMALL, Repository
from tests.kubectl import Object

pytestmark = pytest.mark.cluster

HOST = "kubernetes.io/hostname"


@pytest.fixture(scope="module")
def looked_into(installation: Installation) -> Iterator[Repository]:
    """The repository whose files the intruder has in its workspace."""
    made = installation.repository(f"e2e-{uuid4().hex[:12]}")
    yield made
    made.delete()


@pytest.fixture(scope="module")
def on_one_node(flow: Flow) -> Object:
    """A pod template for attempts that are to share a node's cache."""
    nodes = flow.cluster.json("get", "nodes")["items"]
    labels = next(node["metadata"]["labels"] for node in nodes if not node["spec"].get("taints"))
    return {"spec": {"nodeSelector": {HOST: labels[HOST]}}}


@pytest.fixture(scope="module")
def seen(flow: Flow, looked_into: Repository, on_one_node: Object) -> dict[str, Any]:
    """What an intruder in the task container reports; its agent has keys of both servers, and the node cache."""
    workflow = flow.start(flow.serve("intruder", podTemplate=on_one_node), looked_into)
    (status,) = flow.outcomes(workflow)
    assert status["phase"] == "Succeeded", status
    result: dict[str, Any] = status["outcome"]["output"]["result"]
    return result


def test_the_agents_processes_are_not_seen(seen: dict[str, Any]) -> None:
    """The task's own process is the only one in its namespace."""
    assert seen["user"] == [65532, 65532]
    assert seen["processes"] == ["python -m perago.taskside"]


def test_no_key_and_no_token_can_be_found(seen: dict[str, Any]) -> None:
    """Neither as a file nor in the environment."""
    assert (seen["key_files"], seen["variables"]) == ([], [])


def test_only_the_tasks_own_volumes_are_mounted(seen: dict[str, Any]) -> None:
    """Workspace and socket are shared, the rest is the task's alone; all of the agent's are not there."""
    assert [place for place in seen["mounts"] if any(word in place for word in ("secret", "token", "cache"))] == []
    assert {"/workspace", "/run/perago", "/tmp"} <= set(seen["mounts"])


@pytest.mark.parametrize(
    ("act", "errors"),
    [
        ("signal the agent", {"Invalid argument", "Operation not permitted", "Protocol not available"}),
        ("take a descriptor of the agent's", {"Operation not permitted", "Protocol not available"}),
        ("read another process's memory", {"Operation not permitted", "No such process"}),
        ("connect a second time", {"No such file or directory"}),
        ("shared memory", {"No such file or directory"}),
        ("a namespace of users", {"Operation not permitted"}),
        ("mount", {"Operation not permitted"}),
        ("write the image", {"Read-only file system"}),
        ("the node cache", {"No such file or directory"}),
        ("the node cache through init", {"No such file or directory"}),
        ("the node's devices", {"No such file or directory"}),
    ],
)
def test_what_an_intruder_tries_is_refused(seen: dict[str, Any], act: str, errors: set[str]) -> None:
    """By the kernel; a kernel older than 6.5 has no descriptor of a socket's peer to begin with."""
    assert seen["tries"][act] in errors


def test_the_node_cache_has_what_the_intruder_did_not_find(
    flow: Flow, looked_into: Repository, on_one_node: Object, seen: dict[str, Any]
) -> None:
    """Its agent kept the workspace's objects, and the next attempt on the node takes all of them from the cache."""
    name, kept = f"cached-{looked_into.name}", {"keepFailedPodsSeconds": 600}
    given = {"workspace": looked_into.workspace(), "params": {}}
    flow.cluster.apply([flow.attempt(name, "terminal", given, podTemplate=on_one_node, **kept)])
    flow.cluster.attempt(name, lambda status: status.get("phase") == "Failed")
    log = flow.cluster("logs", f"--selector=perago.dev/attempt={name}", "--container=agent", "--tail=-1", "--follow")
    flow.cluster.delete("peragoattempt", name)
    size = sum(map(len, SMALL.values()))
    assert f"node cache: {len(SMALL)} objects ({size} bytes) found, 0 objects (0 bytes) added" in log
    assert len(seen["copies"]) == len(SMALL)
    assert all(copy.startswith("/workspace/") for copy in seen["copies"])
