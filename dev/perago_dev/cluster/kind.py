"""Creates and removes a kind cluster, on Docker or on podman, and loads images into it.

It does not know what will run in the cluster.
"""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from perago_dev.cluster import network
from perago_dev.cluster.kubectl import Kubectl
from perago_dev.cluster.spec import API_PORT, NODE_IMAGES, Provider, Spec, configuration
from perago_dev.host import cache, commands, podman
from perago_dev.host.locks import exclusive
from perago_dev.images import image_store

IMPORT = ("ctr", "--namespace=k8s.io", "images", "import", "--all-platforms", "--digests", "--snapshotter=overlayfs")
_ADDRESSES = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"


class Kind:
    """The kind cluster `name`, with its files below `state`. Methods raise CommandFailed."""

    def __init__(self, binaries: Path, provider: Provider, state: Path, name: str) -> None:
        """Keep the kubeconfig, kind's configuration, temporary files and logs below `state`."""
        self.kubeconfig = state / "kubeconfig"
        self.kubectl = Kubectl(binaries / "kubectl", self.kubeconfig)
        self.name = name
        self.control_plane = f"{name}-control-plane"
        self._network = f"perago-{name}"
        self._program = str(binaries / "kind")
        self._provider = provider
        self._state = state

    def create(self, spec: Spec) -> None:
        """Create the cluster and wait until its nodes are ready."""
        file = self._state / "kind.yaml"
        file.write_text(json.dumps(configuration(spec), indent=2))
        if self._provider == "podman":
            Path("/lib/modules").mkdir(parents=True, exist_ok=True)  # kind mounts it
            podman.make_internal_network(self._network)
        image = ["--image", spec.image] if spec.image else []
        self._run("create", "cluster", "--config", str(file), *image)
        if self._provider == "podman":
            self._point_at_node()
            network.connect(self.kubectl, self._execute)
        self.kubectl("wait", "--for=condition=Ready", "node", "--all", "--timeout=120s")

    def delete(self) -> None:
        """Remove the cluster, its volumes and its network; works without kind, and succeeds if they do not exist."""
        for node in self.nodes(stopped=True):
            self._container("rm", "--force", "--volumes", node)
            for volume in self._container("volume", "ls", "--quiet", "--filter", f"label={node}").split():
                self._container("volume", "rm", "--force", volume)
        if self._provider == "podman":
            podman.remove_network(self._network)

    def prepare(self, references: Sequence[str]) -> None:
        """Save the images that are not in the nodes yet; may run while the cluster is being created."""
        absent = self._absent(references)
        file = self._archive(absent)
        with exclusive(self._state / "locks" / file.name, "images"):
            if not absent or file.exists():
                return
            file.parent.mkdir(parents=True, exist_ok=True)
            unfinished = file.with_suffix(".unfinished")
            unfinished.unlink(missing_ok=True)
            image_store.archive(absent, unfinished)
            unfinished.rename(file)

    def load(self, references: Sequence[str]) -> list[str]:
        """Load the images into all nodes, unless that has been done before.

        The nodes import them from a shared folder: 6 s for three images on 2 cores, where `kind load` takes 20 s.
        """
        with self._loading():
            if absent := self._absent(references):
                self._import(absent)
        return list(references)

    def load_foreign(self, references: Sequence[str]) -> list[str]:
        """Load the images into the nodes of a kind cluster that somebody else has created."""
        with self._loading():
            self.prepare(references)
            file = self._archive(references)
            self._run("load", "image-archive", str(file))
            file.unlink()
        return list(references)

    def _loading(self) -> AbstractContextManager[None]:
        """One run at a time, because the first to finish removes the archive that both would read."""
        return exclusive(self._state / "locks" / "load", "images")

    def _import(self, references: Sequence[str]) -> None:
        self.prepare(references)
        file = self._archive(references)
        for node in self.nodes():
            self._execute(node, [*IMPORT, f"{NODE_IMAGES}/{file.name}"], None)
        file.unlink()
        for reference in references:
            self._marker(reference).parent.mkdir(parents=True, exist_ok=True)
            self._marker(reference).touch()

    def _absent(self, references: Sequence[str]) -> list[str]:
        return [reference for reference in references if not self._marker(reference).exists()]

    def _marker(self, reference: str) -> Path:
        return self._state / "loaded" / cache.key(reference)

    def _archive(self, references: Sequence[str]) -> Path:
        return self._state / "images" / f"{cache.key(*references)}.tar"

    def published(self, node_port: int) -> str:
        """`host:port` under which this host reaches a NodePort."""
        if self._provider == "podman":
            return f"{self._address()}:{node_port}"
        return self._container("port", self.control_plane, f"{node_port}/tcp").split()[0]

    def nodes(self, *, stopped: bool = False) -> list[str]:
        """Names of the containers that are nodes of the cluster: the running ones, or all."""
        label = f"label=io.x-k8s.kind.cluster={self.name}"
        every = ["--all"] if stopped else []
        return self._container("ps", *every, "--filter", label, "--format", "{{.Names}}").split()

    def _environment(self) -> Mapping[str, str]:
        temporary = self._state / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        own = {"KUBECONFIG": str(self.kubeconfig), "TMPDIR": str(temporary)}
        if self._provider == "docker":
            return {**own, "KIND_EXPERIMENTAL_PROVIDER": "docker"}
        return {**podman.environment(), **own, "KIND_EXPERIMENTAL_PODMAN_NETWORK": self._network}

    def _run(self, *arguments: str) -> None:
        command = [self._program, *arguments, "--name", self.name]
        commands.run(command, log=self._state / "logs" / "kind.log", env=self._environment())

    def _container(self, *arguments: str, stdin: str | None = None) -> str:
        env = podman.environment() if self._provider == "podman" else None
        return commands.output([self._provider, *arguments], env=env, stdin=stdin)

    def _execute(self, node: str, command: Sequence[str], stdin: str | None) -> str:
        interactive = ["--interactive"] if stdin is not None else []
        return self._container("exec", *interactive, node, *command, stdin=stdin)

    def _address(self) -> str:
        return self._container("inspect", "--format", _ADDRESSES, self.control_plane).split()[0]

    def _point_at_node(self) -> None:
        """Published ports do not work on an internal network. The certificate also covers the node's own address."""
        address = f"server: https://{self._address()}:{API_PORT}"
        self.kubeconfig.write_text(re.sub(r"server: https://\S+", address, self.kubeconfig.read_text()))
