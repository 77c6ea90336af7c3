"""What answers and failures add to the memory of an attempt."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perago.wire import Outcome
from perago_operator.api.reasons import Reason
from perago_operator.core import actions as do
from perago_operator.core.answers import Answer, Failure, Landed, Missing, Patched, Publication, Standing, Verdict
from perago_operator.core.config import Config
from perago_operator.core.learn import failed, first_memory, learned, looked
from perago_operator.core.memory import Evidence, Hindered, Memory, backoff, fraction
from perago_operator.core.pod.model import Pod
from perago_operator.core.situation import Situation
from tests import builders as b

CONFIG = Config()
OUTCOME = Outcome(status="FAILED", reason="X")
REPORT = do.Report(b.conductor_task(), OUTCOME)
HEARTBEAT = do.Heartbeat(b.conductor_task())
NO_ANSWER = Failure("no answer", fate_unknown=True)


def after(memory: Memory, action: do.Action, answer: Answer = None, seconds: float = 1) -> Memory:
    """The memory after a call that succeeded."""
    return learned(b.situation(b.attempt(status={"executions": 2}), seconds, memory=memory), action, answer)


def after_failures(action: do.Action, failure: Failure, times: int = 1, memory: Memory | None = None) -> Memory:
    """The memory after so many failures in a row."""
    memory = memory or b.memory()
    for _ in range(times):
        memory = failed(b.situation(memory=memory), action, failure)
    return memory


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (do.HoldAttempt(), b.memory(held=True)),
        (do.CreatePod("p", {}), b.memory(created=frozenset({"p"}), created_at=b.at(1))),
        (do.DeletePod("p", "uid-p"), b.memory(deleted=frozenset({"uid-p"}))),
        (do.ReleasePod("p", "uid-p"), b.memory(released_pods=frozenset({"uid-p"}))),
        (do.ShipLog(b.conductor_task(), "p", "boom"), b.memory(shipped=frozenset({"p"}))),
        (do.DeleteStaging("r", "s"), b.memory(staging_deleted=frozenset({"s"}))),
        (do.ReleaseAttempt(), b.memory(released="1")),
        (do.DeleteAttempt(), b.memory(expired=True)),
        (do.PatchStatus({}), b.memory()),
        (do.RecordEvent("Normal", "R", "m"), b.memory()),
    ],
)
def test_what_was_done_is_remembered(action: do.Action, expected: Memory) -> None:
    """So that it is not done again before the watch shows it."""
    assert after(b.memory(), action) == expected


def test_of_a_log_little_is_kept_once_it_is_shipped_and_nothing_in_the_end() -> None:
    """Thousands of finished attempts are remembered."""
    log = b.memory(logs={"p": "\n".join(map(str, range(200)))})
    shipped = after(log, do.ShipLog(b.conductor_task(), "p", "…"))
    assert shipped.logs["p"].splitlines() == [str(number) for number in range(180, 200)]
    assert after(shipped, do.ReleaseAttempt()).logs == {}


def test_a_kubelet_that_does_not_know_of_a_start_is_remembered() -> None:
    """Until the watch shows the start; then a task without a log has printed nothing."""
    reading = do.ReadLog("a1-1", 20)
    early = learned(b.situation(pods=(b.pod(),)), reading, None)
    assert early.asked_early == {"a1-1"}
    assert early.logs == {}
    assert learned(b.situation(pods=(b.running_pod(),)), reading, None).logs == {"a1-1": ""}


def test_a_log_is_kept_by_pod() -> None:
    """Each execution has its own."""
    assert after(b.memory(), do.ReadLog("p", 20), "boom").logs == {"p": "boom"}


@pytest.mark.parametrize("action", [REPORT, do.ReadBack(b.conductor_task(), OUTCOME), HEARTBEAT])
def test_a_reading_replaces_the_one_before(action: do.Action) -> None:
    """Whichever call brought it."""
    verdict = Verdict(Standing.OPEN, "open", b.at(1), after_report=True)
    assert after(b.memory(), action, verdict).verdict == verdict


def test_reports_are_counted_whether_they_succeed_or_not() -> None:
    """People see how often it was tried."""
    assert after(after_failures(REPORT, NO_ANSWER, 2), REPORT).reports == 3


def test_the_heartbeat_counts_from_its_success() -> None:
    """One that failed is tried again after its back-off, not a lease period later."""
    assert after(b.memory(), HEARTBEAT).heartbeat_at == b.at(1)
    assert after_failures(HEARTBEAT, NO_ANSWER).heartbeat_at is None


def test_a_success_ends_the_trouble_of_its_kind_only() -> None:
    """Conductor's troubles are not the API server's."""
    memory = after_failures(HEARTBEAT, NO_ANSWER, memory=after_failures(REPORT, NO_ANSWER))
    assert set(after(memory, REPORT).troubles) == {do.Heartbeat}


@pytest.mark.parametrize("action", [REPORT, HEARTBEAT])
def test_a_call_of_unknown_fate_is_doubted(action: do.Action) -> None:
    """It may land later than its answer did not come."""
    assert after_failures(action, NO_ANSWER).doubt_since == b.at(1)


def test_the_doubt_counts_from_the_last_call_of_unknown_fate() -> None:
    """The earlier ones have landed by the time that it may."""
    doubtful = b.memory(doubt_since=b.at(1))
    assert failed(b.situation(seconds=7, memory=doubtful), HEARTBEAT, NO_ANSWER).doubt_since == b.at(7)


def test_a_refusal_for_good_is_remembered_as_that() -> None:
    """Repeating the call cannot help."""
    refused = Failure("the pod is invalid", Reason.POD_REFUSED, permanent=True)
    assert after_failures(do.CreatePod("p", {}), refused).troubles[do.CreatePod].permanent
    assert not after_failures(REPORT, NO_ANSWER).troubles[do.Report].permanent


def test_patience_with_a_refusal_counts_from_the_first_in_the_row() -> None:
    """One for another reason begins a new row: a full quota has nothing to do with the policy that comes after it."""
    create, memory = do.CreatePod("a1-1", {}), b.memory()
    for seconds, reason in ((1, Reason.QUOTA_EXCEEDED), (5, Reason.POD_REFUSED), (9, Reason.POD_REFUSED)):
        memory = failed(b.situation(None, seconds, memory=memory), create, Failure("no", reason))
    assert memory.troubles[do.CreatePod].since == b.at(5)


def test_a_call_that_never_left_is_not_doubted() -> None:
    """Connection refused; and a reading changes nothing over there."""
    assert after_failures(REPORT, replace(NO_ANSWER, fate_unknown=False)).doubt_since is None
    assert after_failures(do.ReadBack(b.conductor_task(), OUTCOME), NO_ANSWER).doubt_since is None


def test_a_conflict_rests_only_until_a_newer_object_arrives() -> None:
    """The watch brings it within milliseconds."""
    conflict = Failure("changed", conflict=True)
    [trouble] = after_failures(do.PatchStatus({}, guarded=True), conflict).troubles.values()
    assert trouble.holds(b.at(1.5), "1")
    assert not trouble.holds(b.at(1.5), "2")
    assert not trouble.holds(b.at(2), "1")


def test_conflicts_in_a_row_rest_no_longer() -> None:
    """Each newer object is worth a try; the back-off of failures would be 16 s by now."""
    conflict = Failure("changed", conflict=True)
    [trouble] = after_failures(do.PatchStatus({}, guarded=True), conflict, times=5).troubles.values()
    assert (trouble.count, trouble.until) == (5, b.at(2))


@given(st.integers(1, 60), st.text(max_size=5))
def test_back_off_grows_to_its_cap(count: int, uid: str) -> None:
    """Doubled each time, less up to a half, the same for the same attempt."""
    rest = backoff(uid, "Report", count, CONFIG)
    full = timedelta(seconds=min(60.0, 2.0 ** (count - 1)))
    assert full / 2 <= rest <= full
    assert rest == backoff(uid, "Report", count, CONFIG)


def test_attempts_that_failed_together_are_not_repeated_together() -> None:
    """A server that was away for thousands of attempts comes back to calls spread over half the rest."""
    assert len({backoff(f"uid-{number}", "Report", 5, CONFIG) for number in range(50)}) > 40


@given(st.text())
def test_jitter_is_a_fraction(text: str) -> None:
    """In [0, 1), from the text alone."""
    assert 0 <= fraction(text) < 1


def test_an_attempt_that_was_under_way_is_doubted() -> None:
    """The process before may have made calls that still land."""
    adopted = first_memory("u", b.at(1), under_way=True, reports=2)
    assert (adopted.adopted, adopted.doubt_since, adopted.reports) == (True, b.at(1), 2)
    assert first_memory("u", b.at(1), under_way=False, reports=0).doubt_since is None


def test_evidence_is_kept_with_its_execution() -> None:
    """A later execution asks again."""
    ask = do.AskEvidence("r", "b", "c")
    landed = Landed(Publication("c", {"k": "v"}), ("d",))
    assert after(b.memory(), ask, landed).evidence == Evidence(2, landed.publication, ("d",))
    assert after(b.memory(), ask, Landed()).evidence == Evidence(2)


def test_a_report_without_effect_rests_longer_each_time() -> None:
    """Answered 200, and the task is still IN_PROGRESS: it must not be sent in a circle."""
    open_still = Verdict(Standing.OPEN, "Conductor shows the task as IN_PROGRESS", b.at(1), after_report=True)
    once = after(b.memory(), REPORT, open_still)
    twice = after(once, REPORT, open_still)
    assert (twice.reports, twice.verdict) == (2, open_still)
    assert once.troubles[do.Report].until < twice.troubles[do.Report].until
    assert "no effect" in twice.troubles[do.Report].message


def test_a_hindrance_counts_from_its_first_sight() -> None:
    """Also while the kubelet tries another pull; a pod that started is hindered no more."""
    pulling = b.pod(containers=[b.container("agent"), b.container("task", waiting={"reason": "ErrImagePull"})])
    assert looked(b.situation(None, 2, pods=(b.pod(),))).hindered is None
    first = looked(b.situation(None, 3, pods=(pulling,)))
    assert first.hindered == ("a1-1", b.at(3))
    assert looked(b.situation(None, 9, pods=(b.pod(),), memory=first)).hindered == ("a1-1", b.at(3))
    assert looked(b.situation(None, 9, pods=(b.running_pod(),), memory=first)).hindered is None


def test_a_hindrance_is_that_of_one_pod() -> None:
    """The next execution's pod has all the patience again."""
    pulling = b.container("task", waiting={"reason": "ErrImagePull"})
    second = b.pod(2, containers=[b.container("agent"), pulling])
    earlier = b.memory(hindered=Hindered("a1-1", b.at(3)))
    assert looked(b.situation(None, 9, pods=(second,), memory=earlier)).hindered == ("a1-2", b.at(9))


