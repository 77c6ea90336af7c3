"""The log of the task's container: when it is read, to whom it is sent, what of it stands in the status. Pure.

It is read once, before the pod goes, and nothing waits for it for long: after a few tries the attempt ends without it.
"""

from datetime import datetime, timedelta

from perago.wire import last_lines
from perago_operator.api.base import JsonObject
from perago_operator.core import actions as do
from perago_operator.core.actions import Kind
from perago_operator.core.names import TASK_CONTAINER
from perago_operator.core.pod.hindrance import hindrance_of
from perago_operator.core.pod.model import Pod
from perago_operator.core.situation import Situation

TRIES = {do.ReadLog: 2, do.ShipLog: 3}
"""How often each is tried: a hiccup is survived, and a node or a Conductor that is away does not delay the clean-up."""
LAST_WORDS = "; last log lines:\n"


def read_log(s: Situation, *, failed: bool) -> tuple[do.ReadLog, ...]:
    """The reading of the current pod's log, while it is still to be had and somebody wants it.

    The log of an attempt that failed is for people, and is read to its end; any other goes to Conductor alone.
    """
    pod, for_conductor = s.pod, s.config.shipped_log_lines if s.conductor else 0
    lines = max(for_conductor, s.config.log_lines if failed else 0)
    if pod is None or not lines or not s.unreleased(pod):
        return ()
    if pod.name in s.memory.logs or _given_up(s, do.ReadLog) or _too_early(s, pod):
        return ()
    return (do.ReadLog(pod.name, lines, to_the_end=failed and s.outcome is not None),)


def log_is_expected_by(s: Situation) -> datetime | None:
    """Until when the log is waited for because the kubelet has yet to see what the agent's outcome shows.

    The kubelet looks at its containers once a second, and a task can be over by then.
    """
    pod, seen = s.pod, s.memory.outcome_seen_at
    if pod is None or seen is None or not s.unreleased(pod) or pod.name in s.memory.logs:
        return None
    until = seen + timedelta(seconds=s.config.agent_patience)
    may_come = s.may_run(pod) and hindrance_of(pod) is None and s.now < until
    return until if may_come and _too_early(s, pod) else None


def _too_early(s: Situation, pod: Pod) -> bool:
    """The kubelet was asked before it knew of the task's start, and the watch does not show that either."""
    return pod.name in s.memory.asked_early and not pod.state(TASK_CONTAINER).has_started


def ship_log(s: Situation) -> tuple[do.ShipLog, ...]:
    """The copy for Conductor's task, with the traceback where the log does not have it."""
    log = s.memory.logs.get(s.pod_name)
    if s.conductor is None or log is None or s.pod_name in s.memory.shipped or _given_up(s, do.ShipLog):
        return ()
    text = _with_traceback(log, (s.outcome.traceback if s.outcome else None) or ())
    return (do.ShipLog(s.conductor, s.pod_name, text),) if text and s.config.shipped_log_lines else ()


def _with_traceback(log: str, traceback: tuple[str, ...]) -> str:
    """The author's own logging may have kept the traceback from the log."""
    if not traceback or traceback[-1].strip() in log:
        return log
    return "\n".join([log.rstrip("\n"), *traceback]).lstrip("\n")


def log_status(s: Situation) -> JsonObject:
    """`{"log": …}` of an attempt that failed: the last lines, or why there are none."""
    if s.outcome is None or s.outcome.status == "COMPLETED":
        return {}
    log = s.memory.logs.get(s.pod_name)
    if log is not None:
        lines = last_lines([log], s.config.log_lines)
        return {"log": {"lines": list(lines)}} if lines else {}
    trouble = s.trouble(do.ReadLog)
    if trouble is None:
        return {}
    kept = last_lines([_termination_message(s)], s.config.log_lines)
    return {"log": {"error": trouble.message[:1024], **({"lines": list(kept)} if kept else {})}}


def _termination_message(s: Situation) -> str:
    """What the kubelet has kept of the log of a container that failed (`FallbackToLogsOnError`)."""
    ended = s.pod.state(TASK_CONTAINER).terminated if s.pod else None
    return ended.message if ended else ""


def with_last_words(s: Situation, message: str) -> str:
    """The message with as many of the log's last lines as Conductor takes along; the message alone without a log."""
    log = s.memory.logs.get(s.pod_name) or _termination_message(s)
    room = s.config.failure_reason_max_length - len(message) - len(LAST_WORDS)
    words = ""
    for line in reversed(last_lines([log], s.config.log_lines)):
        if len(line) + 1 + len(words) > room:
            break
        words = f"{line}\n{words}" if words else line
    return f"{message}{LAST_WORDS}{words}" if words else message


def _given_up(s: Situation, kind: Kind) -> bool:
    trouble = s.trouble(kind)
    return trouble is not None and trouble.count >= TRIES[kind]
