"""`perago describe`: all that is known of one attempt, on one page. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from perago_console.core.holding import holding
from perago_console.core.objects import Attempt, Workspace
from perago_console.core.page import Line, Page, Section, Tone, lines, optional
from perago_console.core.pods import AGENT_CONTAINER, TASK_CONTAINER, Event, Pod
from perago_console.core.rows import state, tone, why
from perago_console.core.timeline import bars, timeline
from perago_console.core.times import moment, moment_and_age


@dataclass(frozen=True)
class Surroundings:
    """What belongs to an attempt besides its object, as far as it may be read; `unread` says what may not."""

    pods: Sequence[Pod] = ()
    events: Sequence[Event] = ()
    unread: Sequence[str] = ()


def description(attempt: Attempt, around: Surroundings, now: datetime) -> Page:
    """The page."""
    return (
        Section(f"attempt {attempt.key}", _summary(attempt, now)),
        Section("Outcome", _outcome(attempt)),
        Section("Timeline", timeline(attempt, around.pods, around.events, now)),
        Section("Parts", bars(attempt.status.timings)),
        Section("Executions", tuple(_executions(attempt, around.pods))),
        Section("Conditions", tuple(_conditions(attempt, now))),
        Section("Last log lines", _log(attempt)),
        Section("Not shown", tuple(Line("", text, Tone.QUIET) for text in around.unread)),
    )


def _summary(attempt: Attempt, now: datetime) -> tuple[Line, ...]:
    status, conductor, fact = attempt.status, attempt.spec.conductor, holding(attempt, now)
    code, workspace = attempt.spec.task, status.workspace
    return lines(
        Line("state", state(attempt), tone(attempt, fact)),
        optional("why", why(fact, wide=True)),
        optional("until", moment_and_age(fact.until, now) if fact.until else None),
        optional("then", fact.then),
        optional("do", fact.remedy, Tone.WAITS),
        optional("task", attempt.task),
        optional("module", code.module if code else None),
        optional("image", code.image if code else None),
        optional("workflow", conductor.workflow_instance_id if conductor else None),
        optional("Conductor task", f"{conductor.task_id} ({conductor.reference_task_name})" if conductor else None),
        optional("retry", str(conductor.retry_count) if conductor else None),
        optional("pod", status.pod_name),
        optional("node", status.node_name),
        optional("created", moment_and_age(attempt.created, now) if attempt.created else None),
        *_workspace(workspace),
    )


def _workspace(workspace: Workspace | None) -> Iterator[Line | None]:
    if workspace is None:
        return
    yield Line("workspace", f"{workspace.repository}/{workspace.branch} from {workspace.input_ref}")
    if workspace.published_ref and workspace.published_ref != workspace.input_ref:
        yield Line("published", workspace.published_ref, Tone.GOOD)
    if changed := workspace.changed:
        counts = f"{changed.added} added, {changed.modified} modified, {changed.deleted} deleted"
        yield Line("changed", f"{counts}; {changed.bytes} bytes uploaded")
    yield optional("fence", workspace.fence)


def _outcome(attempt: Attempt) -> tuple[Line, ...]:
    outcome, reporting = attempt.status.outcome, attempt.status.reporting
    if outcome is None:
        return ()
    good = outcome.status == "COMPLETED"
    rule = outcome.failure_policy_rule
    return lines(
        Line("result", f"{outcome.status}: {outcome.reason}", Tone.GOOD if good else Tone.BAD),
        optional("message", outcome.message),
        optional("fault", outcome.failure_class),
        optional("by rule", None if rule is None else f"number {rule} of failurePolicy chose the result"),
        optional("Conductor", reporting.state if reporting else None),
        optional("last error", reporting.last_error if reporting else None, Tone.BAD),
        optional("traceback", "\n".join(outcome.traceback)),
    )


def _executions(attempt: Attempt, pods: Sequence[Pod]) -> Iterator[Line]:
    """One line for each pod that is there; of those that are gone, how many."""
    for pod in pods:
        states = ", ".join(f"{name} {_state(pod, name)}" for name in (AGENT_CONTAINER, TASK_CONTAINER))
        yield Line(pod.metadata.name, f"{pod.status.phase} on {pod.spec.node_name or 'no node'}: {states}")
    if gone := (attempt.status.executions or 0) - len(pods):
        yield Line("", f"{gone} {'pod is' if gone == 1 else 'pods are'} gone", Tone.QUIET)


def _state(pod: Pod, container: str) -> str:
    state = pod.state(container)
    if state.terminated:
        return f"exited with {state.terminated.exit_code}"
    if state.running:
        return "runs"
    return f"waits ({state.waiting.reason})" if state.waiting and state.waiting.reason else "waits"


def _conditions(attempt: Attempt, now: datetime) -> Iterator[Line]:
    for condition in attempt.status.conditions:
        since = f" since {moment(condition.last_transition_time, now)}" if condition.last_transition_time else ""
        yield Line(condition.type, f"{condition.status}{since}: {condition.reason}: {condition.message}".rstrip(": "))


def _log(attempt: Attempt) -> tuple[Line, ...]:
    log = attempt.status.log
    if log is None:
        return ()
    return lines(optional("", "\n".join(log.lines)), optional("could not be read", log.error, Tone.BAD))
