"""Where the agent's pod puts what the agent needs: keys, token, socket, volume. Reads files, opens no connection.

The paths are those of the pod that the operator makes (`perago.wire`); a test passes its own `Mounts`.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from perago import wire
from perago.wire import secrets
from perago.wire.egress import TRUSTED_CA_FILE, Egress, Proxies
from perago.wire.secrets import ConductorKeys, LakeFSKeys

Keys = TypeVar("Keys")


class MissingKeys(Exception):
    """A mounted Secret is not there, or a key of it is missing or cannot be used; the text names it, never a value."""


@dataclass(frozen=True)
class Mounts:
    """Paths and the API server's address, as they are inside the pod by default."""

    workspace: Path = Path(wire.WORKSPACE_MOUNT)
    socket: Path = Path(wire.SOCKET_PATH)
    lakefs: Path = Path(wire.LAKEFS_KEYS_MOUNT)
    conductor: Path = Path(wire.CONDUCTOR_KEYS_MOUNT)
    cluster: Path = Path(wire.CLUSTER_TOKEN_MOUNT)
    node_cache: Path = Path(wire.NODE_CACHE_MOUNT)
    api_server: str = ""
    egress: Egress = field(default_factory=Egress)
    peer: tuple[int, int] = field(default_factory=lambda: (os.getuid(), os.getgid()))
    """User and group that the task's process must have: the agent's own, as the pod gives both containers the same."""


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
    egress = Egress(Proxies.of(environ), Path(TRUSTED_CA_FILE))
    return Mounts(api_server=f"https://{f'[{host}]' if ':' in host else host}:{port}", egress=egress)


def lakefs_secret(mounts: Mounts) -> LakeFSKeys:
    """The lakeFS Secret; raises MissingKeys."""
    with _naming_the_secret("lakefs"):
        return secrets.lakefs_keys(secrets.texts_in(mounts.lakefs, secrets.LAKEFS_KEYS), mounts.egress)


def conductor_secret(mounts: Mounts, token_header: str) -> ConductorKeys:
    """The Conductor Secret; raises MissingKeys."""
    with _naming_the_secret("conductor"):
        texts = secrets.texts_in(mounts.conductor, secrets.CONDUCTOR_KEYS)
        return secrets.conductor_keys(texts, mounts.egress, token_header)


@contextmanager
def _naming_the_secret(service: str) -> Iterator[None]:
    """What is wrong with a Secret, and which one it is."""
    try:
        yield
    except (secrets.InvalidSecret, OSError) as error:
        raise MissingKeys(
            f"{error}: mend the {service} Secret in the attempt's namespace, or name another one in the PeragoTask "
            f"({service}SecretRef)"
        ) from error
