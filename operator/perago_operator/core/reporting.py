"""The attempt and Conductor: heartbeats, the report, and what Conductor's answers mean. Pure."""

from datetime import datetime, timedelta

from perago.wire import IN_PROGRESS, ConductorTask, Outcome
from perago_operator.api.attempt_status import ReportingState
from perago_operator.core import actions as do
from perago_operator.core.answers import SCHEDULED, ConductorTaskState, Standing, Verdict
from perago_operator.core.config import Config
from perago_operator.core.memory import fraction
from perago_operator.core.situation import Situation

FIRST_HEARTBEAT_SPREAD = 10.0
"""Seconds over which an operator that takes over thousands of attempts spreads their first heartbeats."""


def judge(reading: ConductorTaskState | None, task: ConductorTask, outcome: Outcome | None, *, at: datetime) -> Verdict:
    """What a reading of the task means. None: Conductor does not know it; without an outcome it is a heartbeat's."""

    def verdict(standing: Standing, detail: str) -> Verdict:
        return Verdict(standing, detail, at, after_report=outcome is not None)

    if reading is None:
        return verdict(Standing.MISSING, "Conductor no longer knows the task")
    if task.is_run_again(reading.start_time):
        return verdict(Standing.SUPERSEDED, "the workflow was run again from this task, which another attempt executes")
    detail = f"Conductor shows the task as {reading.status}"
    if reading.open and reading.workflow_missing:
        return verdict(Standing.MISSING, f"{detail}, and no longer knows its workflow")
    if reading.open and reading.workflow_ended:
        return verdict(Standing.SUPERSEDED, f"{detail}, but its workflow has ended and accepts no more results")
    if reading.status == IN_PROGRESS:
        return verdict(Standing.OPEN, detail)
    if reading.status == SCHEDULED:
        return verdict(Standing.QUEUED, detail)
    if outcome is not None and _is_ours(reading, outcome):
        return verdict(Standing.ACCEPTED, detail)
    foreign = f"{detail}, which this attempt did not report"
    return verdict(Standing.SUPERSEDED, f"{foreign}: {reading.reason}" if reading.reason else foreign)


def workflow_matters(reading: ConductorTaskState, outcome: Outcome | None) -> bool:
    """Whether to ask if the workflow has ended: the task is open although its result is known.

    A late heartbeat may have revived it. In a workflow that has ended it would stay open whatever is reported.
    """
    return outcome is not None and reading.open


def _is_ours(reading: ConductorTaskState, outcome: Outcome) -> bool:
    """Same status and same output. Conductor stores outputs over 3 MiB elsewhere and then shows none."""
    if reading.status != outcome.status:
        return False
    kept_elsewhere = not reading.output and outcome.output_gzip is not None
    return kept_elsewhere or dict(reading.output) == (outcome.full_output() or {})


def heartbeat_period(task: ConductorTask, config: Config) -> float:
    """Seconds between two heartbeats: a third of the task's response time-out, so that two may fail."""
    return task.response_timeout_seconds / 3 or config.heartbeat_without_timeout


def heartbeat_at(s: Situation) -> datetime | None:
    """When the next heartbeat is due, with jitter: from the moment of polling until Conductor has the result.

    While reports fail, heartbeat and report alternate, so that the task does not time out meanwhile.
    """
    if s.conductor is None or reporting_state(s) != "Pending" or (s.outcome and not _reports_fail(s)):
        return None
    if s.memory.task_missing_since:
        return s.memory.task_missing_since + timedelta(seconds=s.config.second_look)
    period = heartbeat_period(s.conductor, s.config)
    jitter = fraction(f"{s.memory.uid}/{s.memory.heartbeat_at}")
    if s.memory.heartbeat_at is None and s.memory.adopted:
        spread = min(FIRST_HEARTBEAT_SPREAD, period / 3)
        return s.memory.first_seen + timedelta(seconds=jitter * spread)
    last = s.memory.heartbeat_at or s.created
    return last + timedelta(seconds=period * (1 - jitter / 10))


def _reports_fail(s: Situation) -> bool:
    """Reports fail, and not for so long that the task had better time out."""
    seen = s.memory.outcome_seen_at or s.now
    return s.trouble(do.Report) is not None and s.now < seen + timedelta(seconds=s.config.wait_patience)


def heartbeat(s: Situation) -> tuple[do.Heartbeat, ...]:
    """The heartbeat, when it is due."""
    due = heartbeat_at(s)
    if s.conductor is None or due is None or s.now < due:
        return ()
    return (do.Heartbeat(s.conductor, s.outcome.wire() if s.outcome else None),)


def reporting_state(s: Situation) -> ReportingState:
    """Whether Conductor has the result, by the status and by what was read since."""
    if s.conductor is None:
        return "NotRequired"
    written = s.status.reporting.state if s.status.reporting else "Pending"
    if written != "Pending":
        return written
    if s.claim:
        return "NotRequired"
    if s.superseded:
        return "Superseded"
    verdict = s.memory.verdict
    return "Accepted" if verdict and verdict.standing is Standing.ACCEPTED else "Pending"


def report(s: Situation) -> tuple[do.Report, ...]:
    """The report, as long as Conductor waits for it."""
    return (do.Report(s.conductor, s.outcome.wire()),) if s.conductor and s.outcome and report_is_wanted(s) else ()


def report_is_wanted(s: Situation) -> bool:
    """The outcome is known, and Conductor does not have it, or has lost it to a late heartbeat.

    A task that is queued again was rerun, and one whose attempt is deleted may have been polled again: neither waits
    for the result of the first run.
    """
    state, verdict = reporting_state(s), s.memory.verdict
    if s.outcome is None or s.conductor is None or state == "Superseded":
        return False
    in_progress = verdict is not None and verdict.after_report and verdict.standing is Standing.OPEN
    reopened = in_progress and not s.deleting
    return state == "Pending" or reopened


def doubt_until(s: Situation) -> datetime | None:
    """Until when a call of unknown fate may land, after which the task is read once more; None without such a call."""
    if s.conductor is None or s.memory.doubt_since is None or reporting_state(s) != "Accepted" or s.deleting:
        return None
    period = heartbeat_period(s.conductor, s.config)
    until = s.memory.doubt_since + timedelta(seconds=min(period, s.config.doubt_cap))
    return None if s.memory.verdict and s.memory.verdict.at >= until else until
