"""The scenarios: what happens in a course of events beside the faults. One row of the table each.

A script (`happenings`) says what people and servers do, and when; a body (`bodies`) what the pods do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.crash import bodies
from tests.crash.bodies import always, as_it_is, by_attempt, fails_except, first_then
from tests.crash.happenings import (
    API,
    api_server_away,
    away,
    by_hand,
    canceled,
    clocks_jump,
    clocks_step,
    conflicts,
    deadline,
    deleted,
    expires,
    handed_over,
    long_workflow,
    name_taken,
    name_taken_and_canceled,
    not_found_by_a_proxy,
    one_at_a_time,
    quota,
    rerun,
    rerun_at_once,
    restarted,
    restarted_while_it_runs,
    runs_alone,
    runs_without_retries,
    superseded,
    task_deleted,
    terminated,
    two_leaders,
    two_tasks,
    unauthorized,
)
from tests.crash.pods import Chooser
from tests.crash.world import Script


@dataclass(frozen=True)
class Scenario:
    """What happens by itself, what the pods do, and the operator's settings where they matter."""

    name: str
    script: Script
    body: Chooser = always(bodies.publishes)  # noqa: RUF009 -- a function
    settings: Mapping[str, Any] = field(default_factory=dict)


_KILLED = {"exitCode": 137, "reason": "OOMKilled"}
_EVICTED = {"reason": "Evicted", "message": "The node was low on resource: memory."}
_STOPPED = {"exitCode": 143, "reason": "Error"}
_NO_IMAGE = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "app:1"'}
_NO_NODE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}
_LONG = bodies.takes(25)
_TERMINAL = "FAILED_WITH_TERMINAL_ERROR"

_FAILS_FOR_GOOD = bodies.says_that_it_failed("TaskTerminalError", _TERMINAL)

SCENARIOS = (
    # how attempts end by themselves
    Scenario("success", runs_alone),
    Scenario("no-op", runs_alone, always(bodies.changes_nothing)),
    Scenario("read-only", runs_alone, always(bodies.only_reads)),
    Scenario("by hand", by_hand),
    Scenario("time to live", expires, settings={"ttl_seconds": 5}),
    Scenario("failure", runs_alone, first_then(bodies.says_that_it_failed("TaskExecutionError"))),
    Scenario("terminal failure", runs_alone, always(_FAILS_FOR_GOOD)),
    Scenario("exit", runs_alone, first_then(bodies.ends_without_a_word(task={"exitCode": 3, "reason": "Error"}))),
    Scenario("out of memory", runs_alone, first_then(bodies.ends_without_a_word(task=_KILLED))),
    Scenario("image missing", runs_alone, as_it_is(bodies.is_held_up(_NO_IMAGE)), {"retried_patience_seconds": 10}),
    Scenario("unschedulable", runs_alone, as_it_is(bodies.is_held_up(conditions=[_NO_NODE])),
             {"unschedulable_patience_seconds": 20}),
    Scenario("deadline", deadline, always(bodies.never_ends)),
    Scenario("long task", runs_alone, always(bodies.takes(80))),
    Scenario("long workflow", long_workflow, always(_LONG)),
    # disruptions
    Scenario("agent killed", runs_alone, first_then(bodies.ends_without_a_word(_STOPPED, _KILLED))),
    Scenario("task killed after publication", runs_without_retries,
             first_then(bodies.dies_after_publication(_KILLED, _STOPPED))),
    Scenario("agent killed after publication", runs_alone,
             first_then(bodies.dies_after_publication(_STOPPED, _KILLED))),
    Scenario("eviction", runs_alone, first_then(bodies.ends_without_a_word(_STOPPED, _STOPPED, **_EVICTED))),
    Scenario("node lost", runs_alone, as_it_is(bodies.on_a_lost_node)),
    Scenario("agent gives up", runs_without_retries, first_then(bodies.gives_up)),
    Scenario("agent gives up after publication", runs_without_retries, first_then(bodies.gives_up_after_publication)),
    # stopped from every side
    Scenario("cancel", canceled, first_then(bodies.never_ends)),
    Scenario("deletion", deleted, first_then(bodies.never_ends)),
    Scenario("workflow terminated", terminated, first_then(bodies.never_ends)),
    Scenario("result that nobody waits for", terminated, always(bodies.takes(10))),
    Scenario("supersession", superseded, first_then(_LONG)),
    Scenario("workflow restarted", restarted, by_attempt(t1=_FAILS_FOR_GOOD)),
    Scenario("workflow restarted after retries", restarted, fails_except("t2")),
    Scenario("workflow restarted while it runs", restarted_while_it_runs, by_attempt(t1=_LONG)),
    Scenario("task rerun", rerun, always(_FAILS_FOR_GOOD)),
    Scenario("task rerun at once", rerun_at_once, always(_FAILS_FOR_GOOD)),
    # servers away
    Scenario("Conductor away", away("conductor", seconds=25), always(bodies.changes_nothing)),
    Scenario("Conductor hangs", away("conductor", seconds=35, how=None), always(bodies.changes_nothing)),
    Scenario("proxy answers for Conductor", away("conductor", seconds=12, how=not_found_by_a_proxy),
             always(bodies.changes_nothing)),
    Scenario("lakeFS away", away("lakefs", seconds=25, published=True),
             first_then(bodies.dies_after_publication(_STOPPED, _KILLED))),
    Scenario("lakeFS hangs", away("lakefs", seconds=35, how=None, published=True)),
    Scenario("API server away", away(*API, seconds=7)),
    Scenario("API server away for long", api_server_away, by_attempt(t2=bodies.changes_nothing)),
    Scenario("API server hangs", away(*API, seconds=20, how=None)),
    Scenario("Secrets rotated", away("conductor", "lakefs", seconds=12, how=unauthorized),
             always(bodies.changes_nothing)),
    Scenario("quota", quota),
    Scenario("conflicts", conflicts),
    # replicas
    Scenario("leadership lost", away("lease", seconds=14), always(_LONG)),
    Scenario("two leaders", two_leaders, always(_LONG)),
    Scenario("handed over", handed_over),
    Scenario("clock set back", clocks_step, always(_LONG)),
    Scenario("clock set forward", clocks_jump),
    # who else is there
    Scenario("name taken", name_taken),
    Scenario("name taken, and deleted", name_taken_and_canceled),
    Scenario("two tasks", two_tasks),
    Scenario("one at a time", one_at_a_time, by_attempt(t2=bodies.changes_nothing)),
    Scenario("PeragoTask deleted", task_deleted),
)  # fmt: skip
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