def test_a_look_notes_pods_and_the_outcomes_first_sight() -> None:
    """From there the time of reporting counts."""
    ended = b.attempt(status={"outcome": b.completed()})
    memory = looked(b.situation(ended, 7, pods=(b.pod(),)))
    assert (memory.seen, memory.outcome_seen_at) == (frozenset({"a1-1"}), b.at(7))
    assert looked(b.situation(ended, 9, pods=(b.pod(),), memory=memory)).outcome_seen_at == b.at(7)


def test_a_heartbeat_that_failed_is_tried_again_long_before_the_task_times_out() -> None:
    """Time-out 60 s, heartbeats each 20 s: a rest of up to a minute would cost the task."""
    task = b.conductor_task(response_timeout_seconds=60)
    beat = do.Heartbeat(task)
    memory = after_failures(beat, Failure("away"), 20)
    assert memory.troubles[do.Heartbeat].until <= b.at(1) + timedelta(seconds=20 / 3)


MISSING = Verdict(Standing.MISSING, "Conductor no longer knows the task", b.at(1), after_report=False)
BEAT = do.Heartbeat(b.conductor_task())


def test_a_task_is_gone_when_it_is_missing_twice_seconds_apart() -> None:
    """A single answer may come from a server that has just started, and all work would be thrown away."""
    once = after(b.memory(), BEAT, MISSING, 1)
    assert (once.verdict, once.task_missing_since) == (None, b.at(1))
    assert after(once, BEAT, MISSING, 5.9).verdict is None
    twice = after(once, BEAT, MISSING, 6)
    assert twice.verdict is not None
    assert (twice.verdict.standing, twice.verdict.detail) == (Standing.SUPERSEDED, MISSING.detail)


