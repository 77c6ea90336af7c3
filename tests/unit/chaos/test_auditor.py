"""The auditor finds each kind of violation in a history that has it, and nothing in a sound one."""

import ast
import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import auditor
from tests.chaos.auditor.evidence import Commit, Evidence, Expected, Repository, Sighting, Task, Workflow
from tests.chaos.auditor.judging import CHECKS, Violation, violations
from tests.chaos.auditor.witness import Book, gap
from tests.chaos.auditor.witness import seen as written

Object = dict[str, Any]
NOW = 1_800_000_000.0
DONE = "2027-01-15T07:59:00Z"
"""A minute before NOW."""
INPUT = {"repository": "r", "branch": "w1", "refType": "commit", "ref": "a"}
RESULT = {"text": "one"}


def task(id_: str = "t1", retry: int = 0, status: str = "COMPLETED", **changes: Any) -> Task:
    """A try of the task `step1`, which publishes commit `b`."""
    output = {"workspace": {**INPUT, "ref": "b"}, "result": RESULT} if status == "COMPLETED" else {}
    made = Task(id_, "wf", "writes", "step1", retry, status, given={"workspace": INPUT}, output=output)
    return replace(made, **changes)


def commit(id_: str = "b", parent: str = "a", task_id: str = "t1", logical: str = "wf/step1") -> Commit:
    """The publication of a try."""
    keys = {"task-id": task_id, "logical-task": logical, "input-ref": parent, "output": json.dumps({"result": RESULT})}
    return Commit(id_, (parent,), {f"perago.{key}": value for key, value in keys.items()})


def attempt(task_id: str = "t1", **status: Any) -> Object:
    """An attempt that is over, and whose result was accepted."""
    complete = {"type": "Complete", "status": "True", "lastTransitionTime": DONE}
    outcome = {"status": "COMPLETED", "output": {"result": RESULT}}
    given = {"outcome": outcome, "reporting": {"state": "Accepted"}, "conditions": [complete], "phase": "Succeeded"}
    return {
        "kind": "PeragoAttempt",
        "metadata": {"name": task_id, "uid": f"uid-{task_id}"},
        "spec": {"conductor": {"taskId": task_id, "taskType": "writes"}},
        "status": {**given, **status},
    }


def pod(name: str, phase: str) -> Object:
    """A pod of the one logical task."""
    labels = {"perago.dev/logical-task": "wf-step1", "perago.dev/attempt": name.rpartition("-")[0]}
    metadata = {"name": name, "uid": f"uid-{name}", "labels": labels}
    return {"kind": "Pod", "metadata": metadata, "status": {"phase": phase}}


START = Commit("a", (), {})
SIGHTINGS = (
    Sighting("ADDED", attempt(outcome=None, reporting={})),
    Sighting("ADDED", pod("t1-1", "Pending")),
    Sighting("MODIFIED", pod("t1-1", "Running")),
    Sighting("DELETED", pod("t1-1", "Running")),
    Sighting("ADDED", pod("t1-2", "Running")),
    Sighting("MODIFIED", attempt(reporting={"state": "Pending"})),
    Sighting("ADDED", pod("t2-1", "Running")),
    Sighting("MODIFIED", pod("t1-2", "Succeeded")),
    Sighting("MODIFIED", pod("t2-1", "Succeeded")),
    Sighting("DELETED", pod("t2-1", "Succeeded")),
    Sighting("MODIFIED", attempt()),
)
EXPECTED = Expected({"chain": "COMPLETED"}, {"wf": "chain"}, frozenset({"perago-operator"}), {}, {"writes": "f"})
SOUND = Evidence(
    expected=EXPECTED,
    workflows=(Workflow("wf", "chain", "COMPLETED", (task("t0", status="TIMED_OUT"), task(retry=1))),),
    repositories=(Repository("r", {"main": (START,), "w1": (commit(), START), "unused": (START,)}),),
    attempts=(attempt(),),
    pods=(),
    leases=("perago-operator",),
    now=NOW,
    sightings=SIGHTINGS,
    contents={("b", "f"): "one"},
)


def test_a_sound_history_is_passed() -> None:
    """A try that timed out, a pod that was replaced, and a retry whose pod starts after the outcome are in order."""
    assert violations(SOUND) == []


def histories(*commits: Commit, **branches: tuple[Commit, ...]) -> tuple[Repository, ...]:
    """The repository with these commits on the workflow's branch, and other branches."""
    return (Repository("r", {"main": (START,), "w1": (*commits, START), **branches}),)


def flows(*tasks: Task, status: str = "COMPLETED") -> tuple[Workflow, ...]:
    """The one workflow with these tries."""
    return (Workflow("wf", "chain", status, tasks),)


