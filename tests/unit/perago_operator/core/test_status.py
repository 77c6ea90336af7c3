"""The operator's share of the status, and the conditions."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from perago.wire import Outcome
from perago_operator.api import reasons
from perago_operator.api.attempt_status import LONGEST_ERROR
from perago_operator.api.reasons import Reason
from perago_operator.core import actions as do
from perago_operator.core.answers import Publication, Standing, Verdict
from perago_operator.core.decide import decide, first_match
from perago_operator.core.memory import Evidence, Trouble
from perago_operator.core.situation import Situation
from perago_operator.core.status import status_patch
from tests import builders as b
from tests.unit.perago_operator.core.situations import situations

Raw = dict[str, Any]


def patched(s: Situation) -> Raw:
    """The status patch in that situation."""
    patch: Raw = status_patch(s, first_match(s)[1])
    return patch


def conditions(s: Situation) -> dict[str, tuple[str, str]]:
    """Status and reason by type, as they would be written."""
    return {written["type"]: (written["status"], written["reason"]) for written in patched(s).get("conditions", [])}


def trouble(message: str = "connection refused") -> Trouble:
    """A call that rests until second 100."""
    return Trouble(1, b.at(100), None, message)


ACCEPTED = Verdict(Standing.ACCEPTED, "Conductor shows the task as COMPLETED", b.at(1), after_report=True)


def ended(outcome: Raw, **remembered: Any) -> Situation:
    """An attempt with that outcome, whose pod is gone."""
    return b.situation(b.attempt(status={"outcome": outcome}), memory=b.memory(**remembered))


def test_a_created_pod_is_starting() -> None:
    """With name, number, and how long the attempt had waited."""
    created = b.memory(created=frozenset({"a1-1"}), created_at=b.at(0.25))
    patch = patched(b.situation(memory=created))
    assert (patch["phase"], patch["podName"], patch["executions"]) == ("Starting", "a1-1", 1)
    assert patch["timings"] == {"queued": 0.25}


def test_a_lost_execution_is_kept_with_its_pause() -> None:
    """Whoever leads by then has to wait as long."""
    attempt = b.attempt(status={"podName": "a1-1", "executions": 1})
    patch = patched(b.situation(attempt, 5, memory=b.memory(gone=frozenset({"a1-1"}))))
    assert (patch["executions"], patch["podName"]) == (2, None)
    assert (patch["disruption"]["execution"], patch["disruption"]["since"]) == (1, b.stamp(5))


def test_a_pod_that_is_starting_has_no_node_yet() -> None:
    """The node is written once with the phase, not as a write of its own. Another process may have created the pod."""
    patch = patched(b.situation(pods=(b.pod(),)))
    assert (patch["phase"], patch["podName"], "nodeName" in patch) == ("Starting", "a1-1", False)


@pytest.mark.parametrize("helper", [b.container("helper", waiting={"reason": "ErrImagePull"})])
def test_a_helper_that_cannot_start_is_shown_and_the_task_runs(helper: Raw) -> None:
    """Phase and condition are about agent and task; the message names the helper."""
    containers = [*b.running_pod()["status"]["containerStatuses"], helper]
    patch = patched(b.situation(pods=(b.running_pod(containers=containers),)))
    [ready] = patch["conditions"]
    assert (patch["phase"], ready["status"]) == ("Running", "True")
    assert ready["message"] == "pod a1-1 is running; container helper does not start: ImagePull (image helper:1)"


def test_running_means_that_every_container_has_started() -> None:
    """Then the node and the time it took are known, too."""
    created = b.memory(created=frozenset({"a1-1"}), created_at=b.at(0.25), running_at=b.at(1))
    patch = patched(b.situation(pods=(b.running_pod(),), memory=created))
    assert (patch["phase"], patch["nodeName"], patch["timings"]["starting"]) == ("Running", "node-1", 0.75)


def test_a_step_of_the_agent_means_running() -> None:
    """The agent may report before the kubelet does."""
    stepping = b.attempt(status={"step": "Downloading", "podName": "a1-1", "executions": 1})
    patch = patched(b.situation(stepping, pods=(b.pod(),), memory=b.memory(created_at=b.at(0.25), running_at=b.at(1))))
    assert (patch["phase"], patch["timings"]["starting"]) == ("Running", 0.75)


def test_between_two_executions_the_attempt_is_pending() -> None:
    """The number is written, the pod's name and the agent's step are not."""
    stepping = b.attempt(status={"step": "Staging", "podName": "a1-1", "executions": 1, "phase": "Running"})
    evicted = b.pod(phase="Failed", reason="Evicted", message="low on memory")
    patch = patched(b.situation(stepping, pods=(evicted,)))
    assert (patch["phase"], patch["executions"], patch["podName"], patch["step"]) == ("Pending", 2, None, None)


@pytest.mark.parametrize("pod", [b.pod(phase="Failed", reason="Evicted", message="low on memory"), None])
def test_what_the_agent_waited_for_or_moved_ends_with_it(pod: Raw | None) -> None:
    """With its pod or with the outcome, whichever comes first: an agent that is lost clears nothing."""
    wait = {"server": "lakeFS", "since": b.stamp(0), "until": b.stamp(9), "error": "503"}
    moved = {"objects": 1, "bytes": 2, "bytesPerSecond": 3, "summary": "1 objects"}
    status = {"step": "Staging", "podName": "a1-1", "executions": 1, "waiting": wait, "transfer": moved}
    if pod is None:
        status["outcome"] = b.failure()
    patch = patched(b.situation(b.attempt(status=status), pods=(pod,) if pod else ()))
    assert {name: patch[name] for name in ("step", "waiting", "transfer")} == dict.fromkeys(
        ("step", "waiting", "transfer")
    )


@pytest.mark.parametrize(
    ("outcome", "standing", "phase"),
    [
        (b.completed(), Standing.ACCEPTED, "Succeeded"),
        (b.failure(), Standing.ACCEPTED, "Failed"),
        (b.failure("Canceled"), Standing.ACCEPTED, "Canceled"),
        (b.failure("AttemptDeleted"), Standing.ACCEPTED, "Canceled"),
        (b.completed(), Standing.SUPERSEDED, "Canceled"),
        (b.completed(), Standing.OPEN, "Finishing"),
    ],
)
def test_the_last_phase_needs_outcome_and_report(outcome: Raw, standing: Standing, phase: str) -> None:
    """Canceled: stopped by people, or no longer expected by Conductor."""
    verdict = Verdict(standing, "so Conductor says", b.at(1), after_report=True)
    assert patched(ended(outcome, verdict=verdict))["phase"] == phase


@pytest.mark.parametrize("stop", [{"cancel": True}, {"meta": {"deletionTimestamp": b.stamp(1)}}])
def test_a_stopped_attempt_that_fails_in_other_words_is_canceled(stop: dict[str, Any]) -> None:
    """The agent noticed first, at its fence; one that completed before that has succeeded."""
    stale = b.attempt(status={"outcome": b.failure("StaleAttemptError")}, **stop)
    assert patched(b.situation(stale, memory=b.memory(verdict=ACCEPTED)))["phase"] == "Canceled"
    completed = b.attempt(status={"outcome": b.completed()}, **stop)
    assert patched(b.situation(completed, memory=b.memory(verdict=ACCEPTED)))["phase"] == "Succeeded"


def test_the_last_phase_waits_for_pod_and_staging() -> None:
    """Finishing until nothing is held."""
    staged = b.attempt(status={"outcome": b.completed(), "staging": b.STAGING})
    assert patched(b.situation(staged, memory=b.memory(verdict=ACCEPTED)))["phase"] == "Finishing"
    held = b.situation(b.attempt(status={"outcome": b.completed()}), pods=(b.pod(),), memory=b.memory(verdict=ACCEPTED))
    assert patched(held)["phase"] == "Finishing"


def test_acceptance_is_written_with_its_time() -> None:
    """And how long it took since the outcome was seen."""
    patch = patched(ended(b.completed(), verdict=ACCEPTED, reports=1, outcome_seen_at=b.at(0.5)))
    assert patch["reporting"] == {"state": "Accepted", "attempts": 1, "acceptedTime": b.stamp(1)}
    assert patch["timings"] == {"reporting": 0.5}


def test_a_report_that_fails_says_why() -> None:
    """In the reporting state and in the condition."""
    s = ended(b.completed(), troubles={do.Report: trouble()}, reports=3)
    assert patched(s)["reporting"] == {"state": "Pending", "attempts": 3, "lastError": "connection refused"}
    assert conditions(s)["Reported"] == ("False", "ReportPending")


def test_an_error_is_cut_to_what_the_status_holds() -> None:
    """A server may send a whole trace as its message: the API server would refuse every status that has it."""
    s = ended(b.completed(), troubles={do.Report: replace(trouble(), message="x" * 9999)})
    assert len(patched(s)["reporting"]["lastError"]) == LONGEST_ERROR
    gone = Verdict(Standing.SUPERSEDED, "x" * 9999, b.at(1), after_report=False)
    assert len(patched(b.situation(memory=b.memory(verdict=gone)))["reporting"]["lastError"]) == LONGEST_ERROR


def test_superseded_is_written_as_soon_as_it_is_known() -> None:
    """Before the outcome: a restarted operator must not report after all."""
    verdict = Verdict(Standing.SUPERSEDED, "Conductor shows the task as TIMED_OUT", b.at(1), after_report=False)
    patch = patched(b.situation(pods=(b.running_pod(),), memory=b.memory(verdict=verdict)))
    assert patch["reporting"] == {"state": "Superseded", "lastError": "Conductor shows the task as TIMED_OUT"}


def test_a_deleted_branch_is_written_as_such() -> None:
    """When it was the operator who deleted it."""
    staged = b.attempt(status={"outcome": b.completed(), "staging": b.STAGING})
    s = b.situation(staged, memory=b.memory(staging_deleted=frozenset({b.STAGING["branch"]})))
    assert patched(s)["staging"] == {"state": "Deleted"}
    assert conditions(s)["StagingDeleted"] == ("True", "StagingGone")


def test_a_branch_that_cannot_be_deleted_says_why() -> None:
    """With lakeFS's words."""
    staged = b.attempt(status={"outcome": b.completed(), "staging": b.STAGING})
    s = b.situation(staged, memory=b.memory(troubles={do.DeleteStaging: trouble("401")}))
    assert conditions(s)["StagingDeleted"] == ("False", "StagingPending")


