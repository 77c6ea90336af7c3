"""The images that every environment holds: operator and runner from the repository, and the development lakeFS."""

from dataclasses import dataclass, replace

from perago_dev import environment, images, lakefs_deploy
from perago_dev.cluster.target import Cluster, open_cluster
from perago_dev.environment import Environment
from perago_dev.progress import say, step
from perago_dev.source import REPOSITORY
from perago_dev.together import together


@dataclass(frozen=True)
class Images:
    """Their references. `lakefs` is None where a real server takes the development server's place."""

    operator: str
    runner: str
    lakefs: str | None

    def references(self) -> list[str]:
        """All of them that there are."""
        return [reference for reference in (self.operator, self.runner, self.lakefs) if reference]


def build() -> Images:
    """Build what is not built yet, side by side."""
    with together() as group:
        operator, runner = group.start(lambda: _build("operator")), group.start(lambda: _build("runner"))
        lakefs = lakefs_deploy.image() if lakefs_deploy.external() is None else None
        return Images(operator(), runner(), lakefs)


def _build(name: str) -> str:
    return images.build(REPOSITORY / f"Dockerfile.{name}", REPOSITORY, name)


def load(cluster: Cluster, built: Images) -> Images:
    """Put them into the cluster; gives the references by which pods name them."""
    found = built.references()
    with step("loading the images into the cluster"):
        names = dict(zip(found, cluster.load(found), strict=True))
    return Images(names[built.operator], names[built.runner], names[built.lakefs] if built.lakefs else None)


def refreshed(env: Environment) -> Environment:
    """The running environment with images of the repository as it is now; writes nothing when they are the same."""
    cluster = open_cluster(env)
    loaded = load(cluster, build())
    if loaded.lakefs:
        keys = lakefs_deploy.own_keys(env.state_dir)
        lakefs_deploy.deploy(cluster.kubectl, loaded.lakefs, f"{env.name}-control-plane", keys)
    now = replace(env, operator_image=loaded.operator, runner_image=loaded.runner)
    if now != env:
        environment.save(now)
        say(f"environment {env.name!r} has new images; run `python -m perago_dev install` to use them")
    return now
