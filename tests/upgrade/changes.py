"""What is done to a release while its attempts run. Each change ends with a release that serves them again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from perago_dev import release
from perago_dev.environment import Environment
from perago_dev.host import commands
from tests.kubectl import Kubectl

SERVED, OTHER = "upgrade-jobs", "upgrade-other"
RELEASE, SYSTEM = "upgrade", "upgrade-system"
SMALL = {"resources.requests.cpu": "10m"}
SERVES = f"namespaces={{{SERVED}}}"


@dataclass(frozen=True)
class Release:
    """One release of the chart in an environment that has no other."""

    env: Environment

    def install(self, serves: str = SERVES, **values: str) -> None:
        """Install it or upgrade it; returns once its operator is ready."""
        name, _, given = serves.partition("=")
        release.helm(self.env, RELEASE, SYSTEM, {**SMALL, name: given, **values})

    def helm(self, *words: str) -> None:
        """Any other command of helm about it."""
        head = (str(self.env.bin_dir / "helm"), *words, "--namespace", SYSTEM)
        commands.output(head, env=self.env.variables())

    def cluster(self, namespace: str = SYSTEM) -> Kubectl:
        """kubectl for a namespace."""
        return Kubectl(self.env.bin_dir / "kubectl", self.env.kubeconfig, namespace)


Change = Callable[[Release], None]


def upgrade(of: Release) -> None:
    """Another pod template of the operator; the CRDs are applied again."""
    of.install(logLevel="DEBUG")


def roll_back(of: Release) -> None:
    """To the release before an upgrade."""
    of.install(logLevel="DEBUG")
    of.helm("rollback", RELEASE, "--wait")


def two_replicas(of: Release) -> None:
    """One more stands by; then the leader goes."""
    of.install(replicas="2")
    leader = of.cluster().json("get", "lease", "upgrade-perago-operator")["spec"]["holderIdentity"]
    of.cluster()("delete", "pod", leader.partition("_")[0])
    of.install()


def all_namespaces(of: Release) -> None:
    """A ClusterRole in place of Roles, and back."""
    of.install(clusterWide="true")
    of.install()


def drop_the_namespace(of: Release) -> None:
    """It is not served for a while; its agents keep their account."""
    of.install(f"namespaces={{{OTHER}}}")
    of.install()


def uninstall(of: Release) -> None:
    """No operator is there for a while; then it is installed again under the same name."""
    of.helm("uninstall", RELEASE, "--wait")
    of.install()


CHANGES: Mapping[str, Change] = {
    change.__name__.replace("_", " "): change
    for change in (upgrade, roll_back, two_replicas, all_namespaces, drop_the_namespace, uninstall)
}
