"""Single actions over the ports, and foreign errors in the core's words."""

from collections.abc import Callable
from typing import Any

import pytest

from perago.wire import ConductorTask, Outcome
from perago_operator import ports
from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.reasons import Reason
from perago_operator.clocks import Clock
from perago_operator.core import actions as do
from perago_operator.core.answers import Missing, Standing, Verdict
from perago_operator.reconcile.apply import Applier, failure_of
from tests import builders as b
from tests.fakes.faulty import raising
from tests.unit.perago_operator.world import World

OUTCOME = Outcome(status="FAILED", reason="TaskFailed", message="it broke")
CREATE = do.CreatePod("a1-1", {})


def applier(world: World) -> Applier:
    """Over that world's parts."""
    return Applier(world.cluster, world.conductor, world.versions, Clock(world.seconds, lambda: world.now))


async def carried_out(world: World, action: do.Action) -> Any:
    """The action's answer."""
    return await applier(world).carry_out(action, PeragoAttempt.model_validate(b.attempt()))


@pytest.fixture
def world() -> World:
    """With one task that waits for a result."""
    world = World()
    world.conductor.schedule("build", b.NAME, workflow_instance_id="wf-1")
    world.conductor.tasks[b.NAME].status = "IN_PROGRESS"
    return world


async def test_a_pod_that_is_there_already_was_created(world: World) -> None:
    """Names are deterministic."""
    world.cluster.add(b.pod())
    assert await carried_out(world, do.CreatePod("a1-1", b.pod())) is None


@pytest.mark.parametrize("owners", [[], [{"kind": "StatefulSet", "name": "a1", "uid": "uid-of-a-database"}]])
async def test_a_pod_of_somebody_else_under_our_name_is_not_ours(world: World, owners: list[Any]) -> None:
    """A StatefulSet `a1` has a pod `a1-1` as well."""
    foreign = world.cluster.add(b.pod(meta={"ownerReferences": owners}))
    with pytest.raises(ports.AlreadyExists, match="another pod has the name a1-1") as refused:
        await carried_out(world, do.CreatePod("a1-1", b.pod()))
    assert failure_of(refused.value, CREATE).reason is Reason.POD_NAME_TAKEN
    await carried_out(world, do.DeletePod("a1-1", "uid-of-ours"))
    await carried_out(world, do.ReleasePod("a1-1", "uid-of-ours"))
    assert world.cluster.objects["Pod", "ns", "a1-1"] == foreign


async def test_only_the_api_server_says_that_a_pod_is_gone(world: World) -> None:
    """What it shows goes into the store, as if the watch had shown it."""
    assert await carried_out(world, do.LookForPod("a1-1")) is None
    world.cluster.add(b.pod())
    assert (await carried_out(world, do.LookForPod("a1-1")))["metadata"]["name"] == "a1-1"


async def test_a_report_is_read_back(world: World) -> None:
    """A 200 does not mean acceptance."""
    verdict = await carried_out(world, do.Report(b.conductor_task(), OUTCOME))
    assert isinstance(verdict, Verdict)
    assert (verdict.standing, verdict.after_report) == (Standing.ACCEPTED, True)
    assert world.conductor.faults.seen == ["read", "report", "read"]


@pytest.mark.parametrize("call", [lambda task: do.Report(task, OUTCOME), do.Heartbeat], ids=["report", "heartbeat"])
async def test_a_later_run_of_the_task_is_left_alone(
    world: World, call: Callable[[ConductorTask], do.Report | do.Heartbeat]
) -> None:
    """It has the same id, is in progress, and would take the result of the former run for its own."""
    former = (await world.conductor.poll("build", domain=None, worker_id="me", count=1, timeout_ms=0))[0].task
    world.conductor.cancel(b.NAME)
    world.conductor.rerun(b.NAME)
    later = (await world.conductor.poll("build", domain=None, worker_id="me", count=1, timeout_ms=0))[0].task
    assert (later.task_id, later.start_time == former.start_time) == (former.task_id, False)
    verdict = await carried_out(world, call(former))
    assert (verdict.standing, world.conductor.tasks[b.NAME].accepted) == (Standing.SUPERSEDED, 0)
    assert world.conductor.faults.seen == ["poll", "poll", "read"]


