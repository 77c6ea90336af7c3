"""Where the agent's pod puts what the agent needs: keys, token, socket, volume. Reads files, opens no connection.

The paths are those of the pod that the operator makes (`perago.wire`); a test passes its own `Mounts`.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from perago import wire

Keys = TypeVar("Keys")


class MissingKeys(Exception):
    """A mounted Secret does not have a key that is needed; the text names the key, never a value."""


@dataclass(frozen=True)
class Mounts:
    """Paths and the API server's address, as they are inside the pod by default."""

    workspace: Path = Path(wire.WORKSPACE_MOUNT)
    socket: Path = Path(wire.SOCKET_PATH)
    lakefs: Path = Path(wire.LAKEFS_KEYS_MOUNT)
    conductor: Path = Path(wire.CONDUCTOR_KEYS_MOUNT)
    cluster: Path = Path(wire.CLUSTER_TOKEN_MOUNT)
    api_server: str = ""
    peer: tuple[int, int] = field(default_factory=lambda: (os.getuid(), os.getgid()))
    """User and group that the task's process must have: the agent's own, as the pod gives both containers the same."""


@dataclass(frozen=True)
class LakeFSKeys:
    """Endpoint without `/api/v1`, and the key pair; `replace_unmarked` is the optional policy key beside them."""

    endpoint: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    replace_unmarked: bool = False


@dataclass(frozen=True)
class ConductorKeys:
    """URL with `/api`, and the optional credentials."""

    url: str
    token: str | None = field(default=None, repr=False)
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)


class Mounted(Generic[Keys]):
    """A mounted Secret's keys, read again when a server no longer takes them. For any thread."""

    def __init__(self, read: Callable[[], Keys]) -> None:
        """`read` raises MissingKeys."""
        self._read = read
        self.keys = read()

    def renewed(self, refused: Keys) -> bool:
        """Whether the Secret has other keys than the refused ones by now."""
        try:
            self.keys = self._read()
        except MissingKeys:
            return False  # it is being replaced, or gone: the refusal says enough
        return self.keys != refused


def pod_mounts(environ: Mapping[str, str]) -> Mounts:
    """The pod's own paths, with the API server that Kubernetes names in every container's environment."""
    host, port = environ["KUBERNETES_SERVICE_HOST"], environ.get("KUBERNETES_SERVICE_PORT", "443")
    return Mounts(api_server=f"https://{f'[{host}]' if ':' in host else host}:{port}")


def lakefs_keys(folder: Path) -> LakeFSKeys:
    """The lakeFS Secret; raises MissingKeys."""
    return LakeFSKeys(
        endpoint=_required(folder, "endpoint").rstrip("/"),
        access_key=_required(folder, "accessKeyId"),
        secret_key=_required(folder, "secretAccessKey"),
        replace_unmarked=(_optional(folder, "replaceUnmarked") or "").lower() == "true",
    )


def conductor_keys(folder: Path) -> ConductorKeys:
    """The Conductor Secret; raises MissingKeys."""
    return ConductorKeys(
        url=_required(folder, "url").rstrip("/"),
        token=_optional(folder, "token"),
        username=_optional(folder, "username"),
        password=_optional(folder, "password"),
    )


def _required(folder: Path, name: str) -> str:
    value = _optional(folder, name)
    if value is None:
        raise MissingKeys(
            f"the {folder.name} Secret does not exist in the attempt's namespace, or has no key {name!r}; "
            f"create it, or name another one in the PeragoTask ({folder.name}SecretRef)"
        )
    return value


def _optional(folder: Path, name: str) -> str | None:
    try:
        return (folder / name).read_text().strip() or None
    except FileNotFoundError:
        return None
