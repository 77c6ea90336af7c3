"""Calls kubectl with a given kubeconfig to apply, wait and read. It contains no manifests."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from perago_dev.host import commands

ENDS_WITHIN_SECONDS = 120.0


class Kubectl:
    """kubectl of one cluster. Every method but `ended` raises CommandFailed with kubectl's own words."""

    def __init__(self, program: Path, kubeconfig: Path, namespace: str = "") -> None:
        """Use this program and kubeconfig, whatever the environment variables say, and this namespace by default."""
        self.program, self.kubeconfig, self.namespace = program, kubeconfig, namespace
        self._head = [str(program), f"--kubeconfig={kubeconfig}", *([f"--namespace={namespace}"] if namespace else [])]

    def command(self, *arguments: str) -> list[str]:
        """The command line of `kubectl ARGUMENTS`."""
        return [*self._head, *arguments]

    def ended(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """How `kubectl ARGUMENTS` ended: exit code, output and complaints."""
        command = self.command(*arguments)
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=ENDS_WITHIN_SECONDS)

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

    def answers(self, seconds: float = 10.0) -> bool:
        """Whether the API server says that it is ready; on a starved machine, kubectl alone takes seconds."""
        limit = f"--request-timeout={seconds}s"
        return commands.succeeds([*self._head, limit, "get", "--raw", "/readyz"], timeout=3 * seconds)
