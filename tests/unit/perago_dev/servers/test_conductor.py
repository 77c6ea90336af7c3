"""Which Conductor an environment uses."""

import pytest

from perago_dev.servers import conductor


@pytest.mark.parametrize("given", ["http://server:8080/api", "http://server:8080/api/", "http://server:8080"])
def test_given_conductor_ends_in_api(given: str) -> None:
    """The address is taken with and without its path."""
    assert conductor.external({"CONDUCTOR_SERVER_URL": given}) == "http://server:8080/api"
    assert conductor.health_url("http://server:8080/api") == "http://server:8080/health"


def test_no_given_conductor_means_our_own() -> None:
    """An unset and an empty variable are the same."""
    assert conductor.external({}) is None
    assert conductor.external({"CONDUCTOR_SERVER_URL": ""}) is None
