"""The agent's life: look for evidence, serve the task, leave nothing behind. It makes none of its parts.

How it ends:

    the task's result was recorded, or evidence made the outcome   0
    the task died after its work was published                     0, COMPLETED: the publication is the evidence
    the task sent what is no call, and may live on                 0, FAILED: its code speaks the protocol by itself
    the task died, or never connected                              NO_RESULT_EXIT: what became of its container (OOM,
                                                                   exit code) only the operator can see, from the pod
    the outcome could not be recorded (API server, attempt gone)   GAVE_UP_EXIT: the operator takes it for a disruption

In each case the staging branch is deleted first, as far as lakeFS can be reached. On SIGTERM, which both containers
get at once, the agent goes on serving until the task has ended; without a task it ends.
"""

import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from loguru import logger

from perago.agent.ending import Ending
from perago.agent.preparation import Preparation
from perago.agent.server import converse
from perago.agent.session import Session
from perago.agent.status import StatusWriter
from perago.wire import NO_RESULT_EXIT


@dataclass(frozen=True)
class Agent:
    """What serves one attempt."""

    preparation: Preparation
    session: Session
    ending: Ending
    status: StatusWriter


async def live(agent: Agent, execution: int, connect: Callable[[], Awaitable[socket.socket | None]]) -> int:
    """Serve one execution of an attempt to the task that connects; returns the exit code.

    Raises when the agent has to give up.

    `connect` returns None when no task came. A later execution first looks for what an earlier one published.
    """
    ending = agent.ending
    try:
        if execution > 1 and await ending.record_evidence(agent.preparation):
            return 0
        if (connection := await connect()) is not None:
            wrong = await converse(connection, agent.session.answer, lambda: ending.recorded)
            if not ending.recorded:
                logger.warning("the task ended without a result")
                if not await ending.record_publication() and wrong is not None:
                    await ending.record_misconduct(wrong)
    finally:
        await _leave_nothing(agent)
    return 0 if ending.recorded else NO_RESULT_EXIT


async def _leave_nothing(agent: Agent) -> None:
    try:
        await agent.ending.clean_up()
        await agent.status.flush()
    except Exception:  # noqa: BLE001 - best effort: the operator deletes the branch that the status names
        logger.exception("the staging branch could not be deleted, or that could not be reported")