@pytest.mark.parametrize(
    ("outcome", "workspace", "expected"),
    [
        (b.completed(), {"inputRef": "a", "publishedRef": "b"}, ("True", "Published")),
        (b.completed(), {"inputRef": "a", "publishedRef": "a"}, ("False", "NoChange")),
        (b.failure(), {"inputRef": "a"}, ("False", "NotPublished")),
        (b.completed(), None, ("False", "NotPublished")),
    ],
)
def test_published_tells_whether_the_branch_moved(
    outcome: Raw, workspace: Raw | None, expected: tuple[str, str]
) -> None:
    """An unchanged workspace publishes nothing."""
    status = {"outcome": outcome, **({"workspace": workspace} if workspace else {})}
    assert conditions(b.situation(b.attempt(status=status)))["Published"] == expected


def test_a_standalone_attempt_needs_no_report() -> None:
    """Reported is True: nobody waits."""
    s = b.situation(b.attempt(standalone=True, status={"outcome": b.completed()}))
    assert conditions(s)["Reported"] == ("True", "NotRequired")


def test_a_superseded_attempt_needs_no_report() -> None:
    """Reported is True, and says what Conductor shows."""
    superseded = {"state": "Superseded", "lastError": "Conductor shows the task as TIMED_OUT"}
    s = b.situation(b.attempt(status={"outcome": b.failure(), "reporting": superseded}))
    [reported] = [condition for condition in patched(s)["conditions"] if condition["type"] == "Reported"]
    assert (reported["status"], reported["reason"]) == ("True", "Superseded")
    assert reported["message"] == superseded["lastError"]


