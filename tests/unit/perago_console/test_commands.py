"""The commands over a cluster in memory: what they print, what they ask for, and their exit codes."""

import time
from typing import Any

import pytest

from perago.wire import Reason
from perago_console.commands import cancel, describe, explain, logs
from perago_console.commands import list as listing
from perago_console.core.rows import Selection
from perago_console.problems import NotFound, Problem
from tests.builders import Raw, attempt, conductor_task, container, ended_pod, pod, running_pod, stamp, task
from tests.unit.perago_console.kit import FakeCluster, session
from tests.unit.perago_console.test_holding import condition

Captured = pytest.CaptureFixture[str]


def made(name: str, **status: Any) -> Raw:
    """An attempt of Conductor's task of this name."""
    meta = {"name": name, "uid": f"uid-{name}"}
    return attempt(
        meta=meta, status=status, taskRef={"name": "build"}, conductor=conductor_task(task_id=f"t-{name}").to_json()
    )


FAILED = {
    "phase": "Failed",
    "executions": 1,
    "podName": "lost-1",
    "outcome": {
        "status": "FAILED",
        "reason": "OOMKilled",
        "message": "the task used more than its limit of 128Mi",
        "failureClass": "User",
        "traceback": ["Traceback (most recent call last):", "MemoryError"],
    },
    "log": {"lines": ["loading \x1b[31mall of it", "still loading"]},
    "reporting": {"state": "Accepted", "acceptedTime": stamp(20)},
    "timings": {"queued": 1.0, "starting": 2.0, "downloading": 1.0, "executing": 12.0, "reporting": 0.2},
    "conditions": [condition("Complete", "True", "Finished", "nothing is left to do", 21)],
}
WAITS = {"phase": "Pending", "conditions": [condition("PodReady", "False", "QuotaExceeded", "pods 2 of 2 are used")]}
RUNS = {
    "phase": "Running",
    "step": "Executing",
    "podName": "runs-1",
    "conditions": [condition("PodReady", "True", "PodRunning")],
}


def cluster(**changes: Any) -> FakeCluster:
    """Three attempts of one PeragoTask."""
    found = [made("lost", **FAILED), made("waits", **WAITS), made("runs", **RUNS)]
    return FakeCluster({"peragoattempts": found, "peragotasks": [task()]}, **changes)


EVERYTHING = Selection()
TASKS_LOG = logs.LogChoice()


def listed(capsys: Captured, selection: Selection = EVERYTHING, form: str = "", **changes: Any) -> str:
    """What `perago list` prints."""
    assert listing.execute(session(cluster(), **changes), listing.ListQuery(selection, form=form)) == 0
    return capsys.readouterr().out


def test_a_list_says_what_each_waits_for(capsys: Captured) -> None:
    """One line for each attempt, with the reason and its words."""
    assert listed(capsys).splitlines() == [
        "NAME    TASK    RETRY   STATE       WHY                                                     SINCE   AGE",
        "lost    build   0       Failed      OOMKilled: the task used more than its limit of 128Mi   39s     1m",
        "runs    build   0       Executing   the task's function runs                                55s     1m",
        "waits   build   0       Pending     QuotaExceeded: pods 2 of 2 are used                     55s     1m",
    ]


@pytest.mark.parametrize(
    ("selection", "want"),
    [
        (Selection(waiting=True), ["waits"]),
        (Selection(phases=("failed",)), ["lost"]),
        (Selection(task="build"), ["lost", "runs", "waits"]),
        (Selection(task="other"), []),
        (Selection(workflow="wf-2"), []),
        (Selection(within_seconds=30), ["runs", "waits"]),
    ],
)
def test_a_selection_leaves_out_the_others(capsys: Captured, selection: Selection, want: list[str]) -> None:
    """By what an attempt waits for, its phase, its task, its workflow, and the time of its end."""
    names = listed(capsys, selection, "name").split()
    assert names == [f"peragoattempts.perago.dev/{name}" for name in want]


def test_more_columns_in_all_namespaces(capsys: Captured) -> None:
    """-A shows the namespace, -o wide the workflow and the place."""
    first = listed(capsys, form="wide", namespace=None).splitlines()[0].split()
    assert (first[0], first[-1]) == ("NAMESPACE", "REF")


def test_objects_are_printed_as_they_are(capsys: Captured) -> None:
    """-o yaml is what kubectl shows, so that fields that the console does not know are there."""
    assert "maxConcurrency" not in listed(capsys, form="yaml")
    assert "disruptionRetries" not in listed(capsys, form="json")
    assert '"kind": "List"' in listed(capsys, form="json")


