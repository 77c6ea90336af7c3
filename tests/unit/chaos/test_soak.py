"""How a soak reads the operator's metrics."""

import pytest

from perago_operator.adapters.metrics import Metrics
from tests.chaos.soak import MEASURED, value


@pytest.mark.parametrize("metric", [metric for metric, _, _ in MEASURED.values()])
def test_the_operator_has_what_is_measured(metric: str) -> None:
    """Its own metrics, as it renders them, have a positive value of that name."""
    assert value(Metrics().render().decode(), metric) > 0


def test_a_metric_that_is_missing_ends_the_soak() -> None:
    """A curve of nothing would look flat."""
    with pytest.raises(SystemExit, match="no metric process_open_fds"):
        value("process_open_fds_total 3\n", "process_open_fds")