def test_a_task_that_is_there_again_was_never_gone() -> None:
    """The count begins anew."""
    open_task = Verdict(Standing.OPEN, "it is there", b.at(3), after_report=False)
    there = after(after(b.memory(), BEAT, MISSING, 1), BEAT, open_task, 3)
    assert (there.verdict, there.task_missing_since) == (open_task, None)
    assert after(there, BEAT, MISSING, 8).verdict == open_task


def test_a_report_about_a_missing_task_rests_until_the_second_look() -> None:
    """It is not repeated in a circle, and not given up."""
    once = after(b.memory(), REPORT, MISSING, 1)
    assert "asked once more" in once.troubles[do.Report].message
    assert after(once, REPORT, MISSING, 6).troubles == {}


def test_a_task_that_is_missing_after_the_result_was_accepted_is_not_looked_for() -> None:
    """Its workflow is archived; the reading ends the doubt."""
    read = after(b.memory(), do.ReadBack(b.conductor_task(), Outcome(status="COMPLETED", reason="Completed")), MISSING)
    assert read.verdict is not None


def test_a_branch_holds_no_publication_when_it_is_missing_twice_seconds_apart() -> None:
    """What is concluded from that runs the work again, or fails it."""
    question = do.AskEvidence("repo", "main", "commit-a")
    once = after(b.memory(), question, Missing(), 1)
    assert (once.evidence, do.AskEvidence in once.troubles) == (None, True)
    assert after(once, question, Missing(), 6).evidence == Evidence(2)
    found = after(once, question, Landed(Publication("commit-b", {})), 2)
    assert (found.evidence, found.branch_missing_since) == (Evidence(2, Publication("commit-b", {})), None)
    assert after(b.memory(), question, None, 1).evidence == Evidence(2)