def test_complete_is_said_at_the_end_only() -> None:
    """`kubectl wait --for=condition=Complete` returns when nothing is left to do."""
    assert "Complete" not in conditions(ended(b.completed()))
    assert conditions(ended(b.completed(), verdict=ACCEPTED))["Complete"] == ("True", "Finished")
    unseen = ended(b.completed(), verdict=ACCEPTED, created=frozenset({"a1-1"}))
    assert "Complete" not in conditions(unseen), "a pod that the watch has yet to show is still to be let go"


def test_a_finished_attempt_is_at_no_step() -> None:
    """The agent's last one is over."""
    over = b.attempt(status={"outcome": b.completed(), "step": "Publishing"})
    assert patched(b.situation(over, memory=b.memory(verdict=ACCEPTED)))["step"] is None


def test_nothing_is_added_once_the_attempt_is_over() -> None:
    """The pod's last statuses arrive after the last patch; they change nothing."""
    ended = {"outcome": b.completed(), "phase": "Succeeded", "executions": 1, "podName": "a1-1"}
    over = b.attempt(
        status={
            **ended,
            "reporting": {"state": "Accepted", "acceptedTime": b.stamp(3)},
            "conditions": [b.condition("Complete")],
        }
    )
    uid = frozenset({"uid-a1-1"})
    remembered = b.memory(created_at=b.at(0.5), deleted=uid, released_pods=uid)
    patch = patched(b.situation(over, 9, pods=(b.ended_pod(),), memory=remembered))
    assert set(patch) <= {"conditions", "timings"}
    assert "starting" not in patch.get("timings", {})


