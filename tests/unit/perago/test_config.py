"""Who owns an attempt."""

import pytest

from perago import RuntimeConfigError
from perago.config import worker_id


@pytest.mark.parametrize(
    ("environment", "given", "want"),
    [
        ({"PERAGO_WORKER_ID": "env"}, "given", "given"),
        ({"PERAGO_WORKER_ID": "env"}, None, "env"),
        ({}, None, "pid-7"),
    ],
)
def test_a_worker_id_is_given_or_configured_or_the_process(
    environment: dict[str, str], given: str | None, want: str
) -> None:
    """The argument, else PERAGO_WORKER_ID, else the process id."""
    assert worker_id(environment, 7, given) == want


def test_a_blank_worker_id_is_refused() -> None:
    """A setting that is there but empty names nobody."""
    with pytest.raises(RuntimeConfigError, match="PERAGO_WORKER_ID"):
        worker_id({"PERAGO_WORKER_ID": " "}, 7)
