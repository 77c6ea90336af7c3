"""The waterfall of an attempt's life: what logs, runtime and watches say becomes a table."""

import json

import pytest

from bench.waterfall import STEPS, medians, of_agent, of_operator, of_runtime, offsets, seconds_of, table, waits

AGENT = """\
2026-01-01T00:00:01.000000001Z 2026-01-01 00:00:01.000 | INFO | perago.agent.run: serving ns/a execution 1
2026-01-01T00:00:01.250000000Z 2026-01-01 00:00:01.250 | INFO | perago.agent.session: the task calls 'hello'
2026-01-01T00:00:01.500000000Z 2026-01-01 00:00:01.500 | INFO | perago.agent.session: the task calls 'download'
2026-01-01T00:00:02.000000000Z 2026-01-01 00:00:02.000 | INFO | perago.agent.session: the task calls 'publish'
2026-01-01T00:00:03.000000000Z 2026-01-01 00:00:03.000 | INFO | perago.agent.ending: recorded COMPLETED (Completed)
no line of a log with timestamps
"""
OPERATOR = """\
2026-01-01T00:00:00.010000000Z DEBUG perago_operator.reconcile.loop: attempt ns/a: pod_can_start: ['CreatePod']
2026-01-01T00:00:00.020000000Z DEBUG perago_operator.reconcile.loop: attempt ns/b: outcome_is_known: ['Report']
2026-01-01T00:00:03.125000000Z DEBUG perago_operator.reconcile.loop: attempt ns/a: outcome_is_known: ['Report']
"""
BEGIN = seconds_of("2026-01-01T00:00:00Z")


def since(stamps: dict[str, float]) -> dict[str, float]:
    """Seconds since the begin of the year."""
    return {key: round(at - BEGIN, 3) for key, at in stamps.items()}


def test_an_agents_log_and_timings_tell_its_steps() -> None:
    """The end of a step is its call and the time that the status says that it took."""
    told = of_agent(AGENT, {"downloading": 0.25, "publishing": 0.5, "waitingForTurn": 0.125, "staging": 9.0})
    assert since(told) == {
        "serves": 1.0,
        "hello": 1.25,
        "download": 1.5,
        "downloaded": 1.75,
        "publish": 2.0,
        "turn": 2.125,
        "published": 2.5,
        "recorded": 3.0,
    }


def test_the_operators_log_tells_when_it_saw_and_reported_an_attempt() -> None:
    """Lines about others are left out."""
    assert since(of_operator(OPERATOR, "ns/a")) == {"seen": 0.01, "reported": 3.125}
    assert of_operator(OPERATOR, "ns/c") == {}


def test_the_runtime_tells_of_sandbox_and_containers() -> None:
    """A process that has ended meanwhile has no start."""
    times = {"sandbox": 1, "agent": 2, "task": 3}
    infos = "".join(json.dumps({"ID": name, "CreatedAt": f"2026-01-01T00:00:0{at}Z"}) for name, at in times.items())
    now = BEGIN + 10
    told = of_runtime(infos, f"agent {now} 100.0 9250\ntask {now} 100.0")
    assert since(told) == {"sandbox": 1.0, "first_created": 2.0, "first_started": 2.5}


def test_a_step_waits_for_the_latest_of_what_it_comes_after() -> None:
    """The task's hello needs both containers; what was not seen counts for nothing."""
    life = {"created": 1.0, "second_started": 2.0, "serves": 2.5, "hello": 2.75, "result": 9.0}
    assert waits(life) == {"hello": pytest.approx(250.0)}
    assert offsets(life)["hello"] == pytest.approx(1750.0)


def test_a_table_has_a_row_for_each_step_that_was_seen() -> None:
    """Medians, kind by kind; an empty cell for a step that a kind has not."""
    attempts = [{"created": 0.0, "seen": seen, "pod": 0.1} for seen in (0.01, 0.02, 0.09)]
    told = table({"attempt": attempts, "Job": [{"created": 0.0, "pod": 0.5}]}).splitlines()
    assert told == [
        "| what has happened | attempt: at, ms | took | Job: at, ms | took |",
        "|---|--:|--:|--:|--:|",
        "| the object is sent to the API server | 0 |  | 0 |  |",
        "| the operator's watch has shown it | 20 | 20 |  |  |",
        "| its pod is in the API server | 100 | 80 | 500 | 500 |",
    ]
    assert medians([{"a": 1.0}, {"a": 3.0, "b": 1.0}]) == {"a": 2.0, "b": 1.0}


def test_each_step_comes_after_steps_above_it() -> None:
    """The table reads from top to bottom."""
    keys = [step.key for step in STEPS]
    assert all(keys.index(before) < keys.index(step.key) for step in STEPS for before in step.after)
