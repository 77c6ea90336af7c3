"""The loop over a small world: whole lives of attempts, and what happens when calls fail or the operator dies."""

import asyncio
import base64
import gzip
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from loguru import logger

from perago.wire.depth import MOST_LEVELS
from perago_operator import pulse
from perago_operator.core.config import Config, Limits
from perago_operator.ports import QuotaExceeded, Refused, Unreachable
from perago_operator.reconcile import loop
from tests import builders as b
from tests.fakes.conductor_server import Step
from tests.fakes.faulty import raising
from tests.fakes.waiting import until
from tests.faults.kinds import Held, cut_before, lost
from tests.unit.perago_operator.world import KEY, World

AWAY = Unreachable("connection refused")


async def polled_and_running(config: Config | None = None, *, quiet: bool = False) -> World:
    """A world in which a polled attempt's pod runs."""
    world = World(config, quiet=quiet)
    await world.add_polled()
    await world.kubelet(b.running_pod())
    return world


def staging_of(world: World) -> dict[str, Any]:
    """What the first attempt's agent says of its staging branch."""
    return {**b.STAGING, "branch": b.staging_branch(world.cluster.objects["PeragoAttempt", "ns", b.NAME])}


def calls(world: World) -> list[str]:
    """Everything that was asked of the cluster, events aside."""
    return [call for call in world.cluster.faults.seen if call != "record_event"]


PATCH = "patch_attempt_status"
ENDING = ["pod_log_tail", "delete_pod", "release_pod", PATCH, "release_attempt"]


async def test_a_short_attempt_costs_five_writes() -> None:
    """Pod created, pod deleted and released, the status, finalizer released; the bridge has created it before."""
    world = await polled_and_running(quiet=True)
    await world.agent(outcome=b.completed())
    assert calls(world) == ["create_pod", *ENDING]
    assert world.cluster.events == []
    assert world.conductor.faults.seen == ["poll", "read", "report", "read"]


async def test_the_status_of_a_short_attempt_tells_all_of_it() -> None:
    """Where its pod was, and how long it took to start, although no status was written before its end."""
    world = await polled_and_running(quiet=True)
    await world.agent(outcome=b.completed())
    status = world.status()
    assert (status["phase"], status["podName"], status["nodeName"], status["executions"]) == (
        "Succeeded",
        "a1-1",
        "node-1",
        1,
    )
    assert status["timings"].keys() == {"queued", "starting", "reporting"}


async def test_what_lasts_is_shown_while_it_does() -> None:
    """That the pod starts, and that it runs: one status each, after a moment at most."""
    world = World(quiet=True)
    await world.add_polled()
    assert (calls(world), world.status()) == (["create_pod"], {})
    await world.pass_time(world.config.quiet_start)
    assert (world.status()["phase"], world.status()["podName"]) == ("Starting", "a1-1")
    await world.kubelet(b.running_pod())
    assert world.status()["phase"] == "Starting"
    await world.pass_time(world.config.quiet_seconds)
    assert world.status()["phase"] == "Running"
    assert calls(world) == ["create_pod", PATCH, PATCH]


async def test_a_pod_that_runs_soon_costs_one_status() -> None:
    """Nobody has to know that it was starting."""
    world = await polled_and_running(quiet=True)
    await world.pass_time(world.config.quiet_seconds)
    assert (world.status()["phase"], calls(world)) == ("Running", ["create_pod", PATCH])


async def test_what_people_have_to_do_something_about_is_shown_at_once() -> None:
    """An image that cannot be pulled, for example."""
    world = World(quiet=True)
    await world.add_polled()
    await world.kubelet(b.pod(containers=[b.container("task", waiting={"reason": "InvalidImageName"})]))
    assert world.status().get("outcome", {}).get("reason") == "InvalidTask"


async def test_a_helper_that_does_not_start_is_shown_at_once() -> None:
    """The task runs all the same."""
    world = await polled_and_running(quiet=True)
    helper = b.container("helper", waiting={"reason": "ErrImagePull", "message": "no such image"})
    running = b.running_pod()
    running["status"]["containerStatuses"].append(helper)
    await world.kubelet(running)
    assert world.status()["phase"] == "Running"
    assert "helper" in str(world.status()["conditions"])


async def test_another_process_serves_an_attempt_whose_status_says_nothing_yet() -> None:
    """Its pod says that it is under way: it is not started a second time, and Conductor's task is looked at twice."""
    world = await polled_and_running(quiet=True)
    await world.restart()
    await world.settle()
    assert (world.status()["phase"], world.pods) == ("Running", ["a1-1"])
    await world.agent(outcome=b.completed())
    assert world.conductor.tasks[b.NAME].accepted == 1
    assert world.attempt()["metadata"]["finalizers"] != []
    await world.pass_time(60)
    assert world.attempt()["metadata"]["finalizers"] == []


async def test_the_pod_is_created_before_any_status_is_written() -> None:
    """Created → pod is one call."""
    world = World()
    await world.add_polled()
    assert calls(world)[0] == "create_pod"
    assert world.status()["phase"] == "Starting"


async def test_a_completed_attempt_is_accepted_and_leaves_nothing() -> None:
    """No pod, no finalizer, one result at Conductor."""
    world = await polled_and_running()
    await world.agent(outcome=b.completed())
    assert world.status()["phase"] == "Succeeded"
    assert world.status()["reporting"]["state"] == "Accepted"
    assert world.conductor.tasks[b.NAME].accepted == 1
    assert (world.pods, world.attempt()["metadata"]["finalizers"]) == ([], [])


