"""`perago describe`: one attempt on one page, or a workflow as a chart."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from perago_console.core.description import Surroundings, description
from perago_console.core.gantt import gantt
from perago_console.core.html import of_attempt, of_attempts
from perago_console.core.objects import ATTEMPT_LABEL, Attempt
from perago_console.core.pods import Event, Pod
from perago_console.core.rows import Selection
from perago_console.ports import ATTEMPTS, EVENTS, PODS
from perago_console.problems import Forbidden, Misused, NotFound, Problem
from perago_console.session import Session, seen_attempt, seen_events, seen_pods

T = TypeVar("T")


def execute(session: Session, name: str, form: str, html: Path | None = None) -> int:
    """Print the page, or the object; write the page where there is a file for it."""
    raw = session.attempt(name)
    if form in ("json", "yaml"):
        session.output.objects(raw, form)
        return 0
    attempt = seen_attempt(raw)
    around = surroundings(session, attempt)
    if html is None:
        session.output.page(description(attempt, around, session.now()))
        return 0
    return _written(session, html, of_attempt(attempt, around, session.now()))


def of_workflow(session: Session, workflow: str, html: Path | None = None) -> int:
    """Print or write the chart of a workflow, which may be named by the beginning of its id."""
    listed = session.cluster.find(ATTEMPTS, session.namespace).items
    selection = Selection(workflow=workflow)
    attempts = [attempt for attempt in map(seen_attempt, listed) if selection.takes(attempt, session.now())]
    ids = sorted({attempt.spec.conductor.workflow_instance_id for attempt in attempts if attempt.spec.conductor})
    if not ids:
        raise NotFound(f"there is no attempt of a workflow {workflow} {session.place}")
    if len(ids) > 1:
        raise Problem(f"{workflow} is the beginning of {len(ids)} workflows, such as {', '.join(ids[:3])}")
    if html is None:
        session.output.page(gantt(ids[0], attempts, session.now()))
        return 0
    return _written(session, html, of_attempts(ids[0], attempts, session.now()))


def _written(session: Session, file: Path, document: str) -> int:
    try:
        file.write_text(document, "utf-8")
    except OSError as error:
        raise Misused(f"--html {file}: {error.strerror}") from error
    session.output.remark(f"{file} is written")
    return 0


def surroundings(session: Session, attempt: Attempt) -> Surroundings:
    """Its pods and events, and which of them may not be read."""
    unread: list[str] = []
    pods = _readable(lambda: _pods(session, attempt), "its pods", unread)
    events = _readable(lambda: _events(session, attempt, pods), "its events", unread)
    return Surroundings(pods, events, unread)


def _readable(read: Callable[[], Sequence[T]], what: str, unread: list[str]) -> Sequence[T]:
    try:
        return read()
    except Forbidden as error:
        unread.append(f"{what}: {error}")
        return ()


def _pods(session: Session, attempt: Attempt) -> Sequence[Pod]:
    """Those of this very object: a pod of an earlier one of its name may still be going."""
    labels = f"{ATTEMPT_LABEL}={attempt.metadata.name}"
    listing = session.cluster.find(PODS, attempt.metadata.namespace, labels=labels)
    pods = seen_pods(listing.items)
    return [pod for pod in pods if any(owner.name == attempt.metadata.name for owner in pod.metadata.owner_references)]


def _events(session: Session, attempt: Attempt, pods: Sequence[Pod]) -> Sequence[Event]:
    uids = (attempt.metadata.uid, *(pod.metadata.uid for pod in pods))
    find = session.cluster.find
    lists = (find(EVENTS, attempt.metadata.namespace, fields=f"involvedObject.uid={uid}").items for uid in uids)
    return [event for raws in lists for event in seen_events(raws)]
