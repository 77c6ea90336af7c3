"""Secrets that change: the servers get new addresses, and the old ones end."""

from functools import partial

from perago_dev import release
from perago_dev.servers import workloads
from tests.chaos.routes import ROUTES, Route
from tests.chaos.stage import NAMESPACE, Stage
from tests.kubectl import Object

SERVERS = ("conductor", "lakefs")
WORDS = {"conductor": ("perago-conductor", "url", "/api"), "lakefs": ("perago-lakefs", "endpoint", "")}
"""Server → its Secret, the key with its address, and the address's path."""


def rotate(stage: Stage, choice: int) -> None:
    """Both Secrets name the other address; both addresses answer for as long as this lasts."""
    for server in SERVERS:
        other = next(route for route in of(server) if route.name not in stage.routes[server])
        stage.relay(other.name, "pass")
        stage.patiently(partial(stage.cluster.apply, [secret(stage, other)]), f"the Secret of {server}", 30)
        stage.routes[server].append(other.name)  # not before: the old address ends only where there is a new one


def retire(stage: Stage, choice: int) -> None:
    """The address that is in no Secret any more refuses connections."""
    for server in SERVERS:
        if len(stage.routes[server]) > 1:
            stage.relay(stage.routes[server].pop(0), "cut")


def of(server: str) -> list[Route]:
    """The routes to a server."""
    return [route for route in ROUTES if route.server == server]


def secret(stage: Stage, route: Route) -> Object:
    """A Secret of the chart's, with the address of a route."""
    name, key, path = WORDS[route.server]
    found = next(one for one in release.secrets(stage.env, NAMESPACE) if one["metadata"]["name"] == name)
    address = f"http://relay.{workloads.NAMESPACE}.svc:{route.port}{path}"
    return {**found, "stringData": {**found["stringData"], key: address}}
