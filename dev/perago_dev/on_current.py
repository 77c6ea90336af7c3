"""An environment on the cluster that the kubeconfig points at; Conductor and lakeFS are existing servers."""

from pathlib import Path

from perago_dev import state
from perago_dev.cluster import binaries, current
from perago_dev.environment import Environment
from perago_dev.errors import EnvironmentProblem
from perago_dev.images import product
from perago_dev.servers import addresses


def environment_of(name: str, folder: Path) -> Environment:
    """The environment. Raises EnvironmentProblem if variables are missing."""
    programs = binaries.of_this_host()
    cluster = current.connect(programs, folder)
    lakefs, conductor = addresses.external_lakefs(), addresses.external_conductor()
    if lakefs is None or conductor is None:
        raise EnvironmentProblem("--cluster current needs CONDUCTOR_SERVER_URL and LAKEFS_ENDPOINT with its keys")
    servers = addresses.Addresses(conductor, lakefs)
    addresses.wait_for(servers)
    loaded = product.load(cluster, product.build())
    state.finish(folder, {"cluster": "current", "workers": 0, "context": cluster.context})
    return addresses.environment(name, folder, programs, servers, loaded)
