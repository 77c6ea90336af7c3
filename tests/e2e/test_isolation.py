"""Agent and task are one user, so what keeps them apart is tried from inside a pod."""

from typing import Any

import pytest

from tests.e2e.flow import Flow

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def seen(flow: Flow) -> dict[str, Any]:
    """What an intruder in the task container reports."""
    workflow = flow.start(flow.serve("intruder"), None)
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
    """Workspace and socket are shared, the rest is the task's alone; keys, token and the agent's /tmp are not there."""
    assert [place for place in seen["mounts"] if "secret" in place or "token" in place] == []
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
        ("the node's devices", {"No such file or directory"}),
    ],
)
def test_what_an_intruder_tries_is_refused(seen: dict[str, Any], act: str, errors: set[str]) -> None:
    """By the kernel; a kernel older than 6.5 has no descriptor of a socket's peer to begin with."""
    assert seen["tries"][act] in errors
