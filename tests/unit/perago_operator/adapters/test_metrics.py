"""What /metrics answers with."""

import re

from perago_operator.adapters.metrics import Metrics
from perago_operator.ports import Finished


def test_a_finished_attempt_is_counted_and_its_parts_are_measured() -> None:
    """By namespace and PeragoTask."""
    metrics = Metrics()
    metrics.finished(Finished("jobs", "build", "FAILED", "OOMKilled", "User", {"executing": 2.5}))
    shown = metrics.render().decode()
    labels = 'class="User",namespace="jobs",reason="OOMKilled",status="FAILED",task="build"'
    assert f"perago_attempts_finished_total{{{labels}}} 1.0" in shown
    assert 'perago_attempt_seconds_sum{namespace="jobs",part="executing",task="build"} 2.5' in shown


def test_the_version_is_shown() -> None:
    """So that a change of numbers can be told from a change of the program."""
    assert re.search(
        r'^perago_build_info[{]version="\d+[.]\d+[.]\d+"[}] 1.0$', Metrics().render().decode(), re.MULTILINE
    )


def test_no_series_tells_when_another_one_began() -> None:
    """They would double the number of series."""
    metrics = Metrics()
    metrics.called("conductor", "poll", "ok", 0.1)
    assert "_created" not in metrics.render().decode()
