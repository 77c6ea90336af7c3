"""Who owns an attempt."""

import pytest

from perago.config import worker_id


@pytest.mark.parametrize(
    ("environment", "given", "want"),
    [
        ({"PERAGO_WORKER_ID": "env"}, "given", "given"),
        ({"PERAGO_WORKER_ID": "env"}, None, "env"),
        ({}, None, "pid-7"),
        ({"PERAGO_WORKER_ID": "env"}, "", "env"),
        ({"PERAGO_WORKER_ID": "env"}, " ", "env"),
        ({"PERAGO_WORKER_ID": ""}, None, "pid-7"),
        ({"PERAGO_WORKER_ID": " "}, "", "pid-7"),
    ],
)
def test_a_worker_id_is_given_or_configured_or_the_process(
    environment: dict[str, str], given: str | None, want: str
) -> None:
    """The argument, else PERAGO_WORKER_ID, else the process id; what is empty or blank counts as not given."""
    assert worker_id(environment, 7, given) == want
