"""Uses the cluster that the kubeconfig points to, instead of creating one.

Images get there through a registry (`PERAGO_IMAGE_PREFIX`) or, if the context belongs to kind, through kind.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from perago_dev.cluster.kind import Kind
from perago_dev.cluster.kubectl import Kubectl
from perago_dev.errors import EnvironmentProblem
from perago_dev.host import commands
from perago_dev.host.preflight import provider
from perago_dev.images import image_store

REGISTRY = "PERAGO_IMAGE_PREFIX"
NEEDED = {
    "CONDUCTOR_SERVER_URL": "the address of a Conductor server, ending in /api, that pods and this host reach",
    "LAKEFS_ENDPOINT": "the address of a lakeFS server that pods and this host reach",
    "LAKEFS_ACCESS_KEY_ID": "a key of that lakeFS server",
    "LAKEFS_SECRET_ACCESS_KEY": "its secret",
}


def lacking(variables: Mapping[str, str], context: str) -> list[str]:
    """The settings that `--cluster current` needs and does not find, each with its purpose."""
    missing = [f"{name}: {what}" for name, what in NEEDED.items() if not variables.get(name)]
    if not context:
        missing.append("kubeconfig: no current context (set KUBECONFIG, or `kubectl config use-context`)")
    elif not variables.get(REGISTRY) and not context.startswith("kind-"):
        missing.append(f"{REGISTRY}: a registry and path to push images to, e.g. registry.example/perago")
    return missing


@dataclass(frozen=True)
class CurrentCluster:
    """The cluster of a kubeconfig's current context."""

    kubectl: Kubectl
    context: str
    binaries: Path
    state: Path

    def load(self, references: Sequence[str]) -> list[str]:
        """Push the images under the registry's prefix, or load them into the nodes of a kind cluster."""
        if prefix := os.environ.get(REGISTRY):
            return [image_store.push(reference, prefix) for reference in references]
        kind = Kind(self.binaries, provider(), self.state, self.context.removeprefix("kind-"))
        return kind.load_foreign(references)


def context_of(variables: Mapping[str, str]) -> str:
    """The current context, as kubectl reads it from `$KUBECONFIG` or `~/.kube/config`; empty if there is none."""
    named = variables.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    files = [Path(name) for name in named.split(os.pathsep) if name]
    configurations = (yaml.safe_load(file.read_text()) or {} for file in files if file.exists())
    return next(
        (
            str(configuration["current-context"])
            for configuration in configurations
            if configuration.get("current-context")
        ),
        "",
    )


def check(variables: Mapping[str, str] = os.environ) -> None:
    """Raise EnvironmentProblem with every missing setting; builds nothing and calls nothing."""
    if missing := lacking(variables, context_of(variables)):
        raise EnvironmentProblem("\n  - ".join(["--cluster current needs more settings:", *missing]))


def connect(binaries: Path, state: Path) -> CurrentCluster:
    """Copy the kubeconfig's current context into the state. Raises EnvironmentProblem if it does not answer."""
    context = context_of(os.environ)
    own = state / "kubeconfig"
    own.touch(mode=0o600)
    own.write_text(commands.output([str(binaries / "kubectl"), "config", "view", "--minify", "--flatten", "--raw"]))
    cluster = CurrentCluster(Kubectl(binaries / "kubectl", own), context, binaries, state)
    if not cluster.kubectl.answers(10.0):
        raise EnvironmentProblem(f"the cluster of context {context!r} does not answer")
    return cluster