def test_a_watch_prints_what_changes_and_no_change_twice(capsys: Captured) -> None:
    """A row for each change that shows, and one for a deletion."""
    changed = made("waits", **RUNS)
    changes = [{"type": kind, "object": changed} for kind in ("MODIFIED", "MODIFIED", "DELETED")]
    watched = cluster(changes=changes)
    assert listing.execute(session(watched), listing.ListQuery(Selection(), watch=True)) == 0
    states = [line.split()[3] for line in capsys.readouterr().out.splitlines()[4:]]
    assert states == ["Executing", "Deleted"]


@pytest.mark.parametrize("text", ["waits", "wa", "t-waits", "uid-waits", "pa/waits", "peragoattempt.perago.dev/waits"])
def test_an_attempt_has_several_names(text: str) -> None:
    """Its own, what it begins with, its Conductor task's, its UID, and as kubectl prints it."""
    assert session(cluster()).attempt(text)["metadata"] == made("waits")["metadata"]


def test_a_name_of_nothing_has_names_that_look_alike() -> None:
    """So that a slip of the finger is seen."""
    with pytest.raises(NotFound, match=r"no attempt wiats in namespace ns; did you mean waits\?"):
        session(cluster()).attempt("wiats")


def test_a_beginning_of_several_names_is_refused() -> None:
    """With some of them."""
    twins = FakeCluster({"peragoattempts": [made("same-1"), made("same-2")]})
    with pytest.raises(Problem, match="same is the beginning of 2 attempts, such as ns/same-1, ns/same-2"):
        session(twins).attempt("same")


EVENT = {
    "metadata": {"name": "e1", "namespace": "ns"},
    "involvedObject": {"uid": "uid-lost"},
    "type": "Warning",
    "reason": "OOMKilled",
    "message": "the task was killed",
    "lastTimestamp": stamp(16),
    "count": 2,
}


def test_a_description_tells_the_whole_story(capsys: Captured) -> None:
    """State, outcome, dated moments, how long each part took, and the last lines, in which no escape is left."""
    told = cluster()
    told.objects |= {"pods": [], "events": [EVENT]}
    assert describe.execute(session(told), "lost", "") == 0
    page = capsys.readouterr().out
    for words in (
        "attempt ns/lost\n  state           Failed\n",
        "  result     FAILED: OOMKilled\n",
        "             MemoryError\n",
        "  00:00:00Z  the attempt was created\n",
        "  00:00:01Z  its first pod was created\n",
        "  00:00:16Z  OOMKilled: the task was killed (2 times)\n",
        "  00:00:20Z  Conductor had the result\n",
        "  executing      12.0s          ████████████████████████\n",
        "  1 pod is gone\n",
        "loading \\x1b[31mall of it\n",
    ):
        assert words in page, page


def test_a_description_of_a_pod_that_is_there(capsys: Captured) -> None:
    """What its containers are at; a pod of an earlier attempt of this name is none of its executions."""
    stranger = ended_pod(9, of="runs", meta={"ownerReferences": [{"kind": "PeragoAttempt", "name": "other"}]})
    told = cluster()
    told.objects |= {"pods": [running_pod(1, of="runs", uid="uid-runs"), stranger]}
    assert describe.execute(session(told), "runs", "") == 0
    page = capsys.readouterr().out
    assert "runs-1  Running on node-1: agent runs, task runs\n" in page
    assert "runs-9" not in page


def test_what_may_not_be_read_is_named(capsys: Captured) -> None:
    """Whoever may read attempts alone sees the rest of the page."""
    viewer = cluster(rights=frozenset({("get", "peragoattempts.perago.dev"), ("list", "peragoattempts.perago.dev")}))
    assert describe.execute(session(viewer), "lost", "") == 0
    assert "its pods: you may not list pods\n" in capsys.readouterr().out


def step(name: str, created: float, complete: float | None, **changes: Any) -> Raw:
    """An attempt of workflow wf-1 with the times of its life."""
    ended = [] if complete is None else [condition("Complete", "True", "Finished", seconds=complete)]
    spec = conductor_task(**{"reference_task_name": name, **changes.pop("task", {})}).to_json()
    meta = {"name": name, "uid": f"uid-{name}", "creationTimestamp": stamp(created)}
    return attempt(meta=meta, status={"conditions": ended, **changes}, conductor=spec)


CHART = """workflow wf-1, from 00:00:00Z to 00:01:00Z
  load             20.0s  ····░░░░████████                                  Succeeded
  train            20.0s                  ·███████████████                  Failed: OOMKilled
  train retry 1    20.0s                                  ░░░░░░░░░░░░░░░░  Starting: the phase is Starting
  report            1.0s                                                 ·  Pending: the phase is Pending

    · waits for its pod   ░ its pod starts   █ it runs, publishes and reports
"""