def test_an_outcome_that_does_not_count_is_taken_away() -> None:
    """Before another one is written: a merge would leave parts of it. Unless somebody has written one meanwhile."""
    foreign = b.attempt(cancel=True, status={"executions": 2, "outcome": b.failure(execution=1)})
    s = b.situation(foreign, memory=b.memory(evidence=Evidence(2)))
    (write,) = (action for action in decide(s).actions if isinstance(action, do.PatchStatus))
    assert (write.status["outcome"], write.guarded) == (None, True)


def test_a_pod_that_a_dead_leader_has_let_go_is_named_by_its_outcome() -> None:
    """The leader died between the pod's release and its first write of the status."""
    patch = patched(ended(b.completed(execution=1)))
    assert (patch["executions"], patch["podName"]) == (1, "a1-1")
    assert "executions" not in patched(ended(b.failure()))


GAVE_UP: Raw = {"podName": "a1-1", "executions": 1, "outcome": b.given_up(remedy="Check it.", traceback=["oops"])}


def test_the_outcome_of_an_agent_that_gave_up_goes_with_its_execution() -> None:
    """In one write, before anything is reported."""
    patch = patched(b.situation(b.attempt(status=GAVE_UP), pods=(b.ended_pod(),)))
    assert (patch["executions"], patch["podName"], patch["outcome"], patch["phase"]) == (2, None, None, "Pending")
    assert "reporting" not in patch


def test_what_an_agent_wrote_that_gave_up_is_replaced_as_a_whole() -> None:
    """A merge would leave parts of it beside what it turns out to have published."""
    publication = Publication("commit-b", {"perago.output": '{"result":1}'})
    staged = {**GAVE_UP, "staging": {**b.STAGING, "state": "Deleted"}}
    memory = b.memory(evidence=Evidence(1, publication))
    written = patched(b.situation(b.attempt(status=staged), pods=(b.ended_pod(),), memory=memory))["outcome"]
    left = ("execution", "failureClass", "remedy", "traceback")
    assert (written["status"], {key: written[key] for key in left}) == ("COMPLETED", dict.fromkeys(left))


