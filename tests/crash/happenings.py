"""What people and servers do in the scenarios, and when: one small function each."""

import asyncio
from typing import Any

from perago_operator.adapters import conductor as conductor_adapter
from perago_operator.adapters import http
from perago_operator.ports import NotFound, QuotaExceeded
from tests import builders as b
from tests.crash import bodies
from tests.crash.calls import Outage, refused
from tests.crash.faults import LATE_SECONDS
from tests.crash.world import RESPONSE_SECONDS, TASK, Script, World, as_sent
from tests.fakes.conductor_server import FakeWorkflow, TaskType

API = ("cluster", "feed", "lease")
"""The API server, by the ways that lead to it."""


async def runs_alone(world: World) -> None:
    """One task is handed out, and nothing else happens."""
    world.apply_task()
    world.hand_out()


async def runs_without_retries(world: World) -> None:
    """One task, which Conductor does not hand out again when it fails."""
    world.conductor.types[TASK] = TaskType(retries=0, response_seconds=RESPONSE_SECONDS)
    await runs_alone(world)


async def runs(world: World) -> None:
    """One task is handed out; from here on its pod runs."""
    await runs_alone(world)
    await world.until(lambda: any(run.at_work for run in world.nodes.runs.values()))
    await asyncio.sleep(1)


async def long_workflow(world: World) -> None:
    """The workflow goes on after the task, so that a late lease can bring the completed task back to life."""
    world.apply_task()
    world.hand_out()
    world.conductor.schedule("by hand", "sign-off", workflow_instance_id="workflow-of-t1")
    await world.until(lambda: world.conductor.tasks["t1"].accepted)
    await asyncio.sleep(LATE_SECONDS + 2)
    world.excused.add("sign-off")
    world.conductor.terminate("workflow-of-t1")


# --- how attempts are stopped


async def deadline(world: World) -> None:
    """The PeragoTask gives attempts five seconds, and their body never ends."""
    world.apply_task(activeDeadlineSeconds=5)
    world.hand_out(response_timeout_seconds=60)
    await world.until(lambda: world.conductor.tasks["t1"].accepted)
    world.body = bodies.always(bodies.changes_nothing)


async def canceled(world: World) -> None:
    """Somebody sets `spec.cancel`."""
    await runs(world)
    if world.cluster.get("PeragoAttempt", "t1"):
        world.canceled.add("t1")
        world.cluster.merge("PeragoAttempt", "ns", "t1", {"spec": {"cancel": True}})


async def deleted(world: World) -> None:
    """Somebody deletes the attempt."""
    await runs(world)
    if world.cluster.get("PeragoAttempt", "t1"):
        world.canceled.add("t1")
        world.cluster.delete("PeragoAttempt", "ns", "t1")


async def terminated(world: World) -> None:
    """Somebody terminates the workflow in Conductor."""
    await runs(world)
    world.excused |= world.conductor.tasks.keys()
    world.conductor.terminate("workflow-of-t1")


async def superseded(world: World) -> None:
    """Conductor gives up waiting for a task whose pod runs, and hands it out again."""
    await runs(world)
    if world.conductor.tasks["t1"].status == "IN_PROGRESS":
        world.excused.add("t1")
        world.conductor.time_out("t1")


async def restarted(world: World) -> None:
    """A workflow that has failed is restarted: the same ids, and retries are counted from 0 again."""
    await runs_alone(world)
    await world.until(lambda: world.conductor.workflows["workflow-of-t1"].status != "RUNNING")
    await _begins_anew(world)


async def restarted_while_it_runs(world: World) -> None:
    """The same, while an attempt of the first run is at work."""
    await runs(world)
    await _begins_anew(world)


async def _begins_anew(world: World) -> None:
    world.conductor.tasks.clear()
    world.conductor.queues.clear()
    world.conductor.workflows["workflow-of-t1"] = FakeWorkflow()
    world.hand_out("t2", workflow_instance_id="workflow-of-t1", seq=1)


async def rerun(world: World) -> None:
    """A workflow that has failed is run again from its task, which keeps its id."""
    await runs_alone(world)
    await world.until(lambda: world.status().get("reporting", {}).get("state", "Pending") != "Pending")
    await _runs_again(world)


async def rerun_at_once(world: World) -> None:
    """The same, in the second in which the workflow fails."""
    await runs_alone(world)
    await world.until(lambda: world.conductor.workflows["workflow-of-t1"].status != "RUNNING")
    await _runs_again(world)


async def _runs_again(world: World) -> None:
    await asyncio.sleep(1)
    world.body = bodies.always(bodies.publishes)
    world.conductor.rerun("t1")


# --- how servers fail


def away(*servers: str, seconds: float, how: Outage | None = refused, published: bool = False) -> Script:
    """Servers refuse every call for a while (None: never answer), soon after the start or after the publication."""

    async def script(world: World) -> None:
        await runs(world)
        if published:
            await world.until(lambda: any(run.published for run in world.nodes.runs.values()))
        await _away(world, servers, seconds, how)

    return script


