"""Commands on the nodes of an environment, which are containers of this machine."""

import os
import subprocess

from perago_dev.cluster.kind import Kind
from perago_dev.host import commands, podman
from perago_dev.host.preflight import provider
from tests.hostile.stage import Stage


def nodes(stage: Stage) -> list[str]:
    """Their names."""
    return Kind(stage.env.bin_dir, provider(), stage.env.state_dir, stage.env.name).nodes()


def output(node: str, *words: str) -> str:
    """What a command prints on a node. Raises CommandFailed."""
    return commands.output(_command(node, words), env=_environment())


def content(node: str, path: str) -> bytes:
    """A file of a node. Raises CalledProcessError."""
    environment = os.environ | (_environment() or {})
    return subprocess.run(_command(node, ("cat", path)), capture_output=True, check=True, env=environment).stdout


def _command(node: str, words: tuple[str, ...]) -> list[str]:
    return [provider(), "exec", node, *words]


def _environment() -> dict[str, str] | None:
    return dict(podman.environment()) if provider() == "podman" else None