async def test_the_tasks_log_outlives_its_pod() -> None:
    """Its last lines are at Conductor; that they cannot be sent stops nothing."""
    world = await polled_and_running()
    world.cluster.logs["a1-1", "task"] = "one\ntwo"
    await world.agent(outcome=b.completed())
    assert world.conductor.tasks[b.NAME].log == ["one\ntwo"]
    other = await polled_and_running()
    other.cluster.faults.on("pod_log_tail", raising(AWAY), None)
    await other.agent(outcome=b.completed())
    await other.pass_time(2)
    assert (other.status()["phase"], other.pods) == ("Succeeded", [])


async def test_a_failed_attempts_log_is_in_the_last_status() -> None:
    """No write more than without it; by hand as well, where nobody else keeps the log."""
    world = World()
    await world.add(b.attempt(standalone=True))
    await world.kubelet(b.running_pod())
    world.cluster.logs["a1-1", "task"] = "one\ntwo"
    before = len(calls(world))
    await world.agent(outcome=b.failure())
    assert world.status()["log"] == {"lines": ["one", "two"]}
    ending = ["pod_log_tail", "delete_pod", "release_pod", "patch_attempt_status", "release_attempt"]
    assert calls(world)[before:] == ending


async def test_a_task_that_ends_before_its_kubelet_knows_of_it_keeps_its_log() -> None:
    """The kubelet says that the container waits to start, and the watch shows a second later that it has ended."""
    world = World()
    await world.add_polled()
    world.cluster.logs["a1-1", "task"] = "boom"
    waits = Refused("x", status=400, message="container is waiting to start")
    world.cluster.faults.on("pod_log_tail", raising(waits))
    await world.agent(outcome=b.failure())
    assert (world.pods, world.conductor.tasks[b.NAME].status) == (["a1-1"], "FAILED")
    await world.kubelet(b.ended_pod())
    assert world.conductor.tasks[b.NAME].log == ["boom"]
    assert (world.status()["log"], world.pods) == ({"lines": ["boom"]}, [])


async def test_a_failed_pod_is_kept_and_then_deleted() -> None:
    """The attempt is over and released meanwhile."""
    world = World()
    await world.add(b.attempt(standalone=True, keepFailedPodsSeconds=60))
    await world.kubelet(b.running_pod())
    await world.agent(outcome=b.failure())
    assert (world.status()["phase"], world.pods) == ("Failed", ["a1-1"])
    assert world.attempt()["metadata"]["finalizers"] == []
    await world.kubelet(b.ended_pod())
    await world.restart()
    await world.pass_time(59)
    assert world.pods == ["a1-1"]
    await world.pass_time(11)
    assert world.pods == []


async def test_a_standalone_attempt_is_held_run_and_released() -> None:
    """Made by hand, without our finalizer; Conductor hears nothing."""
    world = World()
    await world.add(b.attempt(standalone=True, meta={"finalizers": []}))
    assert calls(world)[:2] == ["hold_attempt", "create_pod"]
    await world.kubelet(b.running_pod())
    await world.agent(outcome=b.completed())
    assert world.status()["reporting"] == {"state": "NotRequired"}
    assert (world.status()["phase"], world.conductor.faults.seen) == ("Succeeded", [])


async def test_an_outcome_waits_for_conductor_and_is_delivered_once() -> None:
    """Conductor is unreachable when the attempt ends; the result is kept, and the status says why it waits."""
    world = await polled_and_running()
    world.conductor.faults.on("report", raising(AWAY), None)
    await world.agent(outcome=b.completed())
    assert world.status()["phase"] == "Finishing"
    assert world.status()["reporting"]["lastError"] == "connection refused"
    world.conductor.faults.clear()
    await world.pass_time(5)
    assert world.status()["reporting"]["state"] == "Accepted"
    assert "lastError" not in world.status()["reporting"]


async def test_the_lease_goes_on_while_reports_fail() -> None:
    """Report and lease alternate, so that the task does not time out meanwhile."""
    world = await polled_and_running()
    world.conductor.faults.on("report", raising(AWAY), None)
    await world.agent(outcome=b.completed())
    await world.pass_time(21)
    assert world.conductor.tasks[b.NAME].leases == 1


async def test_the_lease_is_extended_every_third_of_the_time_out() -> None:
    """Response time-out 60 s: between 18 and 20 s after the last one."""
    world = await polled_and_running()
    await world.pass_time(17)
    assert world.conductor.tasks[b.NAME].leases == 0
    await world.pass_time(3)
    assert world.conductor.tasks[b.NAME].leases == 1


async def test_a_task_canceled_in_conductor_stops_its_pod_within_a_heartbeat() -> None:
    """Superseded: nothing is reported, the phase is Canceled."""
    world = await polled_and_running()
    world.conductor.cancel(b.NAME)
    await world.pass_time(20)
    assert world.status()["reporting"]["state"] == "Superseded"
    await world.kubelet(b.ended_pod())
    assert (world.status()["phase"], world.status()["outcome"]["reason"]) == ("Canceled", "Superseded")
    assert "report" not in world.conductor.faults.seen
    assert world.pods == []


async def test_a_task_that_timed_out_meanwhile_is_superseded() -> None:
    """The report is answered 200 and ignored; the read-back shows it."""
    world = await polled_and_running()
    world.conductor.tasks[b.NAME].status = "TIMED_OUT"
    await world.agent(outcome=b.completed())
    assert world.status()["reporting"]["state"] == "Superseded"
    assert world.status()["phase"] == "Canceled"