async def test_a_report_about_an_unknown_task_finds_it_missing(world: World) -> None:
    """404: whether nobody waits for it any more takes a second look."""
    del world.conductor.tasks[b.NAME]
    verdict = await carried_out(world, do.Report(b.conductor_task(), OUTCOME))
    assert verdict.standing is Standing.MISSING


async def test_a_task_that_is_gone_once_it_has_taken_the_report_was_archived(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its completion ended the workflow, and a listener removed both."""
    report = world.conductor.report

    async def archiving(task: ConductorTask, outcome: Outcome) -> None:
        await report(task, outcome)
        del world.conductor.tasks[b.NAME]

    monkeypatch.setattr(world.conductor, "report", archiving)
    verdict = await carried_out(world, do.Report(b.conductor_task(), OUTCOME))
    assert isinstance(verdict, Verdict)
    assert verdict.standing is Standing.ACCEPTED


async def test_a_branch_that_is_not_there_is_an_answer_of_its_own(world: World) -> None:
    """Whether it holds no publication takes another look."""
    assert await carried_out(world, do.AskEvidence("repo", "gone", "commit-a")) == Missing()


async def test_a_heartbeat_extends_the_lease_of_an_open_task(world: World) -> None:
    """And of no other: a terminal task would be rewritten."""
    await carried_out(world, do.Heartbeat(b.conductor_task()))
    assert world.conductor.tasks[b.NAME].leases == 1
    world.conductor.cancel(b.NAME)
    verdict = await carried_out(world, do.Heartbeat(b.conductor_task()))
    assert (verdict.standing, world.conductor.faults.seen[-1]) == (Standing.SUPERSEDED, "read")


async def test_a_heartbeat_leaves_a_queued_task_alone(world: World) -> None:
    """It will be handed out again, as the same attempt."""
    world.conductor.tasks[b.NAME].status = "SCHEDULED"
    assert (await carried_out(world, do.Heartbeat(b.conductor_task()))).standing is Standing.QUEUED
    assert world.conductor.tasks[b.NAME].leases == 0


async def test_a_heartbeat_after_a_lost_report_sees_that_it_arrived(world: World) -> None:
    """It knows what was sent."""
    await world.conductor.report(b.conductor_task(), OUTCOME)
    verdict = await carried_out(world, do.Heartbeat(b.conductor_task(), OUTCOME))
    assert verdict.standing is Standing.ACCEPTED


async def test_a_container_that_has_not_started_has_no_log_yet(world: World) -> None:
    """The API server's 400; any other refusal is a failure that is said."""
    world.cluster.add(b.pod())
    world.cluster.faults.on("pod_log_tail", raising(ports.Refused("x", status=400, message="waiting to start")))
    assert await carried_out(world, do.ReadLog("a1-1", 9)) is None
    world.cluster.faults.on("pod_log_tail", raising(ports.Refused("x", status=403, message="no")))
    with pytest.raises(ports.Refused):
        await carried_out(world, do.ReadLog("a1-1", 9))


async def test_a_log_for_a_task_that_conductor_forgot_is_done_with(world: World) -> None:
    """There is nobody to read it."""
    world.conductor.faults.on("log", raising(ports.NotFound("no such task")))
    assert await carried_out(world, do.ShipLog(b.conductor_task(), "a1-1", "boom")) is None


async def test_only_a_guarded_patch_insists_on_the_version(world: World) -> None:
    """The other one is about fields that nobody else writes."""
    world.cluster.add(b.attempt(meta={"resourceVersion": "7"}))
    patched = await carried_out(world, do.PatchStatus({"phase": "Starting"}))
    assert patched["status"]["phase"] == "Starting"
    with pytest.raises(ports.Conflict):
        await carried_out(world, do.PatchStatus({"phase": "Running"}, guarded=True))


async def test_an_open_task_whose_workflow_has_ended_is_superseded(world: World) -> None:
    """A late heartbeat may have revived it; no report will ever be accepted."""
    world.conductor.workflows["wf-1"].status = "TERMINATED"
    verdict = await carried_out(world, do.ReadBack(b.conductor_task(), OUTCOME))
    assert verdict.standing is Standing.SUPERSEDED


def refused(status: int, message: str = "no") -> ports.Refused:
    """Any other no."""
    return ports.Refused(f"POST pods: {status} {message}", status=status, message=message)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ports.QuotaExceeded("exceeded quota"), Reason.QUOTA_EXCEEDED),
        (ports.Unreachable("refused"), Reason.API_UNREACHABLE),
        (ports.Conflict("changed"), Reason.POD_REFUSED),
        (ports.NotFound("gone"), Reason.POD_REFUSED),
        (refused(403), Reason.POD_REFUSED),
    ],
)
def test_every_error_of_a_port_has_a_reason(error: ports.PortError, reason: Reason) -> None:
    """And keeps its words."""
    failure = failure_of(error, CREATE)
    assert (failure.reason, failure.message) == (reason, str(error))