async def api_server_away(world: World) -> None:
    """For longer than a Lease lasts; meanwhile another task is handed out."""
    await runs(world)
    world.hand_out("t2")
    await _away(world, API, 30, refused)


async def _away(world: World, servers: tuple[str, ...], seconds: float, how: Outage | None) -> None:
    exchange = world.exchange
    exchange.hanging |= set(servers if how is None else ())
    exchange.outages |= dict.fromkeys(servers, how) if how else {}
    world.servers.end_streams()
    await asyncio.sleep(seconds)
    exchange.hanging -= set(servers)
    for server in servers:
        exchange.outages.pop(server, None)


def not_found_by_a_proxy(call: str) -> Any:
    """404 in a proxy's words, as the adapter reads it; a port's reading returns what the adapter makes of NotFound."""
    error = conductor_adapter._refused(404, b"404 page not found", conductor_adapter._Call(call, "GET", "/"))
    readings = {"conductor.read": None, "conductor.workflow_ended": None}
    if isinstance(error, NotFound) and call in readings:
        return readings[call]
    raise error


def unauthorized(call: str) -> Any:
    """A Secret was rotated, and the server does not take the old one any more."""
    raise http.refusal(401, "", "unauthorized", call)


def no_quota(call: str) -> Any:
    """The namespace has no room for another pod."""
    raise QuotaExceeded(f"{call}: exceeded quota")


async def quota(world: World) -> None:
    """There is no room for the pod for a while."""
    world.exchange.outages["cluster.create_pod"] = no_quota
    await runs_alone(world)
    await asyncio.sleep(15)
    del world.exchange.outages["cluster.create_pod"]


async def conflicts(world: World) -> None:
    """Somebody writes the attempt again and again."""
    await runs(world)
    for number in range(30):
        if world.cluster.get("PeragoAttempt", "t1"):
            annotation = {"metadata": {"annotations": {"note": str(number)}}}
            world.cluster.merge("PeragoAttempt", "ns", "t1", annotation)
        await asyncio.sleep(0.2)


# --- how replicas fare


async def two_leaders(world: World) -> None:
    """A second replica stands by; the first one is cut off from its Lease, and from nothing else."""
    world.start_replica()
    await runs(world)
    if world.leader:
        key = f"{world.leader.name}:lease"
        world.exchange.outages[key] = refused
        await asyncio.sleep(30)


async def handed_over(world: World) -> None:
    """A second replica stands by; the first one is asked to end, as in a roll-out."""
    world.start_replica()
    await runs(world)
    if world.leader:
        world.leader.stop.set()


async def clocks_step(world: World) -> None:
    """The replica's time of day is set back by ten minutes, and put right later."""
    await runs(world)
    world.skew = -600
    await asyncio.sleep(10)
    world.skew = 0


async def clocks_jump(world: World) -> None:
    """It is set forward by five minutes, and put right later."""
    await runs(world)
    world.skew = 300
    await asyncio.sleep(10)
    world.skew = 0


# --- who else is there


async def name_taken(world: World) -> None:
    """A foreign pod has the name that ours would get, until somebody deletes it."""
    world.add_foreign_pod("t1-1")
    await runs_alone(world)
    await asyncio.sleep(20)
    del world.foreign["Pod", "ns", "t1-1"]
    world.cluster.delete("Pod", "ns", "t1-1")


async def name_taken_and_canceled(world: World) -> None:
    """The same, and the attempt is deleted while it waits."""
    world.add_foreign_pod("t1-1")
    await runs_alone(world)
    await asyncio.sleep(10)
    await world.until(lambda: world.cluster.get("PeragoAttempt", "t1"))
    if world.cluster.get("PeragoAttempt", "t1"):
        world.cluster.delete("PeragoAttempt", "ns", "t1")


async def by_hand(world: World) -> None:
    """Somebody applies an attempt that belongs to no Conductor task."""
    world.apply_task()
    world.cluster.add(as_sent(b.attempt(standalone=True, meta={"name": "t1"})))


async def two_tasks(world: World) -> None:
    """Two workflows change the same branch; the second one meets the fence."""
    world.apply_task()
    world.hand_out("t1")
    world.hand_out("t2")


async def one_at_a_time(world: World) -> None:
    """`maxConcurrency` lets one attempt run; another task waits in Conductor."""
    world.apply_task(maxConcurrency=1)
    world.hand_out("t1")
    world.hand_out("t2")


async def task_deleted(world: World) -> None:
    """Somebody deletes the PeragoTask while its attempt runs, and applies it again."""
    await runs(world)
    world.cluster.delete("PeragoTask", "ns", TASK)
    await asyncio.sleep(8)
    world.apply_task()


async def expires(world: World) -> None:
    """The finished attempt is deleted when its time to live is over."""
    world.expire = True
    await runs_alone(world)
