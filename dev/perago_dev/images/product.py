"""The images that every environment holds: operator and runner, built from the repository."""

from dataclasses import dataclass, replace

from perago_dev import environment
from perago_dev.cluster.target import Cluster, open_cluster
from perago_dev.environment import Environment
from perago_dev.host.progress import say, step
from perago_dev.host.together import together
from perago_dev.images import dockerfiles
from perago_dev.source import REPOSITORY


@dataclass(frozen=True)
class Images:
    """Their references."""

    operator: str
    runner: str

    def references(self) -> list[str]:
        """Both references."""
        return [self.operator, self.runner]


def build() -> Images:
    """Build what has not been built yet, in parallel."""
    with together() as group:
        operator, runner = group.start(lambda: _build("operator")), group.start(lambda: _build("runner"))
        return Images(operator(), runner())


def _build(name: str) -> str:
    return dockerfiles.build(REPOSITORY / f"Dockerfile.{name}", REPOSITORY, name)


def load(cluster: Cluster, built: Images) -> Images:
    """Load them into the cluster; returns the references that pods use."""
    with step("loading the images into the cluster"):
        return Images(*cluster.load(built.references()))


def refreshed(env: Environment) -> Environment:
    """The running environment with images of the current sources; stores nothing if they are the same."""
    loaded = load(open_cluster(env), build())
    now = replace(env, operator_image=loaded.operator, runner_image=loaded.runner)
    if now != env:
        environment.save(now)
        say(f"environment {env.name!r} has new images; run `python -m perago_dev install` to use them")
    return now