async def test_a_deleted_attempt_is_stopped_reported_and_gone() -> None:
    """Pod first, then Conductor, then the finalizer."""
    world = await polled_and_running()
    world.cluster.delete("PeragoAttempt", "ns", b.NAME)
    await world.settle()
    assert "report" not in world.conductor.faults.seen
    await world.kubelet(b.ended_pod())
    task = world.conductor.tasks[b.NAME]
    assert (task.status, task.reason) == ("FAILED_WITH_TERMINAL_ERROR", "attempt deleted")
    assert world.cluster.objects == {}


async def test_a_deleted_attempts_staging_branch_goes_with_it() -> None:
    """Whether it was active or only planned."""
    world = await polled_and_running()
    staging = staging_of(world)
    world.versions.branch("repo", staging["branch"])
    await world.agent(staging={**staging, "state": "Planned"})
    world.cluster.delete("PeragoAttempt", "ns", b.NAME)
    await world.kubelet(b.ended_pod())
    assert staging["branch"] not in world.versions.repositories["repo"].branches
    assert world.cluster.objects == {}


async def test_a_disrupted_attempt_runs_again_and_completes() -> None:
    """The second pod has its own number; the first is gone before."""
    world = await polled_and_running()
    await world.kubelet(b.ended_pod(agent_ended={"exitCode": 137}))
    assert (world.status()["executions"], world.pods) == (2, [])
    await world.pass_time(10)
    assert world.pods == ["a1-2"]
    await world.kubelet(b.running_pod(2))
    await world.agent(outcome=b.completed())
    assert world.status()["phase"] == "Succeeded"


@pytest.mark.parametrize("dies", [False, True], ids=["the same operator", "another one"])
async def test_the_pause_before_another_pod_outlives_the_operator(dies: bool) -> None:
    """It counts from when the loss was recorded, whoever leads then."""
    world = World(Config(disruption_backoff=200.0))
    await world.add(b.attempt(standalone=True))
    await world.kubelet(b.running_pod())
    await world.kubelet(b.ended_pod(agent_ended={"exitCode": 137}))
    until = datetime.fromisoformat(world.status()["disruption"]["until"])
    if dies:
        await world.restart()
    await world.pass_time((until - world.now).total_seconds() - 5)
    assert world.pods == []
    [ready] = [said for said in world.status()["conditions"] if said["type"] == "PodReady"]
    assert (ready["reason"], ready["status"]) == ("Disrupted", "False")
    assert ready["message"].endswith(f"another pod is created at {world.status()['disruption']['until']}")
    await world.pass_time(10)
    assert world.pods == ["a1-2"]


async def test_a_pause_costs_no_write_while_it_lasts() -> None:
    """Whoever looks in the meantime finds everything said."""
    world = await polled_and_running()
    await world.kubelet(b.ended_pod(agent_ended={"exitCode": 137}))
    before = len(calls(world))
    await world.pass_time(1)
    await world.pass_time(1)
    assert calls(world)[before:] == []


async def test_an_execution_that_was_given_up_has_not_the_last_word() -> None:
    """Its node comes back, and its agent, whose branch is gone, says that it failed: the second one's word counts."""
    world = await polled_and_running()
    await world.kubelet(b.ended_pod(agent_ended={"exitCode": 137}))
    await world.pass_time(10)
    await world.kubelet(b.running_pod(2))
    await world.agent(outcome=b.failure("RefNotFound", execution=1, traceback=["it broke"]))
    assert "outcome" not in world.status()
    assert (world.pods, world.conductor.tasks[b.NAME].status) == (["a1-2"], "IN_PROGRESS")
    await world.agent(outcome=b.completed(execution=2))
    assert (world.status()["phase"], world.conductor.tasks[b.NAME].status) == ("Succeeded", "COMPLETED")
    assert "traceback" not in world.status()["outcome"]


async def test_work_that_a_dead_pod_had_published_is_not_done_again() -> None:
    """The commit names the attempt and carries the output: COMPLETED."""
    world = await polled_and_running()
    uid, metadata = b.UID, {"perago.output": '{"result":1}'}
    world.versions.commit("repo", "main", "commit-a")
    world.versions.commit("repo", "main", "commit-b", {"perago.attempt-uid": uid, **metadata})
    world.versions.branch("repo", staging_of(world)["branch"])
    await world.agent(staging=staging_of(world))
    await world.kubelet(b.ended_pod(agent_ended={"exitCode": 137}))
    assert world.status()["outcome"]["status"] == "COMPLETED"
    assert world.status()["workspace"]["publishedRef"] == "commit-b"
    assert world.status()["executions"] == 1
    assert world.conductor.tasks[b.NAME].output["workspace"]["ref"] == "commit-b"


async def test_nothing_is_concluded_while_lakefs_cannot_be_asked() -> None:
    """The condition says what is being waited for."""
    world = await polled_and_running()
    world.versions.faults.on("find_publication", raising(AWAY), None)
    world.versions.branch("repo", staging_of(world)["branch"])
    await world.agent(staging=staging_of(world))
    await world.kubelet(b.ended_pod())
    ready = world.status()["conditions"][0]
    assert ("outcome" in world.status(), ready["reason"]) == (False, "WaitingForEvidence")
    world.versions.faults.clear()
    await world.pass_time(5)
    assert world.status()["outcome"]["reason"] == "TaskExited"


