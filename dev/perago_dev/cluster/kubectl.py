"""Calls kubectl with a given kubeconfig to apply, wait and read. It contains no manifests."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from perago_dev.host import commands


class Kubectl:
    """kubectl of one cluster. Every method raises CommandFailed with kubectl's own words."""

    def __init__(self, program: Path, kubeconfig: Path) -> None:
        """Use this program and this kubeconfig, whatever the environment variables say."""
        self._head = [str(program), f"--kubeconfig={kubeconfig}"]

    def command(self, *arguments: str) -> list[str]:
        """The command line of `kubectl ARGUMENTS`."""
        return [*self._head, *arguments]

    def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        """Standard output of `kubectl ARGUMENTS`."""
        return commands.output(self.command(*arguments), stdin=stdin)

    def json(self, *arguments: str) -> Any:
        """What `kubectl ARGUMENTS -o json` prints."""
        return json.loads(self(*arguments, "-o", "json"))

    def apply(self, objects: Sequence[dict[str, Any]]) -> None:
        """Apply the objects on the server side; applying the same objects again changes nothing."""
        listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        self("apply", "--server-side", "--force-conflicts", "--field-manager=perago-dev", "-f", "-", stdin=listed)

    def rolled_out(self, namespace: str, deployment: str, seconds: int) -> None:
        """Wait until the deployment's pods are ready."""
        self("-n", namespace, "rollout", "status", f"deployment/{deployment}", f"--timeout={seconds}s")

    def answers(self, seconds: float = 3.0) -> bool:
        """Whether the API server says that it is ready."""
        return commands.succeeds([*self._head, f"--request-timeout={seconds}s", "get", "--raw", "/readyz"], timeout=10)