def test_a_staging_branch_is_gone_when_it_is_missing_twice_seconds_apart() -> None:
    """It fences whoever may still want to merge it."""
    deletion, other = do.DeleteStaging("repo", "staging-1"), do.DeleteStaging("repo", "staging-2")
    once = after(b.memory(), deletion, Missing(), 1)
    assert (once.staging_deleted, do.DeleteStaging in once.troubles) == (frozenset(), True)
    assert after(once, deletion, Missing(), 6).staging_deleted == {"staging-1"}
    assert after(once, other, Missing(), 6).staging_deleted == frozenset()
    assert after(once, deletion, None, 2).staging_deleted == {"staging-1"}


def sight(seconds: float, memory: Memory, **more: Any) -> Situation:
    """A look at a pod whose deletion somebody asked for at second 5, by the API server's clock, with 30 s of grace."""
    leaving = b.pod(meta={"deletionTimestamp": b.stamp(35), "deletionGracePeriodSeconds": 30})
    s = b.situation(None, seconds, pods=(leaving,), memory=memory, **more)
    return replace(s, memory=looked(s))


def lost_at(s: Situation) -> datetime | None:
    """When the pod begins to count as lost."""
    return s.lost_at(s.pods[0])


def test_a_time_that_an_object_carries_is_on_our_own_clock() -> None:
    """The API server's is ahead by ten minutes, or behind."""
    for offset in (timedelta(minutes=10), timedelta(minutes=-10)):
        s = sight(5 - offset.total_seconds(), b.memory(), offset=offset)
        assert lost_at(s) == b.at(35 + 60) - offset