def seen(*more: Sighting) -> tuple[Sighting, ...]:
    """The sound history with more at its end."""
    return (*SIGHTINGS, *more)


def expecting(**changes: Any) -> Expected:
    """Other expectations."""
    return replace(EXPECTED, **changes)


CHANGED_OUTCOME = attempt(outcome={"status": "FAILED"})
OTHER_RESULT = task(output={**task().output, "result": {"text": "two"}})
STILL_A = replace(commit(), parents=("x",))
STAGING = {"perago-staging-wf-exec-1": (commit("c", "b"), START)}
FOREIGN_BRANCH = {"leftover": (commit("c", "b"), START)}

BROKEN: dict[str, tuple[str, str, Object]] = {
    "a workflow that Conductor does not know": ("lost", "does not know it", {"workflows": ()}),
    "a workflow that does not end": (
        "lost",
        "is RUNNING, not COMPLETED",
        {"workflows": flows(task(), status="RUNNING")},
    ),
    "a workflow that fails although it has to complete": (
        "lost",
        "is FAILED, not COMPLETED",
        {"workflows": flows(task(status="FAILED"), status="FAILED"), "repositories": histories()},
    ),
    "a workflow that completes although it has to fail": (
        "lost",
        "is COMPLETED, not FAILED",
        {"expected": expecting(ends={"chain": "FAILED"})},
    ),
    "a task that is left open": (
        "lost",
        "is still IN_PROGRESS",
        {"workflows": flows(task(), task("t9", status="IN_PROGRESS", reference="step2"))},
    ),
    "a completed workflow whose task has failed": (
        "lost",
        "is COMPLETED, and not all of its tasks are",
        {"workflows": flows(task(), task("t9", status="FAILED", reference="step2"))},
    ),
    "a completed workflow without a task": (
        "lost",
        "is COMPLETED, and not all of its tasks are",
        {"workflows": flows(), "repositories": histories()},
    ),
    "a failed workflow whose tasks are completed": (
        "lost",
        "none of its tasks has failed",
        {"workflows": flows(task(), status="FAILED")},
    ),
    "two tries that are completed": (
        "doubled",
        "was completed by 2",
        {"workflows": flows(task("t0", output={}), task(retry=1))},
    ),
    "a publication that is not on its branch": ("lost", "which is not on its branch", {"repositories": histories()}),
    "a publication on another commit": ("lost", "not on a", {"repositories": histories(STILL_A)}),
    "a publication that another task has made": (
        "lost",
        "which is that of t7",
        {"repositories": histories(commit(task_id="t7"))},
    ),
    "a result that is not the one of the commit": (
        "lost",
        "its commit {'text': 'one'}",
        {"workflows": flows(OTHER_RESULT)},
    ),
    "a file that is not what the result says": ("lost", "holds 'old'", {"contents": {("b", "f"): "old"}}),
    "a file that is missing": ("lost", "holds None", {"contents": {}}),
    "a publication without a result": (
        "lost",
        "no completed task reports it",
        {"repositories": histories(commit("c", "b", "t8", "wf/step2"), commit())},
    ),
    "two publications of one logical task": (
        "doubled",
        "holds 2 publications of wf/step1",
        {"repositories": histories(commit("c", "b"), commit())},
    ),
    "an accepted outcome that Conductor does not have": (
        "lost",
        "its attempt was accepted as FAILED",
        {"attempts": (CHANGED_OUTCOME,)},
    ),
    "an accepted output that Conductor does not have": (
        "lost",
        "its attempt was accepted with",
        {"attempts": (attempt(outcome={"status": "COMPLETED", "output": {"result": {"text": "two"}}}),)},
    ),
    "a completed task whose attempt was not told": (
        "lost",
        "no attempt was told",
        {"attempts": (attempt(reporting={"state": "Superseded"}),)},
    ),
    "an outcome that changes": (
        "doubled",
        "the outcome of attempt t1 was",
        {"sightings": seen(Sighting("MODIFIED", CHANGED_OUTCOME))},
    ),
    "an acceptance that is taken back": (
        "doubled",
        "was Accepted, and became Pending",
        {"sightings": seen(Sighting("MODIFIED", attempt(reporting={"state": "Pending"})))},
    ),
    "two pods of one logical task": (
        "doubled",
        "pod t3-1 was made while t2-1 could still run",
        {"sightings": seen(Sighting("ADDED", pod("t2-1", "Running")), Sighting("ADDED", pod("t3-1", "Pending")))},
    ),
    "a pod of an attempt that has ended": (
        "doubled",
        "pod t1-3 was made although attempt t1 had an outcome",
        {"sightings": seen(Sighting("ADDED", pod("t1-3", "Pending")))},
    ),
    "a pod that is left": ("leaked", "pod t1-1 is still there", {"pods": (pod("t1-1", "Running"),)}),
    "an attempt that is not complete": (
        "leaked",
        "attempt t1 is not complete",
        {"attempts": (attempt(conditions=[]),)},
    ),
    "a finalizer that is left": (
        "leaked",
        "still has a finalizer",
        {"attempts": (attempt() | {"metadata": {"name": "t1", "uid": "uid-t1", "finalizers": ["x"]}},)},
    ),
    "an attempt past its time to live": (
        "leaked",
        "its time to live is over",
        {"expected": expecting(ttls={"writes": 30}), "now": NOW + 40},
    ),
    "a staging branch that is left": (
        "leaked",
        "branch perago-staging-wf-exec-1 is left in r",
        {"repositories": histories(commit(), **STAGING)},
    ),
    "another branch that is left": (
        "leaked",
        "branch leftover is left in r",
        {"repositories": histories(commit(), **FOREIGN_BRANCH)},
    ),
    "a Lease that is left": ("leaked", "Lease turn-w1 is left", {"leases": ("perago-operator", "turn-w1")}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_history_is_found(name: str) -> None:
    """The violation is called by its kind, and says what it is."""
    kind, words, changes = BROKEN[name]
    found = violations(replace(SOUND, **changes))
    assert any(one.kind == kind and words in one.what for one in found), found


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: str(check.__name__))
def test_no_check_is_idle(check: Callable[[Evidence], Any]) -> None:
    """Each check finds something in one of the broken histories."""
    broken = [replace(SOUND, **copy.deepcopy(changes)) for _, _, changes in BROKEN.values()]
    assert any(list(check(evidence)) for evidence in broken)


def witnessed(folder: Path, *more: tuple[int, str, Object]) -> list[Violation]:
    """What is wrong with the sound history and more, with its versions, as a witness writes it down."""
    with (folder / "book").open("w") as file:
        book = Book(file)
        sound = ((version, one.change, one.obj) for version, one in enumerate(SIGHTINGS, start=1))
        for version, change, obj in (*sound, *more):
            book.write(change, {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(version)}})
    return violations(replace(SOUND, sightings=written(folder / "book")))