def test_what_is_written_carries_the_time_of_day() -> None:
    """As everything else in the object, and not our own clock's, which may be off by any length of time."""
    done = b.attempt(status={"outcome": b.completed()})
    patch = patched(b.situation(done, 9, memory=b.memory(verdict=ACCEPTED), offset=timedelta(minutes=10)))
    assert patch["reporting"]["acceptedTime"] == b.stamp(609)
    assert {condition["lastTransitionTime"] for condition in patch["conditions"]} == {b.stamp(609)}


def test_what_the_status_says_already_is_not_written_again() -> None:
    """Looking again costs nothing."""
    s = b.situation(pods=(b.running_pod(),))
    assert patched(b.situation(b.attempt(status=patched(s)), 50, pods=(b.running_pod(),))) == {}


def test_a_condition_keeps_its_transition_time_while_its_status_stays() -> None:
    """Only reason and message change."""
    old = b.condition("PodReady", "False", "PodStarting", seconds=0, message="pod a1-1 is starting")
    waiting = b.attempt(status={"conditions": [old]})
    pulling = b.pod(containers=[b.container("agent"), b.container("task", waiting={"reason": "ErrImagePull"})])
    [ready] = patched(b.situation(waiting, 30, pods=(pulling,)))["conditions"]
    assert (ready["reason"], ready["lastTransitionTime"]) == ("ImagePull", b.stamp(0))


def test_other_peoples_conditions_stay() -> None:
    """A merge patch replaces the whole list."""
    foreign = b.condition("Audited", reason="ByUs")
    kept = patched(b.situation(b.attempt(status={"conditions": [foreign]}), pods=(b.running_pod(),)))["conditions"]
    assert {condition["type"] for condition in kept} == {"Audited", "PodReady"}


def test_long_words_of_a_pod_are_cut() -> None:
    """A condition is for reading."""
    waiting = {"reason": "ErrImagePull", "message": "x" * 5000}
    pulling = b.pod(containers=[b.container("agent"), b.container("task", waiting=waiting)])
    [ready] = patched(b.situation(pods=(pulling,)))["conditions"]
    assert len(ready["message"]) == 1024


def test_time_in_the_queue_counts_from_the_first_sight_within_the_second() -> None:
    """The object's creation time has whole-second precision."""
    created = b.memory(created=frozenset({"a1-1"}), created_at=b.at(0.9))
    seen = b.situation(memory=created)
    assert patched(seen)["timings"] == {"queued": 0.9}
    later = b.situation(memory=b.memory(created=created.created, created_at=b.at(0.9), first_seen=b.at(0.8)))
    assert patched(later)["timings"] == {"queued": 0.1}


def test_an_outcome_is_written_as_it_is() -> None:
    """With the commit that evidence found; empty objects in an output are part of it."""
    evidence = Evidence(1, Publication("commit-b", {"perago.output": '{"result":{"files":{},"none":null}}'}))
    dead = b.situation(
        b.attempt(status={"staging": b.STAGING}), pods=(b.ended_pod(),), memory=b.memory(evidence=evidence)
    )
    written = Outcome.model_validate(patched(dead)["outcome"]).full_output()
    assert written is not None
    assert written["result"] == {"files": {}, "none": None}
    assert patched(dead)["workspace"] == {"publishedRef": "commit-b"}


def test_every_reason_that_is_written_stands_in_its_list() -> None:
    """In thousands of situations: those of conditions by their type, and those of outcomes."""
    listed = {kind.value: group for kind, group in reasons.ATTEMPT_CONDITIONS.items()}
    outcomes = {*reasons.POD_FAILURES, *reasons.STOPS, Reason.COMPLETED}
    for s in situations():
        for kind, (_, reason) in conditions(s).items():
            assert reason in listed[kind]
        outcome = first_match(s)[1].outcome
        assert outcome is None or outcome.reason in outcomes
