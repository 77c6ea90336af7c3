"""What pods do by themselves: bodies of tasks with their agents, and kubelets around them."""

import asyncio
from typing import Any

from tests import builders as b
from tests.crash.pods import INPUT_REF, AgentGone, Body, Chooser, PodRun

STARTS_AFTER = 1.0
ENDS_AFTER = 0.5
LOST_AFTER = 60.0
"""The operator's patience with a node."""
NODE_IS_BACK_AFTER = 90.0


def in_a_pod(body: Body) -> Body:
    """On a healthy node: the pod starts, does its work, and ends; a deletion ends it within its grace period."""

    async def live(run: PodRun) -> None:
        await asyncio.sleep(STARTS_AFTER)
        if not run.deleted.is_set():
            await run.runs()
            await _until_deleted(run, body)
        if run.deleted.is_set():
            await asyncio.sleep(ENDS_AFTER)
            await run.ends(task={"exitCode": 143, "reason": "Error"})

    return live


async def _until_deleted(run: PodRun, body: Body) -> None:
    work, deletion = asyncio.ensure_future(_quietly(run, body)), asyncio.ensure_future(run.deleted.wait())
    await asyncio.wait([work, deletion], return_when=asyncio.FIRST_COMPLETED)
    for task in (work, deletion):
        task.cancel()


async def _quietly(run: PodRun, body: Body) -> None:
    """An agent from which nothing is taken any more gives up, and its process ends."""
    try:
        await body(run)
    except AgentGone:
        await run.ends(agent={"exitCode": 1, "reason": "Error"}, task={"exitCode": 143, "reason": "Error"})


async def _works(run: PodRun) -> bool:
    """Everything until the merge; False when the fence has refused it, which is the outcome then."""
    await run.begins()
    await asyncio.sleep(2)
    if await run.is_current():
        await run.stages()
        await run.takes_turn()
    if await run.is_current():
        return True
    await run.fails("StaleAttempt")
    return False


async def publishes(run: PodRun) -> None:
    """Change something, publish it, and say so."""
    if await _works(run):
        commit = await run.publishes()
        await asyncio.sleep(ENDS_AFTER)
        await (run.completes(commit) if commit else run.fails("PublishFence", "FAILED_WITH_TERMINAL_ERROR"))
    await asyncio.sleep(ENDS_AFTER)
    await run.ends()


def takes(seconds: float) -> Body:
    """The same, but not soon."""

    async def body(run: PodRun) -> None:
        await run.begins()
        await asyncio.sleep(seconds)
        await publishes(run)

    return body


async def changes_nothing(run: PodRun) -> None:
    """A no-op: the input is the result."""
    await run.begins()
    await asyncio.sleep(2)
    await run.completes(INPUT_REF)
    await asyncio.sleep(ENDS_AFTER)
    await run.ends()


async def only_reads(run: PodRun) -> None:
    """A read-only task has no result in the repository."""
    await run.begins()
    await asyncio.sleep(2)
    await run.says(step=None, outcome=b.completed(output={"result": {"rows": 3}}))
    await asyncio.sleep(ENDS_AFTER)
    await run.ends()


def says_that_it_failed(reason: str, status: str = "FAILED") -> Body:
    """The body raised, and the agent says so."""

    async def body(run: PodRun) -> None:
        await run.begins()
        await asyncio.sleep(1)
        await run.fails(reason, status)
        await asyncio.sleep(ENDS_AFTER)
        await run.ends(task={"exitCode": 1, "reason": "Error"})

    return body


async def gives_up(run: PodRun) -> None:
    """Staged, and lakeFS does not answer any more; the pod goes on until it is deleted."""
    await run.begins()
    await asyncio.sleep(1)
    await run.stages_if_current()
    await run.gives_up()
    await asyncio.sleep(1e6)


async def gives_up_after_publication(run: PodRun) -> None:
    """The merge lands, and neither its answer nor any other one of lakeFS's arrives."""
    if await _works(run):
        await run.publishes()
        await asyncio.sleep(ENDS_AFTER)
        await run.gives_up()
    await asyncio.sleep(ENDS_AFTER)
    await run.ends(task={"exitCode": 1, "reason": "Error"})


def ends_without_a_word(task: Any = None, agent: Any = None, **status: Any) -> Body:
    """Staged, and then its containers end without an outcome, as the kubelet shows them."""

    async def body(run: PodRun) -> None:
        await run.begins()
        await asyncio.sleep(1)
        await run.stages_if_current()
        await run.ends(task=task, agent=agent, **status)

    return body


def dies_after_publication(task: Any, agent: Any) -> Body:
    """Published, and its containers are killed before the agent can say so."""

    async def body(run: PodRun) -> None:
        if await _works(run):
            await run.publishes()
            await asyncio.sleep(ENDS_AFTER)
        await run.ends(task=task, agent=agent)

    return body


async def never_ends(run: PodRun) -> None:
    """A body that waits for something."""
    await run.begins()
    await asyncio.sleep(1e6)


async def on_a_lost_node(run: PodRun) -> None:
    """Its node is lost after it has staged; the cluster deletes the pod, and minutes later the agent goes on."""
    await asyncio.sleep(STARTS_AFTER)
    await run.runs()
    await run.begins()
    await asyncio.sleep(1)
    await run.stages()
    await run.servers.exchange.back("cluster")
    if run.object is not None:
        run.servers.cluster.delete("Pod", "ns", run.name)
    await asyncio.sleep(LOST_AFTER)
    run.over = True
    await asyncio.sleep(NODE_IS_BACK_AFTER)
    await run.publishes()
    await run.ends(task={"exitCode": 143, "reason": "Error"})


def is_held_up(waiting: Any = None, **status: Any) -> Body:
    """It is placed on a node, or (`PodScheduled`) on none, and no container of it ever starts."""

    async def live(run: PodRun) -> None:
        await asyncio.sleep(STARTS_AFTER)
        containers = [b.container(name, waiting=waiting) for name in ("agent", "task")] if waiting else []
        pod = b.pod(run.execution, of=run.attempt, containers=containers, **status)
        await run.shows(pod, node="node-1" if waiting else None)
        await run.deleted.wait()
        await asyncio.sleep(ENDS_AFTER)
        await run.ends(task={"exitCode": 143, "reason": "Error"})

    return live


def always(body: Body) -> Chooser:
    """Each pod does this."""
    return lambda run: in_a_pod(body)


def first_then(body: Body, then: Body = publishes) -> Chooser:
    """The first pod of attempt `t1` does this, and every other one that."""
    return lambda run: in_a_pod(body if run.name == "t1-1" else then)


def as_it_is(body: Body) -> Chooser:
    """The first pod of attempt `t1` is no healthy one; every other one publishes."""
    return lambda run: body if run.name == "t1-1" else in_a_pod(publishes)


def by_attempt(**of: Body) -> Chooser:
    """Each attempt does something else."""
    return lambda run: in_a_pod(of.get(run.attempt, publishes))


def fails_except(attempt: str) -> Chooser:
    """Every attempt but this one fails."""
    fails = in_a_pod(says_that_it_failed("TaskExecutionError"))
    return lambda run: in_a_pod(publishes) if run.attempt == attempt else fails
