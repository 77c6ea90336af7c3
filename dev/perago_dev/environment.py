"""What an environment consists of for those who use it (addresses, keys, images), and where this is stored.

Reading it needs neither a cluster nor podman: `load(name)` reads one JSON file.
"""

import dataclasses
import json
import os
import re
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perago_dev.errors import EnvironmentProblem, NotUp
from perago_dev.host import proxies

DEFAULT_NAME = "perago"
FILE_NAME = "environment.json"
OWN_SERVERS = "PERAGO_OWN_SERVERS"
"""In a shell, names the addresses that belong to an environment, as opposed to servers to use instead of its own."""
_PATHS = ("kubeconfig", "bin_dir", "state_dir", "lakectl")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


@dataclass(frozen=True)
class Environment:
    """A running environment. Conductor URLs end in `/api`, lakeFS endpoints have no path.

    Addresses with "cluster" in their name are for pods, the others for this host.
    """

    name: str
    kubeconfig: Path
    bin_dir: Path
    conductor_url: str
    conductor_cluster_url: str
    lakefs_endpoint: str
    lakefs_cluster_endpoint: str
    lakefs_access_key: str
    lakefs_secret_key: str
    operator_image: str
    runner_image: str
    state_dir: Path
    lakectl: Path | None = None
    """lakeFS's command line, where the environment has a lakeFS of its own."""

    def variables(self) -> dict[str, str]:
        """What a shell or a child process needs to talk to this environment."""
        folders = [self.bin_dir, *([self.lakectl.parent] if self.lakectl else [])]
        return {
            "KUBECONFIG": str(self.kubeconfig),
            "PATH": os.pathsep.join([*map(str, folders), os.environ.get("PATH", os.defpath)]),
            **proxies.exempted(os.environ),
            "PERAGO_ENV": self.name,
            OWN_SERVERS: f"{self.conductor_url} {self.lakefs_endpoint}",
            "CONDUCTOR_SERVER_URL": self.conductor_url,
            "LAKEFS_ENDPOINT": self.lakefs_endpoint,
            "LAKEFS_ACCESS_KEY_ID": self.lakefs_access_key,
            "LAKEFS_SECRET_ACCESS_KEY": self.lakefs_secret_key,
            "LAKECTL_SERVER_ENDPOINT_URL": self.lakefs_endpoint,
            "LAKECTL_CREDENTIALS_ACCESS_KEY_ID": self.lakefs_access_key,
            "LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY": self.lakefs_secret_key,
        }


def forget_own_servers(variables: MutableMapping[str, str]) -> None:
    """Remove addresses that `env` has exported, so that an environment does not use the servers of another one."""
    own = variables.get(OWN_SERVERS, "").split()
    for name in ("CONDUCTOR_SERVER_URL", "LAKEFS_ENDPOINT"):
        if variables.get(name) in own:
            del variables[name]


def states_root() -> Path:
    """The folder that holds one folder per environment: `$XDG_STATE_HOME/perago` or `~/.local/state/perago`."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "perago"


def state_dir(name: str) -> Path:
    """Where the environment `name` keeps its state. Raises EnvironmentProblem if it is not a valid name."""
    if not _NAME.fullmatch(name):
        raise EnvironmentProblem(
            f"{name!r} cannot name an environment: it takes a letter, then up to 30 of a-z, 0-9 and '-'"
        )
    return states_root() / name


def names() -> list[str]:
    """The environments that are up or incomplete."""
    return sorted(folder.name for folder in states_root().glob("*") if _NAME.fullmatch(folder.name))


def save(env: Environment) -> None:
    """Store the environment atomically, readable only by its owner, because it contains keys."""
    file = env.state_dir / FILE_NAME
    unfinished = file.with_suffix(".unfinished")
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps(dataclasses.asdict(env), indent=2, default=str) + "\n")
    unfinished.rename(file)


def load(name: str = DEFAULT_NAME) -> Environment:
    """The environment as it was stored. Raises NotUp if there is none with this name."""
    try:
        stored: dict[str, Any] = json.loads((state_dir(name) / FILE_NAME).read_text())
    except FileNotFoundError:
        raise NotUp(f"environment {name!r} is not up: run `python -m perago_dev up --name {name}`") from None
    paths = {field: Path(stored[field]) for field in _PATHS if stored.get(field)}
    return Environment(**{**stored, **paths})