MISSED = (30, "GAP", gap("Pod", "30"))
OTHER_POD = (20, "ADDED", pod("t2-1", "Running"))
THIRD_POD = (40, "ADDED", pod("t3-1", "Pending"))


def test_what_was_alive_before_a_gap_may_be_gone(tmp_path: Path) -> None:
    """A pod whose end the witness may have missed is not called a second one."""
    assert witnessed(tmp_path, OTHER_POD, MISSED, THIRD_POD) == []


def test_what_is_listed_after_a_gap_is_alive_still(tmp_path: Path) -> None:
    """Its version is older than the gap. States of attempts may be missing as well: a pod does not go with them."""
    listed, of_attempts = (20, "LISTED", pod("t2-1", "Running")), (31, "GAP", gap("PeragoAttempt", "31"))
    (wrong,) = witnessed(tmp_path, OTHER_POD, MISSED, listed, of_attempts, THIRD_POD)
    assert wrong == Violation("doubled", "pod t3-1 was made while t2-1 could still run")


def test_an_attempt_that_is_listed_after_a_gap_has_said_so_since_it_changed(tmp_path: Path) -> None:
    """Its outcome was there before the next pod, although the witness learned of it later."""
    missed, listed = (30, "GAP", gap("PeragoAttempt", "30")), (22, "LISTED", attempt("t2"))
    assert witnessed(tmp_path, OTHER_POD, (25, "ADDED", pod("t3-1", "Pending")), missed, listed) == []


def test_a_pod_that_is_listed_again_was_not_made_then(tmp_path: Path) -> None:
    """After a gap everything is listed once more, also the pod of an attempt that has an outcome by now."""
    listed = (5, "LISTED", pod("t1-2", "Running"))
    assert witnessed(tmp_path, MISSED, listed, (40, "MODIFIED", pod("t1-2", "Succeeded"))) == []


def test_an_attempt_within_its_time_to_live_may_stay() -> None:
    """It is deleted some time after its time is over, and no violation before."""
    assert violations(replace(SOUND, expected=expecting(ttls={"writes": 30}))) == []


def test_the_auditor_shares_no_code_with_what_it_judges() -> None:
    """It imports neither the operator nor the runner, nor anything of the tests beside itself."""
    for file in Path(*auditor.__path__).glob("*.py"):
        nodes = ast.walk(ast.parse(file.read_text()))
        names = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
        assert not [name for name in names if name.startswith(("perago", "tests")) and "chaos.auditor" not in name]
