"""`perago logs`: of the pod while it is there, else of Conductor's task or of the attempt's status."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from perago_console.conductor import Conductor
from perago_console.core.objects import ATTEMPT_LABEL, Attempt
from perago_console.core.pods import AGENT_CONTAINER, TASK_CONTAINER, Pod
from perago_console.ports import PODS, LogQuestion
from perago_console.problems import Forbidden, NotFound, Problem
from perago_console.session import Session, seen_attempt, seen_pods

PAUSE_SECONDS = 1.0


@dataclass(frozen=True)
class LogChoice:
    """Which log."""

    agent: bool = False
    follow: bool = False
    tail: int | None = None

    @property
    def container(self) -> str:
        """The container that writes it."""
        return AGENT_CONTAINER if self.agent else TASK_CONTAINER


ConductorLog = Callable[[Attempt], list[str] | None]
"""The log of an attempt's Conductor task; None where Conductor's address is not known, or there is none."""


def of_conductor(opened: Callable[[], Conductor | None]) -> ConductorLog:
    """The log that a Conductor has, where its address is known."""

    def log(attempt: Attempt) -> list[str] | None:
        task, server = attempt.spec.conductor, opened() if attempt.spec.conductor else None
        return server.log(task.task_id) if task and server else None

    return log


def execute(session: Session, name: str, choice: LogChoice, of_conductor: ConductorLog) -> int:
    """Print the log; 1 if there is none to be had."""
    attempt = seen_attempt(session.attempt(name))
    pod = None
    try:
        attempt, pod = _with_pod(session, name, choice)
    except Forbidden as error:
        session.output.remark(f"perago: the pod is not looked at: {error}")
    if pod is not None and _has_started(pod, choice.container) and _printed(session, pod, choice):
        return 0
    return _kept(session, attempt, choice, of_conductor)


def _with_pod(session: Session, name: str, choice: LogChoice) -> tuple[Attempt, Pod | None]:
    """The attempt and the last of its pods that are there; to follow it, once its container has started."""
    while True:
        attempt = seen_attempt(session.attempt(name))
        labels = f"{ATTEMPT_LABEL}={attempt.metadata.name}"
        pods = seen_pods(session.cluster.find(PODS, attempt.metadata.namespace, labels=labels).items)
        pod = pods[-1] if pods else None
        if not choice.follow or attempt.status.outcome or (pod is not None and _has_started(pod, choice.container)):
            return attempt, pod
        time.sleep(PAUSE_SECONDS)


def _has_started(pod: Pod, container: str) -> bool:
    state = pod.state(container)
    return state.running is not None or state.terminated is not None


def _printed(session: Session, pod: Pod, choice: LogChoice) -> bool:
    """Whether the kubelet has given the log; the pod may go in between."""
    question = LogQuestion(pod.metadata.namespace, pod.metadata.name, choice.container, choice.follow, choice.tail)
    try:
        for line in session.cluster.log(question):
            session.output.line(line)
    except (NotFound, Forbidden) as error:
        session.output.remark(f"perago: {error}")
        return False
    return True


def _kept(session: Session, attempt: Attempt, choice: LogChoice, of_conductor: ConductorLog) -> int:
    if choice.agent:
        session.output.remark(f"perago: the pod of attempt {attempt.key} is gone, and the agent's log with it")
        return 1
    lines = _of_conductor(session, attempt, of_conductor)
    source = "this is Conductor's copy of the task's log"
    if lines is None:
        lines, source = list(_of_status(attempt)), "these are the last lines, which the attempt's status has kept"
    if not lines:
        session.output.remark(f"perago: there is no log of attempt {attempt.key}: {_why_none(attempt)}")
        return 1
    session.output.remark(f"perago: the pod is gone; {source}")
    for line in lines[-choice.tail :] if choice.tail else lines:
        session.output.line(line)
    return 0


def _of_conductor(session: Session, attempt: Attempt, log: ConductorLog) -> list[str] | None:
    """One that is away is told, and the status has to do."""
    try:
        return log(attempt)
    except Problem as problem:
        session.output.remark(f"perago: {problem}")
        return None


def _of_status(attempt: Attempt) -> Iterator[str]:
    if attempt.status.log is not None:
        yield from attempt.status.log.lines


def _why_none(attempt: Attempt) -> str:
    log, outcome = attempt.status.log, attempt.status.outcome
    if log is not None and log.error:
        return log.error
    if outcome is None:
        return "its container has not started; -f waits for it"
    if outcome.status == "COMPLETED":
        return (
            "the status keeps that of failures only, and Conductor that of its tasks; set CONDUCTOR_SERVER_URL for it"
        )
    return "the task wrote nothing, or its pod was lost"