def test_a_workflow_is_a_chart(capsys: Captured) -> None:
    """Each attempt from its creation to its end, or to now: waiting, starting, running."""
    again = {"reference_task_name": "train", "retry_count": 1}
    steps = [
        step("load", 0, 20, phase="Succeeded", timings={"queued": 5, "starting": 5}),
        step(
            "train",
            20,
            40,
            phase="Failed",
            timings={"queued": 1, "starting": 0},
            outcome={"status": "FAILED", "reason": "OOMKilled"},
        ),
        step("train-again", 40, None, phase="Starting", timings={"queued": 0}, task=again),
        step("report", 59, None, phase="Pending"),
    ]
    asked = FakeCluster({"peragoattempts": steps})
    assert describe.of_workflow(session(asked), "wf-") == 0
    assert capsys.readouterr().out == CHART


def test_a_workflow_that_is_not_there_or_not_one() -> None:
    """The beginning of an id has to be of one."""
    two = [step("a", 0, None), step("b", 0, None, task={"workflow_instance_id": "wf-2"})]
    with pytest.raises(NotFound, match="no attempt of a workflow other in namespace ns"):
        describe.of_workflow(session(FakeCluster({"peragoattempts": two})), "other")
    with pytest.raises(Problem, match="wf- is the beginning of 2 workflows, such as wf-1, wf-2"):
        describe.of_workflow(session(FakeCluster({"peragoattempts": two})), "wf-")


EXPLAINED = """attempt ns/waits, Pending
  waits for  QuotaExceeded
  means      The namespace's quota leaves no room for another pod. The pod is created when there is room.
  it says    pods 2 of 2 are used
  shown by   condition PodReady
  since      00:00:05Z (55s ago)
  until      01:00:05Z (in 59m)
  then       the attempt fails (after 1h, or as the operator's PERAGO_WAIT_PATIENCE_SECONDS says)
  do         Wait, or raise the namespace's ResourceQuota.

  deadline  00:01:41Z (in 41s), when it fails with DeadlineExceeded
"""


def test_an_explanation_says_what_what_for_and_what_to_do(capsys: Captured) -> None:
    """With the deadline of its PeragoTask."""
    asked = cluster()
    asked.objects["peragotasks"] = [task(activeDeadlineSeconds=100)]
    asked.objects["peragoattempts"] = [made("waits", **WAITS, timings={"queued": 1.0})]
    assert explain.execute(session(asked), "waits", "") == 0
    assert capsys.readouterr().out == EXPLAINED


def test_an_explanation_for_programs(capsys: Captured) -> None:
    """The same facts, with times as the API writes them."""
    assert explain.execute(session(cluster()), "waits", "json") == 0
    assert f'"since": "{stamp(5)}"' in capsys.readouterr().out


def test_a_failure_is_told_by_the_exit_code(capsys: Captured) -> None:
    """1 of an attempt that has failed, with whose fault it is."""
    assert explain.execute(session(cluster()), "lost", "") == 1
    assert "  fault       User\n" in capsys.readouterr().out


def test_a_peragotask_that_is_not_ready_is_explained(capsys: Captured) -> None:
    """By itself, and to its attempts."""
    broken = {**task(), "status": {"conditions": [condition("Ready", "False", "ImagePull", "no such image")]}}
    asked = cluster()
    asked.objects["peragotasks"] = [broken]
    assert explain.execute(session(asked), "pt/build", "") == 1
    assert "Ready    False: ImagePull\n" in capsys.readouterr().out
    explain.execute(session(asked), "waits", "")
    assert "build is not ready: ImagePull: no such image\n" in capsys.readouterr().out


def test_a_peragotask_that_is_not_to_be_polled_is_well(capsys: Captured) -> None:
    """One for attempts made by hand, or one that is paused; what the reason says is not said twice."""
    sentence = Reason.PAUSED.sentence
    paused = {**task(), "status": {"conditions": [condition("Polling", "False", "Paused", sentence)]}}
    assert explain.execute(session(FakeCluster({"peragotasks": [paused]})), "pt/build", "") == 0
    assert capsys.readouterr().out.count(sentence) == 1


def test_a_reason_is_explained_without_a_cluster(capsys: Captured) -> None:
    """As the reference has it, however it is written."""
    assert explain.of_reason(session(FakeCluster()).output, "oomkilled")
    assert "means  The task used more memory than its limit.\n" in capsys.readouterr().out
    assert not explain.of_reason(session(FakeCluster()).output, "lost")