async def test_the_agents_outcome_wins_over_the_operators() -> None:
    """The agent wrote it while the pod's end was on its way: the operator's write is refused, and it looks again."""
    world = await polled_and_running()
    world.cluster.listeners.clear()
    world.cluster.merge("PeragoAttempt", "ns", b.NAME, {"status": {"outcome": b.completed()}})
    ended = world.cluster.merge("Pod", "ns", "a1-1", {"status": b.ended_pod()["status"]})
    world.stores.pods.put(ended)
    await world.settle()
    assert world.status()["outcome"]["status"] == "COMPLETED"
    world.stores.attempts.put(world.attempt())
    await world.settle()
    assert world.conductor.tasks[b.NAME].status == "COMPLETED"


async def test_a_conflict_is_resolved_by_reading_while_the_watch_is_behind() -> None:
    """A minute without the attempts' watch: one refused patch, one reading, one patch, instead of a patch a second."""
    world = await polled_and_running()
    world.lag()
    world.cluster.merge("PeragoAttempt", "ns", b.NAME, {"status": {"step": "Executing"}})
    ended = world.cluster.merge("Pod", "ns", "a1-1", {"status": b.ended_pod()["status"]})
    before = len(calls(world))
    world.stores.pods.put(ended)
    await world.settle()
    assert [call for call in calls(world)[before:] if "attempt" in call][:3] == [
        "patch_attempt_status",
        "read_attempt",
        "patch_attempt_status",
    ]
    assert world.status()["outcome"]["reason"] == "TaskExited"


async def test_a_conflict_that_cannot_be_looked_into_is_tried_again() -> None:
    """The API server fails in between."""
    world = await polled_and_running()
    world.lag()
    world.cluster.merge("PeragoAttempt", "ns", b.NAME, {"status": {"step": "Executing"}})
    world.cluster.faults.on("read_attempt", raising(AWAY))
    world.stores.pods.put(world.cluster.merge("Pod", "ns", "a1-1", {"status": b.ended_pod()["status"]}))
    await world.settle()
    assert "outcome" not in world.status()
    await world.pass_time(2)
    assert world.status()["outcome"]["reason"] == "TaskExited"


async def test_nothing_more_is_done_for_an_attempt_that_turns_out_to_be_superseded() -> None:
    """A heartbeat and the pod were due at once: the pod would be created for nothing."""
    world = World()
    world.cluster.faults.on("create_pod", raising(AWAY), None)
    await world.add_polled()
    world.conductor.cancel(b.NAME)
    world.cluster.faults.clear()
    world.cluster.faults.seen.clear()
    await world.pass_time(30)
    assert "create_pod" not in world.cluster.faults.seen
    assert world.status()["phase"] == "Canceled"


async def test_quota_is_waited_for() -> None:
    """No failure: tried again, and a condition and an event say why."""
    world = World()
    world.cluster.faults.on("create_pod", raising(QuotaExceeded("exceeded quota: pods")))
    await world.add_polled()
    ready = world.status()["conditions"][0]
    assert (world.status()["phase"], ready["reason"], world.pods) == ("Pending", "QuotaExceeded", [])
    assert world.cluster.events == [("a1", "QuotaExceeded", "exceeded quota: pods")]
    await world.pass_time(2)
    assert world.pods == ["a1-1"]


async def test_a_pod_that_is_wrong_ends_the_attempt() -> None:
    """422: Conductor learns that a retry is of no use."""
    world = World()
    refused = Refused("POST pods: 422", status=422, message="nodeSelector: must be a string")
    world.cluster.faults.on("create_pod", raising(refused))
    await world.add_polled()
    assert world.conductor.tasks[b.NAME].status == "FAILED_WITH_TERMINAL_ERROR"
    assert world.status()["outcome"]["reason"] == "InvalidTask"


async def test_an_unknown_task_starts_its_attempts_when_it_appears() -> None:
    """Condition and event meanwhile."""
    world = World()
    await world.add(b.attempt(task=None, taskRef={"name": "build"}, standalone=True))
    assert world.cluster.events[0][1] == "TaskNotFound"
    assert world.pods == []
    await world.add(b.task("build"))
    assert world.pods == ["a1-1"]


async def test_attempts_wait_for_room_oldest_first() -> None:
    """maxConcurrency 1: the next one starts when the first has ended."""
    world = World()
    await world.add(b.task("build", maxConcurrency=1))
    for number in range(3):
        meta = {"name": f"a{number}", "uid": f"uid-a{number}", "creationTimestamp": b.stamp(number)}
        await world.add(b.attempt(task=None, taskRef={"name": "build"}, standalone=True, meta=meta))
    assert world.pods == ["a0-1"]
    world.cluster.merge("PeragoAttempt", "ns", "a0", {"status": {"outcome": b.completed()}})
    await world.settle()
    assert world.pods == ["a1-1"]


async def test_a_burst_is_no_fault() -> None:
    """A small node gets as many pods as its limits allow, a few of them at a time; all attempts complete in order."""
    world = World(Config(limits=Limits(per_task=50, per_namespace=20, per_node=6, starting_per_node=2)))
    await world.add(b.task("build"))
    names = [f"a{number:02}" for number in range(40)]
    for number, name in enumerate(names):
        meta = {"name": name, "uid": f"uid-{name}", "creationTimestamp": b.stamp(number)}
        await world.add(b.attempt(task=None, taskRef={"name": "build"}, standalone=True, meta=meta))
    assert world.status("a39")["conditions"][0]["reason"] == "NodeLimit"
    most, begun = 0, list[str]()
    while unfinished := [name for name in names if "outcome" not in world.status(name)]:
        live = [name for name in unfinished if f"{name}-1" in world.pods]
        starting = [name for name in live if world.status(name)["phase"] == "Starting"]
        most, begun = max(most, len(live)), begun + [name for name in live if name not in begun]
        assert len(starting) <= 2
        assert starting or len(live) == 6 or len(live) == len(unfinished)
        for name in starting:
            await world.kubelet(b.running_pod(of=name, uid=f"uid-{name}"))
        if not starting:
            world.cluster.merge("PeragoAttempt", "ns", live[0], {"status": {"outcome": b.completed(execution=1)}})
            await world.settle()
    assert (most, begun) == (6, names)


