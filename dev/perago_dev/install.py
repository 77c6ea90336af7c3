"""Puts the chart into an environment by hand, as the demo does by itself."""

from collections.abc import Sequence

from perago_dev import release
from perago_dev.demo.cluster import NAMESPACE
from perago_dev.environment import Environment
from perago_dev.progress import step


def install(env: Environment, namespaces: Sequence[str] | None) -> None:
    """Install the chart, or bring its release up to date; attempts may then run in these namespaces."""
    with step(f"installing release {release.RELEASE}"):
        release.install(env, namespaces or [NAMESPACE])
