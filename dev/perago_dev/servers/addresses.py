"""Where Conductor and lakeFS are, for this host and for pods: in the environment, or where variables point."""

from dataclasses import dataclass
from pathlib import Path

from perago_dev.environment import Environment
from perago_dev.host import processes
from perago_dev.images.product import Images
from perago_dev.servers import conductor, lakefs, lakefs_programs, workloads
from perago_dev.servers.lakefs import Keys

CONDUCTOR_SECONDS = 240.0
LAKEFS_SECONDS = 240.0


@dataclass(frozen=True)
class Server:
    """A server's address for this host, and for pods."""

    here: str
    in_cluster: str


@dataclass(frozen=True)
class LakeFS:
    """A lakeFS server, the keys to it, and its command line where the server is our own."""

    server: Server
    keys: Keys
    lakectl: Path | None = None


@dataclass(frozen=True)
class Addresses:
    """Both servers of an environment. Conductor's addresses end in `/api`, lakeFS's have no path."""

    conductor: Server
    lakefs: LakeFS


def external_conductor() -> Server | None:
    """The server that `CONDUCTOR_SERVER_URL` names."""
    url = conductor.external()
    return Server(url, url) if url else None


def own_conductor(published: str) -> Server:
    """The pod of this environment, which this host reaches at `published`."""
    inside = workloads.cluster_address(conductor.NAME, conductor.PORT)
    return Server(f"http://{published}/api", f"http://{inside}/api")


def external_lakefs() -> LakeFS | None:
    """The server that `LAKEFS_ENDPOINT` and its keys name."""
    server = lakefs.external()
    if server is None:
        return None
    return LakeFS(Server(server.endpoint, server.endpoint), Keys(server.access_key, server.secret_key))


def own_lakefs(published: str, keys: Keys) -> LakeFS:
    """The pod of this environment, which this host reaches at `published`."""
    inside = workloads.cluster_address(lakefs.NAME, lakefs.PORT)
    return LakeFS(Server(f"http://{published}", f"http://{inside}"), keys, lakefs_programs.cached() / "lakectl")


def wait_for(servers: Addresses) -> None:
    """Wait until both answer this host. Raises EnvironmentProblem."""
    endpoint, url = servers.lakefs.server.here, servers.conductor.here
    processes.wait_until(lambda: processes.answers(endpoint + lakefs.HEALTH), LAKEFS_SECONDS, f"lakeFS {endpoint}")
    health = conductor.health_url(url)
    processes.wait_until(lambda: processes.answers(health), CONDUCTOR_SECONDS, f"Conductor {url}")


def environment(name: str, folder: Path, programs: Path, servers: Addresses, images: Images) -> Environment:
    """The whole environment, as its users see it."""
    return Environment(
        name=name,
        kubeconfig=folder / "kubeconfig",
        bin_dir=programs,
        conductor_url=servers.conductor.here,
        conductor_cluster_url=servers.conductor.in_cluster,
        lakefs_endpoint=servers.lakefs.server.here,
        lakefs_cluster_endpoint=servers.lakefs.server.in_cluster,
        lakefs_access_key=servers.lakefs.keys.access_key,
        lakefs_secret_key=servers.lakefs.keys.secret_key,
        operator_image=images.operator,
        runner_image=images.runner,
        state_dir=folder,
        lakectl=servers.lakefs.lakectl,
    )
