"""Installs the chart in an environment by hand, as the demo does automatically."""

from collections.abc import Sequence

from perago_dev import release
from perago_dev.demo.cluster import NAMESPACE
from perago_dev.environment import Environment
from perago_dev.host.progress import step


def install(env: Environment, namespaces: Sequence[str] | None) -> None:
    """Install the chart or upgrade its release, after which attempts may run in these namespaces."""
    with step(f"installing release {release.RELEASE}"):
        release.install(env, namespaces or [NAMESPACE])