async def test_room_is_taken_before_the_pod_is_there() -> None:
    """The next attempt is looked at while the API server has not answered yet."""
    world, create_pod = World(Config(limits=Limits(per_namespace=1))), Held()
    world.cluster.faults.on("create_pod", create_pod)
    world.cluster.add(b.attempt(standalone=True))
    await create_pod.reached()
    world.cluster.add(b.attempt(standalone=True, meta={"name": "a2", "uid": "uid-a2"}))
    await until(lambda: bool(world.status("a2")))
    assert world.status("a2")["conditions"][0]["reason"] == "NamespaceLimit"
    create_pod.release()
    await world.settle()
    assert world.pods == ["a1-1"]


async def test_a_pod_that_is_refused_takes_no_room() -> None:
    """The next attempt does not wait for it, however long it is tried."""
    world = World(Config(limits=Limits(per_namespace=1)))
    world.cluster.faults.on("create_pod", raising(Refused("no", status=403, message="x is forbidden: no")))
    await world.add(b.attempt(standalone=True))
    await world.add(b.attempt(standalone=True, meta={"name": "a2", "uid": "uid-a2"}))
    assert world.pods == ["a2-1"]


async def test_a_retry_waits_until_the_earlier_attempt_cannot_publish() -> None:
    """The earlier pod is stopped and its branch deleted before the later one starts."""
    world = await polled_and_running()
    staging = staging_of(world)
    world.versions.branch("repo", staging["branch"])
    await world.agent(staging=staging)
    identity = b.conductor_task(task_id="a2", retry_count=1, workflow_instance_id="wf-1", reference_task_name="ref")
    world.conductor.tasks[b.NAME].status = "TIMED_OUT"
    await world.add(b.attempt(conductor=identity.to_json(), meta={"name": "a2", "uid": "uid-a2"}))
    assert (world.pods, world.status("a2")["conditions"][0]["reason"]) == (["a1-1"], "EarlierAttempt")
    await world.kubelet(b.ended_pod())
    assert staging["branch"] not in world.versions.repositories["repo"].branches
    assert world.pods == ["a2-1"]


async def test_a_pod_of_an_earlier_attempt_of_that_name_is_waited_for() -> None:
    """Its name is taken; it is not mistaken for ours."""
    world = World()
    await world.add(b.running_pod(uid="another"))
    await world.add_polled()
    assert world.status()["phase"] == "Pending"
    world.cluster.merge("Pod", "ns", "a1-1", {"metadata": {"finalizers": []}})
    world.cluster.delete("Pod", "ns", "a1-1")
    await world.pass_time(2)
    assert world.status()["phase"] == "Starting"


async def test_the_time_to_live_deletes_the_attempt() -> None:
    """Once it is finished, and not before."""
    world = World()
    await world.add(b.attempt(standalone=True, ttlSecondsAfterFinished=10))
    await world.kubelet(b.running_pod())
    await world.agent(outcome=b.completed())
    await world.pass_time(9)
    assert len(world.cluster.objects) == 1
    await world.pass_time(2)
    assert world.cluster.objects == {}


async def test_a_report_of_unknown_fate_is_doubted_for_a_lease_period() -> None:
    """It landed; the finalizer goes after one more reading."""
    world = await polled_and_running()
    world.conductor.faults.on("report", lost)
    await world.agent(outcome=b.completed())
    await world.pass_time(2)
    assert world.status()["phase"] == "Succeeded"
    assert world.attempt()["metadata"]["finalizers"] != []
    await world.pass_time(20)
    assert world.attempt()["metadata"]["finalizers"] == []
    assert world.conductor.tasks[b.NAME].accepted == 1


async def test_a_task_that_a_late_lease_revived_is_reported_again() -> None:
    """The reading a lease period later shows it IN_PROGRESS."""
    world = await polled_and_running()
    world.conductor.workflows["wf-1"].to_come.append(Step("publish"))
    land = world.conductor.lease_under_way(b.NAME)
    world.conductor.faults.on("report", lost)
    await world.agent(outcome=b.completed())
    await world.pass_time(2)
    land()
    await world.pass_time(20)
    assert world.conductor.tasks[b.NAME].status == "COMPLETED"


async def test_a_task_revived_in_a_workflow_that_has_ended_is_let_go() -> None:
    """Conductor shows it IN_PROGRESS forever and ignores every report: what was accepted before stays accepted."""
    world = await polled_and_running()
    land = world.conductor.lease_under_way(b.NAME)
    world.conductor.faults.on("report", lost)
    await world.agent(outcome=b.completed())
    await world.pass_time(2)
    assert world.status()["reporting"]["state"] == "Accepted"
    land()
    await world.pass_time(20)
    assert (world.status()["phase"], world.status()["reporting"]["state"]) == ("Succeeded", "Accepted")
    assert world.attempt()["metadata"]["finalizers"] == []


async def test_a_report_to_a_workflow_that_has_ended_is_not_repeated() -> None:
    """A late lease has revived a canceled task, so no heartbeat shows that nobody waits for the result."""
    world = await polled_and_running()
    land = world.conductor.lease_under_way(b.NAME)
    world.conductor.cancel(b.NAME)
    land()
    await world.agent(outcome=b.completed())
    reporting = world.status()["reporting"]
    assert (reporting["state"], world.conductor.faults.seen.count("report")) == ("Superseded", 1)
    assert "its workflow has ended" in reporting["lastError"]
    assert world.attempt()["metadata"]["finalizers"] == []


