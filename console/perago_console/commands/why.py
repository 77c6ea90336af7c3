"""`perago why`: which attempt made a commit, or the last change of an object."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from pydantic import JsonValue

from perago_console.conductor import Conductor
from perago_console.core.objects import Attempt
from perago_console.core.provenance import Commit, of_commit
from perago_console.output import Output
from perago_console.ports import ATTEMPTS, Cluster
from perago_console.problems import NotFound, Problem
from perago_console.session import seen_attempt

T = TypeVar("T")
Open = Callable[[], Cluster]
"""Opens the cluster; raises a problem where there is none."""
OpenConductor = Callable[[], Conductor | None]


def execute(commit: Commit, output: Output, now: datetime, cluster: Open, conductor: OpenConductor) -> int:
    """Say it; 1 of a commit that no attempt made. A cluster or a Conductor that is away costs only what they know."""
    attempt = _tried(lambda: _attempt(cluster(), commit), output) if commit.is_ours else None
    payload = attempt.spec.input if attempt else None
    params: object = payload.get("params") if payload else None
    if params is None and commit.task_id:
        params = _tried(lambda: _params(conductor(), commit), output)
    output.page(of_commit(commit, attempt, params, now))
    return 0 if commit.is_ours else 1


def _attempt(cluster: Cluster, commit: Commit) -> Attempt | None:
    """The attempt itself: another one may have its name by now."""
    namespace, name = commit.attempt
    try:
        attempt = seen_attempt(cluster.get(ATTEMPTS, namespace, name))
    except NotFound:
        return None
    return attempt if attempt.metadata.uid == commit.uid else None


def _params(conductor: Conductor | None, commit: Commit) -> JsonValue:
    return conductor.params(commit.task_id) if conductor else None


def _tried(call: Callable[[], T], output: Output) -> T | None:
    try:
        return call()
    except Problem as problem:
        output.remark(f"perago: {problem}")
        return None
