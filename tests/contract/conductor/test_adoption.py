"""What a search finds of tasks in progress, and that polled tasks without an attempt get one; fake and real alike."""

import asyncio
from itertools import count
from typing import Any

import pytest

from perago_operator.bridge import adoption
from perago_operator.bridge.adoption import Adoption, SearchableConductor, worker_name
from perago_operator.bridge.creation import Creation
from perago_operator.core.config import Config
from perago_operator.core.names import attempt_name
from perago_operator.ports import Manifest, PortError
from perago_operator.watch.stores import Stores
from tests import builders as b
from tests.contract.conductor.jobs import EVENTUALLY_SECONDS, Backend, Job
from tests.contract.conductor.outcomes import COMPLETED
from tests.fakes.kube import FakeCluster
from tests.faults.kinds import cut_before, lost

OURS, FORMER = worker_name("pod-2", "ns.perago", "uid-1"), worker_name("pod-1", "ns.perago", "uid-1")
ANOTHER = worker_name("pod-1", "ns.perago", "uid-2")


class Leader:
    """The adoption of a new leader over a job's Conductor, and a cluster in memory."""

    def __init__(self, job: Job, **spec: Any) -> None:
        self.job = job
        self.cluster = FakeCluster()
        stores = Stores(lambda _: None)
        self.cluster.listeners.append(
            lambda event: (stores.tasks if event.obj["kind"] == "PeragoTask" else stores.attempts).put(event.obj)
        )
        self.cluster.add(b.task("build", **({"taskType": job.name} | spec)))
        loop = asyncio.get_running_loop()
        self.creation = Creation(self.cluster, job.client, stores.attempts, Config(), clock=loop.time)
        often = count(0.0, adoption.SECOND_LOOK_SECONDS)  # each look comes as late as a second look
        self.adoption = Adoption(
            searched(job), self.creation, stores.attempts, stores.tasks, lambda: OURS, clock=lambda: next(often)
        )

    def manifests(self) -> list[Manifest]:
        """The attempts that exist."""
        return [obj for (kind, _, _), obj in self.cluster.objects.items() if kind == "PeragoAttempt"]

    def attempts(self) -> set[str]:
        """Their names."""
        return {obj["metadata"]["name"] for obj in self.manifests()}

    async def until_adopted(self, *task_ids: str) -> None:
        """Look until these have attempts: the server's index may be late."""
        async with asyncio.timeout(EVENTUALLY_SECONDS):
            while not self.attempts() >= {attempt_name(task_id) for task_id in task_ids}:
                await self.adoption.look()
                await asyncio.sleep(0.1)


def searched(job: Job) -> SearchableConductor:
    """The job's Conductor, whose whole port both have."""
    client: SearchableConductor = job.backend.conductor  # type: ignore[assignment]
    return client


async def taken(job: Job, worker_id: str, domain: str | None = None) -> str:
    """The id of a task that was polled under this worker id."""
    await job.start(domain=domain)
    async with asyncio.timeout(EVENTUALLY_SECONDS):
        while True:
            polled = await job.client.poll(job.name, domain=domain, worker_id=worker_id, count=1, timeout_ms=5000)
            if polled:
                return polled[0].task.task_id


async def until_found(job: Job, *task_ids: str) -> None:
    """Wait until a search finds these and no others."""
    async with asyncio.timeout(EVENTUALLY_SECONDS):
        while set(await searched(job).in_progress(job.name)) != set(task_ids):  # noqa: ASYNC110 -- a server's index
            await asyncio.sleep(0.1)


async def test_a_search_finds_tasks_in_progress_alone(job: Job) -> None:
    """Not those that wait or have ended, and not those of other types."""
    polled = [(await job.polled()).task for _ in range(3)]
    await job.start()
    await until_found(job, *(task.task_id for task in polled))
    await job.client.report(polled[0], COMPLETED)
    await until_found(job, *(task.task_id for task in polled[1:]))
    await job.client.give_back(polled[1])
    await until_found(job, polled[2].task_id)
    assert await searched(job).in_progress("no_such_type") == []


async def test_a_search_names_the_latest_first(job: Job) -> None:
    """Who looks at some of many sees those of the last polls. A heartbeat changes nothing about that."""
    first, second = (await job.polled()).task, (await job.polled()).task
    await job.client.extend_lease(first)
    await until_found(job, first.task_id, second.task_id)
    assert await searched(job).in_progress(job.name) == [second.task_id, first.task_id]


@pytest.mark.parametrize("domain", [None, "north"])
async def test_a_task_is_found_as_it_was_polled(job: Job, domain: str | None) -> None:
    """Identity, domain, worker and input: an attempt can be made of it."""
    await job.start(domain=domain, text="grüße")
    [polled] = await job.poll(domain=domain)
    assert await searched(job).find(polled.task.task_id) == polled
    await job.client.report(polled.task, COMPLETED)
    assert await searched(job).find(polled.task.task_id) is None
    assert await searched(job).find("no-such-task") is None


async def test_what_a_killed_leader_had_polled_gets_an_attempt(job: Job) -> None:
    """Of each domain that is served, and nobody else's task does."""
    theirs = await taken(job, ANOTHER)
    ours = [await taken(job, FORMER) for _ in range(2)]
    leader = Leader(job)
    await leader.until_adopted(*ours)
    assert attempt_name(theirs) not in leader.attempts()


async def test_a_task_of_a_domain_is_adopted_by_who_serves_the_domain(job: Job) -> None:
    """The attempt carries it."""
    task_id = await taken(job, FORMER, "north")
    leader = Leader(job, domain="north")
    await leader.until_adopted(task_id)
    assert (
        leader.cluster.objects["PeragoAttempt", "ns", attempt_name(task_id)]["spec"]["conductor"]["domain"] == "north"
    )


async def test_tasks_of_a_poll_whose_answer_was_lost_get_attempts(job: Job, backend: Backend) -> None:
    """Conductor has handed them out, and nobody has heard of it."""
    workflow = await job.start()
    backend.break_("poll", lost)
    with pytest.raises(PortError):
        await job.client.poll(job.name, domain=None, worker_id=OURS, count=1, timeout_ms=5000)
    leader = Leader(job)
    async with asyncio.timeout(EVENTUALLY_SECONDS):
        while not leader.attempts():
            await leader.adoption.look()
            await asyncio.sleep(0.1)
    [attempt] = leader.manifests()
    assert attempt["spec"]["conductor"]["workflowInstanceId"] == workflow


@pytest.mark.parametrize("call", ["in_progress", "find", "extend_lease"])
@pytest.mark.parametrize("fault", [lost, cut_before])
async def test_a_look_without_an_answer_is_made_up_for(job: Job, backend: Backend, call: str, fault: Any) -> None:
    """By the next one; nothing was concluded."""
    task_id = await taken(job, FORMER)
    await until_found(job, task_id)
    leader = Leader(job)
    backend.break_(call, fault)
    with pytest.raises(PortError):
        await leader.adoption.look()
    assert leader.attempts() == set()
    await leader.until_adopted(task_id)


async def test_what_nobody_serves_any_more_is_offered_to_others(job: Job) -> None:
    """The PeragoTask has another domain now."""
    task_id = await taken(job, FORMER)
    await until_found(job, task_id)
    await Leader(job, domain="south").adoption.look()
    assert (await job.next_task()).task.task_id == task_id


def test_a_second_look_comes_after_every_poll_has_ended() -> None:
    """A poll may last 5 s, and its answer may take 15 s more."""
    assert adoption.SECOND_LOOK_SECONDS > 5 + 15