def test_once_seen_a_time_stays_where_it_is() -> None:
    """Whatever is set afterwards."""
    first = sight(6, b.memory())
    assert lost_at(sight(7, first.memory, offset=timedelta(minutes=5))) == lost_at(first) == b.at(95)


def test_nothing_has_happened_before_a_look_that_did_not_show_it() -> None:
    """The clock was set five minutes ahead since: the pod's deletion looks old."""
    earlier = b.memory(looked_at=b.at(4))
    assert lost_at(sight(6, earlier, offset=timedelta(minutes=5))) == b.at(4 + 30 + 60)


def test_nothing_has_happened_later_than_it_is_seen() -> None:
    """The clock was set ten minutes back: the deletion lies in the future."""
    assert lost_at(sight(6, b.memory(), offset=timedelta(minutes=-10))) == b.at(6 + 30 + 60)


def test_every_time_that_a_patience_counts_from_is_put_on_our_own_clock() -> None:
    """Creation and conditions of the attempt; creation, placement, deletion, end and silence of its pods."""
    conditions = [
        {"type": "Ready", "status": "False", "lastTransitionTime": b.stamp(7)},
        {"type": "ContainersReady", "status": "True"},
    ]
    silent = b.running_pod(startTime=b.stamp(6), conditions=conditions, meta={"creationTimestamp": b.stamp(5)})
    ended = b.ended_pod(2, startTime=b.stamp(6), meta={"deletionTimestamp": b.stamp(9)})
    status = {"conditions": [b.condition("PodReady", "False", seconds=3), b.condition("Complete", seconds=4)]}
    moments = looked(b.situation(b.attempt(status=status), 20, pods=(silent, ended))).moments
    assert set(moments) == {b.at(0), b.at(3), b.at(4), b.at(5), b.at(6), b.at(7), b.at(9), b.at(10)}


def test_times_of_what_is_gone_are_forgotten() -> None:
    """Thousands of attempts are remembered."""
    s = sight(6, b.memory())
    assert set(looked(b.situation(None, 7, memory=s.memory)).moments) == {b.START}


def test_a_pod_whose_name_is_taken_was_not_created() -> None:
    """AlreadyExists is success, unless the pod belongs to an earlier attempt of this name: that one is waited for."""
    taken = b.situation(memory=b.memory(), strangers=(Pod.model_validate(b.pod(uid="uid-former")),))
    memory = learned(taken, do.CreatePod("a1-1", {}), None)
    trouble = memory.troubles[do.CreatePod]
    assert (memory.created, memory.created_at) == ({}, None)
    assert (trouble.reason, trouble.until > taken.now) == (Reason.POD_NAME_TAKEN, True)


@pytest.mark.parametrize(("version", "rests"), [("1", True), ("2", False)])
def test_a_status_patch_that_changed_nothing_rests(version: str, rests: bool) -> None:
    """Repeated at once, it would change nothing again: the installed CRD lacks one of our fields."""
    memory = after(b.memory(), do.PatchStatus({"phase": "Running"}), Patched(version))
    assert (do.PatchStatus in memory.troubles) == rests


def test_the_patience_with_an_agent_that_gave_up_counts_from_its_outcome() -> None:
    """Not from each look, and anew for the next execution."""
    gave_up = b.attempt(status={"executions": 1, "outcome": b.given_up()})
    memory = looked(b.situation(gave_up, 7))
    assert looked(b.situation(gave_up, 9, memory=memory)).recoverable_since == b.at(7)
    assert looked(b.situation(gave_up, 9000, memory=memory)).recoverable_since == b.at(7)
    replaced = b.attempt(status={"executions": 2})
    assert looked(b.situation(replaced, 9, memory=memory)).recoverable_since is None