async def test_a_report_that_conductor_ignores_is_not_sent_in_a_circle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answered 200, and the task stays IN_PROGRESS: tried again after its back-off."""
    world = await polled_and_running()

    async def ignored(*_: object) -> None:
        world.conductor.faults.seen.append("report")

    monkeypatch.setattr(world.conductor, "report", ignored)
    await world.agent(outcome=b.completed())
    assert world.conductor.faults.seen.count("report") == 1
    assert "no effect" in world.status()["reporting"]["lastError"]
    monkeypatch.undo()
    await world.pass_time(2)
    assert world.conductor.tasks[b.NAME].accepted == 1


async def test_a_status_that_the_server_does_not_take_is_not_sent_in_a_circle(monkeypatch: pytest.MonkeyPatch) -> None:
    """An older CRD prunes a field: the patch changes nothing."""
    world = World()

    async def pruned(*_: object, **__: object) -> Any:
        world.cluster.faults.seen.append("patch")
        return world.attempt()

    monkeypatch.setattr(world.cluster, "patch_attempt_status", pruned)
    await world.add_polled()
    assert world.cluster.faults.seen.count("patch") == 1


STAGES: list[Any] = ["create_pod", "patch_attempt_status", "delete_pod", "release_pod", "release_attempt"]


@pytest.mark.parametrize("method", STAGES)
@pytest.mark.parametrize("landed", [True, False])
async def test_any_call_to_the_cluster_may_fail(method: str, landed: bool) -> None:
    """Carried out or not, with the answer lost: the attempt ends the same, and nothing is left."""
    world = World()
    world.cluster.faults.on(method, lost if landed else cut_before)
    await world.add_polled()
    await world.pass_time(2)
    await world.kubelet(b.running_pod())
    await world.agent(outcome=b.completed())
    for _ in range(3):
        await world.pass_time(3)
    assert world.status()["phase"] == "Succeeded"
    assert (world.pods, world.attempt()["metadata"]["finalizers"]) == ([], [])
    assert world.conductor.tasks[b.NAME].accepted == 1


@pytest.mark.parametrize("rounds", range(12))
async def test_the_operator_may_die_at_any_moment(rounds: int) -> None:
    """After any number of steps of the event loop: one accepted result, and nothing left."""
    world = await polled_and_running()
    world.cluster.merge("PeragoAttempt", "ns", b.NAME, {"status": {"outcome": b.completed()}})
    for _ in range(rounds):
        await asyncio.sleep(0)
    await world.restart()
    await world.settle()
    await world.pass_time(61)
    assert world.status()["phase"] == "Succeeded"
    assert (world.pods, world.attempt()["metadata"]["finalizers"]) == ([], [])
    assert world.conductor.tasks[b.NAME].accepted == 1


async def test_a_restarted_operator_recognises_the_pod_it_had_made() -> None:
    """Killed right after the creation, before any status: the same pod, the same execution."""
    world = World()
    world.cluster.faults.on("patch_attempt_status", raising(AWAY), None)
    await world.add_polled()
    world.cluster.faults.clear()
    await world.restart()
    await world.settle()
    assert (world.status()["executions"], world.pods) == (1, ["a1-1"])


async def test_a_fault_of_ours_is_logged_and_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop's edge: the attempt is looked at again later."""
    world = World()

    async def broken(*_: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(world.cluster, "create_pod", broken)
    await world.add_polled()
    assert world.pods == []
    monkeypatch.undo()
    await world.pass_time(61)
    assert world.pods == ["a1-1"]


async def test_an_attempt_that_no_rule_can_be_asked_about_ends_with_the_second_look() -> None:
    """A value that nobody foresaw: it is not looked at for ever, Conductor is told, and nothing is left."""
    world = World()
    await world.add_polled(activeDeadlineSeconds=5, status={"timings": {"queued": 1e300}})
    assert "outcome" not in world.status()
    await world.pass_time(61)
    outcome = world.status()["outcome"]
    assert (outcome["status"], outcome["reason"]) == ("FAILED_WITH_TERMINAL_ERROR", "InvalidTask")
    assert outcome["failureClass"] == "Configuration"
    assert "OverflowError" in outcome["message"]
    assert world.status()["reporting"]["state"] == "Accepted"
    assert world.attempt()["metadata"]["finalizers"] == []


DEEP = {"params": b.nested(MOST_LEVELS)}


def _packed(text: bytes) -> str:
    return base64.b64encode(gzip.compress(text)).decode()


async def test_an_attempt_that_cannot_be_read_has_an_outcome_at_once() -> None:
    """No CRD can bound the depth of an input: people, and Conductor, hear of it, and no pod is made."""
    world = World()
    await world.add_polled(input=DEEP)
    outcome, status = world.status()["outcome"], world.status()
    assert (outcome["status"], outcome["reason"]) == ("FAILED_WITH_TERMINAL_ERROR", "InvalidSpec")
    assert "spec.input: it has more than 100 levels" in outcome["message"]
    assert (status["phase"], status["reporting"]["state"], world.pods) == ("Failed", "Accepted", [])
    assert world.attempt()["metadata"]["finalizers"] == []


async def test_nobody_else_waits_for_an_attempt_that_cannot_be_read() -> None:
    """Neither a standalone one, nor one whose claim is false, which reports to nobody."""
    world = World()
    await world.add(b.attempt(meta={"name": "deep"}, standalone=True, input=DEEP))
    await world.add_polled()
    assert (world.status("deep")["phase"], world.pods) == ("Failed", ["a1-1"])


@pytest.mark.parametrize(
    "outcome",
    [
        {**b.completed(), "output": DEEP},
        {**b.completed(), "output": None, "outputGzip": _packed(b"[" * 5_000)},
        {**b.completed(), "output": None, "outputGzip": _packed(b" " * 9_000_000)},
        {**b.completed(), "output": None, "outputGzip": "bm8gZ3ppcA=="},
    ],
    ids=["too deep", "packed and too deep", "a bomb", "no gzip"],
)
async def test_an_outcome_that_cannot_be_read_is_a_failure(outcome: dict[str, Any]) -> None:
    """It is written once, so that none can take its place: the attempt ends, and Conductor hears why."""
    world = await polled_and_running()
    await world.agent(outcome={**outcome, "execution": 1})
    task = world.conductor.tasks[b.NAME]
    assert (world.status()["phase"], task.status) == ("Failed", "FAILED")
    assert "the outcome that the attempt's agent wrote cannot be read" in str(task.reason)


async def test_an_outcome_in_the_words_of_a_newer_version_counts() -> None:
    """After a downgrade: what it ends with and its output can be read."""
    world = await polled_and_running()
    await world.agent(outcome={**b.completed(), "execution": 1, "failureClass": "Weather", "remedy": 7})
    assert (world.status()["phase"], world.conductor.tasks[b.NAME].status) == ("Succeeded", "COMPLETED")


async def test_the_words_of_a_server_are_cut_to_what_a_status_takes() -> None:
    """However long they are: a status that the API server refuses would keep the attempt from its end."""
    world = await polled_and_running()
    world.conductor.faults.on("report", raising(Unreachable("x" * 100_000)))
    await world.agent(outcome=b.completed())
    assert len(world.status()["reporting"]["lastError"]) == 4096
    refused = World()
    refused.cluster.faults.on("create_pod", raising(Refused("x" * 100_000, status=422, message="invalid")))
    await refused.add_polled()
    assert len(refused.status()["outcome"]["message"]) == 16 * 1024


async def test_a_field_of_the_status_that_cannot_be_read_is_left_out() -> None:
    """Whoever writes it writes it anew: an attempt that runs goes on."""
    world = await polled_and_running()
    await world.agent(waiting={"server": "lakeFS", "since": "0000-01-01T00:00:00Z", "until": "never", "error": ""})
    await world.agent(outcome=b.completed())
    assert world.status()["phase"] == "Succeeded"


async def test_an_attempt_waits_for_a_peragotask_that_cannot_be_read() -> None:
    """What is left of its template is not what its author wants; once it is mended, the attempt starts."""
    world = World()
    template = {"spec": {"affinity": b.nested(MOST_LEVELS)}}
    await world.add(b.task(podTemplate=template))
    await world.add_polled(task=None, taskRef={"name": "build"})
    ready = next(condition for condition in world.status()["conditions"] if condition["type"] == "PodReady")
    assert (ready["reason"], world.pods) == ("InvalidSpec", [])
    assert "PeragoTask build cannot be read: spec.podTemplate: it has more than 100 levels" in ready["message"]
    world.cluster.merge("PeragoTask", "ns", "build", {"spec": {"podTemplate": None}, "metadata": {"generation": 2}})
    await world.settle()
    assert world.pods == ["a1-1"]


async def test_an_end_that_cannot_be_written_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The API server is away when the second look fails."""
    world = World()

    async def away(*_: object, **__: object) -> None:
        raise AWAY

    monkeypatch.setattr(world.cluster, "patch_attempt_status", away)
    await world.add_polled(activeDeadlineSeconds=5, status={"timings": {"queued": 1e300}})
    await world.pass_time(61)
    assert "outcome" not in world.status()
    monkeypatch.undo()
    await world.pass_time(61)
    assert world.status()["outcome"]["reason"] == "InvalidTask"


async def test_one_fault_at_a_version_is_no_end() -> None:
    """The attempt has changed since: it is looked at once more."""
    world = World()
    await world.add_polled(activeDeadlineSeconds=3600, status={"timings": {"queued": 1e300}})
    await world.agent(step="Executing")
    assert "outcome" not in world.status()
    await world.agent(timings={"queued": 1})
    await world.pass_time(61)
    assert world.pods == ["a1-1"]


async def test_a_fault_in_one_action_does_not_hold_up_those_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The report is the first of the last actions; the pod goes and the branch is deleted whatever becomes of it."""
    world = await polled_and_running()

    async def broken(*_: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(world.conductor, "report", broken)
    await world.agent(outcome=b.completed(), staging=staging_of(world))
    await world.settle()
    assert world.pods == []
    assert "a fault" in world.status()["reporting"]["lastError"]
    monkeypatch.undo()
    await world.pass_time(61)
    assert world.conductor.tasks[b.NAME].accepted == 1


async def test_a_pod_of_somebody_else_survives_the_attempt_that_wanted_its_name() -> None:
    """A StatefulSet `a1` has a pod `a1-1` as well: the attempt waits, says so, and is canceled without harm."""
    world = World()
    owners = [{"kind": "StatefulSet", "name": "a1", "uid": "uid-of-a-database"}]
    foreign = world.cluster.add(b.running_pod(meta={"ownerReferences": owners, "labels": {}, "finalizers": []}))
    await world.add_polled()
    reasons = {condition["type"]: condition["reason"] for condition in world.status()["conditions"]}
    assert reasons["PodReady"] == "PodNameTaken"
    world.cluster.merge("PeragoAttempt", "ns", b.NAME, {"spec": {"cancel": True}})
    await world.settle()
    await world.pass_time(61)
    assert world.status()["outcome"]["reason"] == "Canceled"
    assert world.cluster.objects["Pod", "ns", "a1-1"] == foreign


async def test_the_pod_of_a_former_attempt_of_the_name_does_not_hold_up_the_next() -> None:
    """Its attempt was removed by force while nobody watched, and made again."""
    world = World()
    await world.add(b.running_pod(uid="uid-former"))
    world.cluster.delete("Pod", "ns", "a1-1")
    await world.add_polled()
    await world.pass_time(2)
    assert world.cluster.objects["Pod", "ns", "a1-1"]["metadata"]["ownerReferences"][0]["uid"] == b.UID


async def test_the_pod_of_a_former_attempt_that_cannot_be_let_go_is_tried_again_later() -> None:
    """It rests as any call that fails does, and is told; the attempt of the name now goes on meanwhile."""
    world = World()
    await world.add(b.running_pod(uid="uid-former"))
    world.cluster.delete("Pod", "ns", "a1-1")
    world.cluster.faults.on("release_pod", raising(AWAY), None)
    await world.settle()
    tried = world.cluster.faults.seen.count("release_pod")
    await world.add_polled()
    assert world.cluster.faults.seen.count("release_pod") == tried + 1
    assert world.status()["conditions"][0]["reason"] == "PodNameTaken"
    world.cluster.faults.clear()
    await world.pass_time(2)
    await world.pass_time(2)
    assert world.cluster.objects["Pod", "ns", "a1-1"]["metadata"]["ownerReferences"][0]["uid"] == b.UID


async def test_a_pod_that_has_lost_its_label_is_stopped_with_its_attempt() -> None:
    """No watch shows it: the API server is asked for it, and its owner says whose it is."""
    world = World()
    world.lag()
    await world.add_polled()
    world.stores.attempts.put(world.attempt())
    await world.settle()
    world.cluster.objects["Pod", "ns", "a1-1"]["metadata"]["labels"] = {}
    world.cluster.merge("PeragoAttempt", "ns", b.NAME, {"spec": {"cancel": True}})
    world.stores.attempts.put(world.attempt())
    await world.settle()
    assert "deletionTimestamp" in world.cluster.objects["Pod", "ns", "a1-1"]["metadata"]


async def test_an_orphaned_pod_is_let_go() -> None:
    """Somebody forced the attempt away; its pod is being deleted by the garbage collector."""
    world = World()
    await world.add(b.running_pod(meta={"deletionTimestamp": b.stamp(1)}))
    assert world.pods == []


async def test_an_orphaned_pod_that_could_not_be_released_is_tried_again() -> None:
    """Nothing else would ever look at it: its attempt is gone."""
    world = World(Config(retry_cap=0.001))
    world.cluster.faults.on("release_pod", raising(Unreachable("away")))
    await world.add(b.running_pod(meta={"deletionTimestamp": b.stamp(1)}))
    await until(lambda: world.pods == [])


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What is logged at WARNING or above."""
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(str(message)), level="WARNING")
    yield lines
    logger.remove(sink)


async def test_an_event_that_cannot_be_posted_is_logged_instead(lines: list[str]) -> None:
    """Events are for people: the attempt goes on."""
    world = await polled_and_running()
    world.cluster.faults.on("record_event", raising(AWAY))
    await world.agent(outcome=b.failure())
    assert (world.status()["phase"], world.cluster.events) == ("Failed", [])
    await until(lambda: any("event TaskFailed" in line and "connection refused" in line for line in lines))


async def test_a_fault_of_ours_in_posting_an_event_is_not_silent(lines: list[str]) -> None:
    """It has no one to raise it to."""
    world = await polled_and_running()
    world.cluster.faults.on("record_event", raising(KeyError("surprise")))
    await world.agent(outcome=b.failure())
    await until(lambda: any("event TaskFailed: internal error" in line and "KeyError" in line for line in lines))


async def test_a_call_that_hangs_holds_back_no_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise two such calls in a row would let the task time out; what was decided goes on once they answer."""
    monkeypatch.setattr(pulse, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(loop, "heartbeat_due", lambda s: s.now)  # the world's clock is not that of asyncio
    world, deletion = await polled_and_running(), Held()
    world.cluster.faults.on("delete_pod", deletion)
    world.cluster.merge("PeragoAttempt", *KEY, {"spec": {"cancel": True}})
    await deletion.reached()
    world.now += timedelta(seconds=30)
    await until(lambda: world.conductor.tasks[b.NAME].leases == 1)
    assert world.cluster.objects["Pod", "ns", "a1-1"]
    deletion.release()
    await world.settle()
    assert "delete_pod" in world.cluster.faults.seen


async def test_one_call_at_a_time_is_made_for_a_task() -> None:
    """A heartbeat beside a report could bring a completed task back to life: whatever happens waits for the answer."""
    world, report = await polled_and_running(), Held()
    world.conductor.faults.on("report", report)
    world.cluster.merge("PeragoAttempt", *KEY, {"status": {"outcome": b.completed()}})
    await report.reached()
    calls = list(world.conductor.faults.seen)
    world.now += timedelta(seconds=30)
    for _ in range(20):
        world.reconciler.enqueue(KEY)
        await asyncio.sleep(0)
    assert world.conductor.faults.seen == calls
    report.release()
    await world.settle()
    assert world.conductor.faults.seen[len(calls)] == "read"
    assert world.conductor.tasks[b.NAME].accepted == 1
