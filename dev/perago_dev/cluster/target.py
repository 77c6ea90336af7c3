"""What the rest of the environment needs from any kind of cluster, and how to open an environment's cluster."""

from collections.abc import Sequence
from typing import Protocol

from perago_dev import state
from perago_dev.cluster.current import CurrentCluster
from perago_dev.cluster.kind import Kind
from perago_dev.cluster.kubectl import Kubectl
from perago_dev.environment import Environment
from perago_dev.errors import NotUp
from perago_dev.host.preflight import provider


class Cluster(Protocol):
    """A running cluster."""

    @property
    def kubectl(self) -> Kubectl:
        """kubectl with this cluster's kubeconfig."""
        ...

    def load(self, references: Sequence[str]) -> list[str]:
        """Make built images available to all nodes; returns the references that pods use, in the same order."""
        ...


def open_cluster(env: Environment) -> Cluster:
    """The cluster that the environment runs on. Raises NotUp if it is incomplete."""
    mark = state.mark(env.state_dir)
    if mark is None:
        raise NotUp(f"the cluster of environment {env.name!r} is incomplete: run `up` again")
    if mark["cluster"] == "kind":
        return Kind(env.bin_dir, provider(), env.state_dir, env.name)
    kubectl = Kubectl(env.bin_dir / "kubectl", env.kubeconfig)
    return CurrentCluster(kubectl, mark["context"], env.bin_dir, env.state_dir)
