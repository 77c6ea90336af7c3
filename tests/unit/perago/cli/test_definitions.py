"""The comparison of a definition with what Conductor has stored."""

from typing import Any

import pytest

from perago.cli.definitions import difference, simple_tasks

FILLED_IN = {
    "createTime": 1795695634799,
    "updateTime": 0,
    "createdBy": "",
    "inputKeys": [],
    "inputTemplate": {},
    "rateLimitPerFrequency": 0,
    "rateLimitFrequencyInSeconds": 1,
    "backoffScaleFactor": 1,
    "taskStatusListenerEnabled": True,
    "enforceSchema": False,
}
"""What Conductor 3.32 adds to a task's definition."""
TASK = {"name": "t", "retryCount": 2, "inputSchema": {"name": "t.input", "data": {"default": 0}}}


def test_what_conductor_fills_in_is_no_difference() -> None:
    """Neither time stamps nor defaults."""
    assert difference({**TASK, **FILLED_IN}, TASK, "t") == []


@pytest.mark.parametrize(
    "more",
    [
        {"concurrentExecLimit": 5},
        {"enforceSchema": 2},
        {"inputTemplate": {"a": 1}},
        {"taskStatusListenerEnabled": False},
    ],
)
def test_what_somebody_has_set_in_conductor_is_a_difference(more: dict[str, Any]) -> None:
    """Registering would take it away."""
    (key,) = more
    assert any(line.startswith(f'-  "{key}"') for line in difference({**TASK, **FILLED_IN, **more}, TASK, "t"))


def test_the_authors_own_values_are_compared_exactly() -> None:
    """Within schemas and inputs nothing counts as filled in, and 1 is not 1.0."""
    stored = {**TASK, "inputSchema": {"name": "t.input", "version": 1, "data": {"default": 0, "minimum": 0}}}
    assert '-      "minimum": 0' in difference(stored, TASK, "t")
    step = {"taskReferenceName": "r", "inputParameters": {"factor": 1.0}}
    as_int = {"taskReferenceName": "r", "inputParameters": {"factor": 1}, "startDelay": 0, "type": "SIMPLE"}
    lines = difference({"tasks": [as_int]}, {"tasks": [step]}, "w")
    assert [line for line in lines if "factor" in line] == ['-        "factor": 1', '+        "factor": 1.0']


def test_lists_of_other_lengths_are_a_difference() -> None:
    """A task that was added or taken away."""
    one, two = {"taskReferenceName": "one"}, {"taskReferenceName": "two"}
    assert difference({"tasks": [one]}, {"tasks": [one, two]}, "w") != []
    assert difference({"tasks": [one, two]}, {"tasks": [one]}, "w") != []


def test_a_new_definition_is_all_of_it() -> None:
    """Where nothing is stored."""
    assert [line for line in difference(None, {"name": "t"}, "t") if line.startswith("+ ")] == ['+  "name": "t"']


def test_tasks_of_workers_are_found_at_any_depth() -> None:
    """In forks, cases and loops, each name once; what Conductor does itself is left out."""

    def step(name: str, **more: Any) -> dict[str, Any]:
        return {"name": name, "taskReferenceName": f"{name}_ref", **more}

    nested = step("switch", type="SWITCH", decisionCases={"a": [step("b")]}, defaultCase=[step("c")])
    loop = step("loop", type="DO_WHILE", loopOver=[step("d", type="SIMPLE"), step("b")])
    fork = step("fork", type="FORK_JOIN", forkTasks=[[nested], [loop]])
    workflow = {"name": "w", "tasks": [step("a"), fork, step("h", type="HTTP")]}
    assert simple_tasks(workflow) == ["a", "c", "b", "d"]