def test_cancel_sets_the_field_and_says_what_follows(capsys: Captured) -> None:
    """Conductor hears of it."""
    asked = cluster()
    assert cancel.execute(session(asked), ["runs"]) == 0
    assert asked.get_spec("runs")["cancel"] is True
    assert "its pod runs-1 is stopped, and Conductor is told that the task failed" in capsys.readouterr().out


def test_cancel_goes_on_after_one_that_has_ended(capsys: Captured) -> None:
    """The exit code tells, and the others are canceled."""
    asked = cluster()
    assert cancel.execute(session(asked), ["lost", "nobody", "waits"]) == 1
    assert asked.get_spec("waits")["cancel"] is True
    assert "cancel" not in asked.get_spec("lost")
    assert "attempt ns/lost has its outcome already: FAILED, OOMKilled\n" in capsys.readouterr().err


def logged(asked: FakeCluster, name: str, want: logs.LogChoice = TASKS_LOG, conductor: list[str] | None = None) -> int:
    """`perago logs`, with what Conductor has of the task's log."""
    return logs.execute(session(asked), name, want, lambda _: conductor)


def test_the_log_is_the_pods_while_that_is_there(capsys: Captured) -> None:
    """Of the container that is asked for."""
    asked = cluster(logs={("runs-1", "task"): ["one", "two\x07"], ("runs-1", "agent"): ["started"]})
    asked.objects["pods"] = [running_pod(1, of="runs")]
    assert (logged(asked, "runs"), capsys.readouterr().out) == (0, "one\ntwo\\x07\n")
    assert (logged(asked, "runs", logs.LogChoice(agent=True)), capsys.readouterr().out) == (0, "started\n")


def test_the_log_of_a_pod_that_is_gone_is_conductors(capsys: Captured) -> None:
    """It is longer than that of the status, which is all there is without it; either is said to be a copy."""
    assert logged(cluster(), "lost", conductor=["all", "of it"]) == 0
    captured = capsys.readouterr()
    assert (captured.out, "Conductor's copy" in captured.err) == ("all\nof it\n", True)
    assert logged(cluster(), "lost", logs.LogChoice(tail=1)) == 0
    captured = capsys.readouterr()
    assert (captured.out, "the attempt's status has kept" in captured.err) == ("still loading\n", True)


def test_a_log_that_nobody_has_is_an_error(capsys: Captured) -> None:
    """With the reason why there is none."""
    asked = cluster()
    asked.objects["pods"] = [pod(1, of="waits", containers=[container("task")])]
    assert logged(asked, "waits") == 1
    assert "its container has not started; -f waits for it" in capsys.readouterr().err
    assert logged(asked, "lost", logs.LogChoice(agent=True)) == 1


def test_nobody_waits_for_a_pod_that_may_not_be_read(capsys: Captured) -> None:
    """The right is named once, and what the status has kept is all there is."""
    viewer = cluster(rights=frozenset(VIEWER))
    assert logged(viewer, "waits", logs.LogChoice(follow=True)) == 1
    assert capsys.readouterr().err.count("you may not list pods") == 1


def test_following_waits_for_the_start(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pod appears while it waits."""
    asked = cluster(logs={("waits-1", "task"): ["begun"]})
    monkeypatch.setattr(time, "sleep", lambda _: asked.objects.update(pods=[running_pod(1, of="waits")]))
    assert (logged(asked, "waits", logs.LogChoice(follow=True)), capsys.readouterr().out) == (0, "begun\n")


VIEWER = {
    (verb, f"{kind}.perago.dev") for verb in ("get", "list", "watch") for kind in ("peragoattempts", "peragotasks")
}


def test_a_viewer_needs_no_right_that_the_chart_does_not_give(capsys: Captured) -> None:
    """Each reading command works with perago-viewer alone; pods, their logs and events come with `view`."""
    asked = cluster(rights=frozenset(VIEWER))
    here = session(asked)
    listing.execute(here, listing.ListQuery(Selection(), watch=True))
    codes = [describe.execute(here, "lost", ""), explain.execute(here, "waits", ""), logged(asked, "lost")]
    assert codes == [0, 0, 0]
    assert asked.used <= VIEWER | {("list", "pods"), ("get", "pods/log"), ("list", "events")}
    capsys.readouterr()


def test_canceling_takes_the_right_to_patch_attempts() -> None:
    """Which perago-editor has, and nothing more."""
    asked = cluster()
    cancel.execute(session(asked), ["waits"])
    assert asked.used == {("get", "peragoattempts.perago.dev"), ("patch", "peragoattempts.perago.dev")}
