"""Nodes that are drained, lost and returned."""

from collections.abc import Callable, Sequence

from perago_dev.cluster import network
from perago_dev.cluster.kubectl import Kubectl
from perago_dev.errors import CommandFailed
from perago_dev.host.preflight import provider
from tests.chaos.stage import REQUEST, Stage

Execute = Callable[[str, Sequence[str], str | None], object]
DRAIN = ("--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=25s")


def drain(stage: Stage, choice: int) -> None:
    """What an administrator does before maintenance; a drain that takes too long is given up."""
    done = stage.cluster.ended("drain", stage.worker(choice), *DRAIN)
    if done.returncode:
        stage.journal(f"  drain: {done.stderr.strip().splitlines()[-1][:150]}")


def uncordon(stage: Stage, choice: int) -> None:
    """The node takes pods again."""
    stage.ask("uncordon", stage.worker(choice))


def kill(stage: Stage, choice: int) -> None:
    """The machine loses its power."""
    stage.engine("kill", stage.worker(choice))


def give_back(stage: Stage, choice: int) -> None:
    """It is switched on again, with another address; where the pod network is our own, its routes are laid again."""
    node = stage.worker(choice)
    stage.engine("start", node)
    stage.cluster(REQUEST, "wait", "--for=condition=Ready", f"node/{node}", "--timeout=10s")
    if provider() == "podman":
        _same_address(stage, node)
        network.connect(Kubectl(stage.env.bin_dir / "kubectl", stage.env.kubeconfig), _executor(stage))


def _same_address(stage: Stage, node: str) -> None:
    """Raises CommandFailed while the API server has another address of the node than the node itself."""
    own = stage.on_node(node, "hostname -i").split()
    listed = stage.json("get", "node", node)["status"]["addresses"]
    told = next(entry["address"] for entry in listed if entry["type"] == "InternalIP")
    if told not in own:
        raise CommandFailed(f"{node} has the addresses {own}, and the API server still has {told}")


def stop_kubelet(stage: Stage, choice: int) -> None:
    """The node does not answer any more; what runs on it runs on."""
    stage.on_node(stage.worker(choice), "systemctl stop kubelet")


def start_kubelet(stage: Stage, choice: int) -> None:
    """It answers again."""
    stage.on_node(stage.worker(choice), "systemctl start kubelet")


def _executor(stage: Stage) -> Execute:
    def execute(node: str, command: Sequence[str], stdin: str | None) -> str:
        interactive = ["--interactive"] if stdin is not None else []
        return stage.engine("exec", *interactive, node, *command, stdin=stdin)

    return execute