def test_a_refused_finalizer_is_not_a_refused_pod() -> None:
    """Each of the two calls that the pod waits for has its own reason."""
    assert failure_of(refused(403), do.HoldAttempt()).reason is Reason.FINALIZER_REFUSED
    assert failure_of(ports.Unreachable("refused"), do.HoldAttempt()).reason is Reason.API_UNREACHABLE


@pytest.mark.parametrize(
    "action",
    [
        do.AskEvidence("repo", "main", "commit-a"),
        do.DeleteStaging("repo", "staging-1"),
        do.Heartbeat(b.conductor_task()),
        do.Report(b.conductor_task(), OUTCOME),
        do.PatchStatus({}),
    ],
)
def test_only_calls_that_the_pod_waits_for_have_a_reason(action: do.Action) -> None:
    """lakeFS and Conductor are not the API server, and PodReady says nothing of them."""
    assert failure_of(ports.Unreachable("refused"), action).reason is None
    assert failure_of(refused(403), action).reason is None


def test_no_class_of_port_errors_is_forgotten() -> None:
    """Each is one of those above, or never comes from a single call."""
    known = {"Unreachable", "NotFound", "AlreadyExists", "Conflict", "QuotaExceeded", "Expired", "Refused"}
    assert {kind.__name__ for kind in ports.PortError.__subclasses__()} == known


@pytest.mark.parametrize("error", [refused(422), refused(400), refused(413), refused(403, "violates PodSecurity")])
def test_a_pod_that_is_wrong_is_wrong_for_ever(error: ports.PortError) -> None:
    """Unlike missing rights or an exhausted quota."""
    assert failure_of(error, CREATE).permanent
    assert not failure_of(error, do.PatchStatus({})).permanent
    assert not failure_of(refused(403, "forbidden"), CREATE).permanent


def test_a_policy_that_forbids_a_pod_may_change() -> None:
    """Although it answers with the status of an invalid object."""
    words = 'pods "a1-1" is forbidden: ValidatingAdmissionPolicy denied request: no team'
    assert not failure_of(refused(422, words), CREATE).permanent


def test_only_a_conflict_is_one() -> None:
    """It rests no longer than until the newer object is seen."""
    assert failure_of(ports.Conflict("changed"), do.PatchStatus({}, guarded=True)).conflict
    assert not failure_of(refused(403), do.PatchStatus({}, guarded=True)).conflict


def test_the_fate_of_a_call_is_passed_on() -> None:
    """It left us, and no answer came back."""
    assert failure_of(ports.Unreachable("time-out", fate_unknown=True), CREATE).fate_unknown
    assert not failure_of(ports.Unreachable("refused"), CREATE).fate_unknown
