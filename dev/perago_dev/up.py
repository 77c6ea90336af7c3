"""Brings an environment up: creates what is missing, keeps what exists, and stores the result."""

from dataclasses import dataclass
from pathlib import Path

from perago_dev import environment, on_current, on_kind, state
from perago_dev.cluster import current
from perago_dev.cluster.kubectl import Kubectl
from perago_dev.environment import Environment
from perago_dev.errors import EnvironmentProblem, NotUp
from perago_dev.host import packages, preflight, processes
from perago_dev.host.progress import say
from perago_dev.host.together import together
from perago_dev.images import product
from perago_dev.servers import conductor, lakefs


@dataclass(frozen=True)
class Wanted:
    """What `up` was asked for. With `workers` None, a cluster keeps its nodes and a new one has no workers."""

    name: str = environment.DEFAULT_NAME
    workers: int | None = None
    cluster: str = "kind"


def up(wanted: Wanted) -> Environment:
    """The running environment of this name. Raises EnvironmentProblem with what prevents it."""
    with state.hold(wanted.name) as folder:
        if (running := _running(wanted, folder)) is not None:
            return product.refreshed(running)
        say(f"bringing up environment {wanted.name!r} (about 10 minutes the first time on a machine, then 1)")
        if wanted.cluster == "current":
            current.check()
        preflight.check(packages.missing(wanted.cluster), wanted.cluster)
        if packages.install_missing(wanted.cluster):
            preflight.check(packages.missing(wanted.cluster), wanted.cluster)
        state.begin(folder)
        with together() as group:
            if wanted.cluster == "current":
                env = on_current.environment_of(wanted.name, folder)
            else:
                env = on_kind.environment_of(wanted.name, wanted.workers or 0, folder, group)
        environment.save(env)
        say(f"environment {wanted.name!r} is up: Conductor {env.conductor_url}, lakeFS {env.lakefs_endpoint}")
        return env


def _running(wanted: Wanted, folder: Path) -> Environment | None:
    """The environment if it is complete and answers; None if there is something to do."""
    mark = state.mark(folder)
    try:
        env = environment.load(wanted.name)
    except NotUp:
        return None
    if mark is None or not is_healthy(env):
        return None
    if wanted.cluster != mark["cluster"] or wanted.workers not in (None, mark["workers"]):
        raise EnvironmentProblem(
            f"environment {wanted.name!r} is up as {mark['cluster']} with {mark['workers']} workers; "
            f"take it down first (`python -m perago_dev down --name {wanted.name}`) or choose another name"
        )
    return env


def is_healthy(env: Environment) -> bool:
    """Whether the API server, Conductor and lakeFS answer."""
    return (
        Kubectl(env.bin_dir / "kubectl", env.kubeconfig).answers()
        and processes.answers(conductor.health_url(env.conductor_url))
        and processes.answers(f"{env.lakefs_endpoint}{lakefs.HEALTH}")
    )
