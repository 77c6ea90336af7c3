"""The pause between two executions of an attempt: how long, from when, and what is written of it. Pure.

It follows from the status, so that it lasts as long whoever leads.
"""

from datetime import datetime, timedelta

from perago.wire.times import timestamp
from perago_operator.api.base import JsonObject
from perago_operator.api.conditions import MESSAGE_LIMIT
from perago_operator.core.memory import doubled
from perago_operator.core.situation import Situation


def pause_after(s: Situation, execution: int) -> timedelta:
    """How long to wait before the pod of this execution is replaced; those of one node come back one by one."""
    config = s.config
    return doubled(config.disruption_backoff, config.disruption_backoff_cap, execution, f"{s.memory.uid}/execution")


def paused_until(s: Situation) -> datetime | None:
    """When the current execution may begin at the earliest; None when it replaces no other."""
    disruption = s.status.disruption
    if disruption is None or disruption.execution != s.execution - 1:
        return None
    return s.moment(disruption.since) + pause_after(s, disruption.execution)


def disruption(s: Situation, message: str) -> JsonObject:
    """`status.disruption` when the current execution is lost: the pause counts from now."""
    now = s.time_of_day
    return {
        "execution": s.execution,
        "message": message[:MESSAGE_LIMIT],
        "since": timestamp(now),
        "until": timestamp(now + pause_after(s, s.execution)),
    }
