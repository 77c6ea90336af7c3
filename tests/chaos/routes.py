"""The ways through the relay: two to Conductor and to lakeFS, whose addresses change, one to the API server."""

from dataclasses import dataclass

from perago_dev.servers import conductor, lakefs, workloads


@dataclass(frozen=True)
class Route:
    """The port of the relay at which a server is reached."""

    name: str
    server: str
    port: int
    host: str
    to: int


def _route(name: str, server: str, port: int, own_port: int) -> Route:
    return Route(name, server, port, f"{server}.{workloads.NAMESPACE}.svc", own_port)


ROUTES = (
    _route("conductor", "conductor", 8080, conductor.PORT),
    _route("conductor-next", "conductor", 8081, conductor.PORT),
    _route("lakefs", "lakefs", 8000, lakefs.PORT),
    _route("lakefs-next", "lakefs", 8001, lakefs.PORT),
    Route("apiserver", "apiserver", 6443, "kubernetes.default.svc", 443),
)
