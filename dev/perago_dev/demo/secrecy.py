"""Checks that keys, tokens and the addresses of our servers are not visible where they do not belong. Pure."""

import base64
import re
from collections.abc import Collection, Mapping
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from perago_dev.demo.checks import require
from perago_dev.environment import Environment
from perago_dev.objects import Object

TOKEN = re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}")
"""A JSON Web Token, the form in which Kubernetes issues tokens to service accounts."""
VARIABLES = frozenset({"HOME", "HOSTNAME", "LANG", "LOGNAME", "PATH", "GPG_KEY", "TERM", "TMPDIR", "TZDIR", "USER"})
PREFIXES = ("PYTHON", "KUBERNETES_")
"""Kubernetes sets the address of its API server in every container. That address is useless without a token."""
MOUNTS = frozenset({"/workspace", "/run/perago", "/tmp", "/dev/shm"}) | {
    f"/etc/{name}" for name in ("group", "hostname", "hosts", "passwd", "resolv.conf")
}
COMMAND = "python -m perago.taskside"
NOTES = ".perago-"
"""How the names of files begin that record which attempt this is and what was downloaded."""


def keys(env: Environment) -> dict[str, str]:
    """What may not appear in any log, event or status: description → secret."""
    pair = f"{env.lakefs_access_key}:{env.lakefs_secret_key}"
    return {
        "the lakeFS access key": env.lakefs_access_key,
        "the lakeFS secret key": env.lakefs_secret_key,
        "the lakeFS keys as a header": base64.b64encode(pair.encode()).decode(),
    }


def addresses(env: Environment) -> dict[str, str]:
    """Where our servers are, for pods and for this host: description → address."""
    urls = (env.lakefs_endpoint, env.lakefs_cluster_endpoint, env.conductor_url, env.conductor_cluster_url)
    return {f"the address {urlsplit(url).netloc}": urlsplit(url).netloc for url in urls}


def absent(texts: Mapping[str, str], secrets: Mapping[str, str]) -> None:
    """Check that no text (name → text) contains one of the secrets (description → secret), or a token."""
    for place, text in texts.items():
        shown = [what for what, secret in secrets.items() if secret in text]
        shown += ["a token"] if TOKEN.search(text) else []
        require(not shown, f"{place} shows {' and '.join(shown)}")


def files_and_parameters_only(seen: Object, files: Collection[str], secrets: Mapping[str, str]) -> None:
    """Check that what was seen in a task's container belongs there and contains none of the secrets."""
    strange = [name for name in seen["variables"] if name not in VARIABLES and not name.startswith(PREFIXES)]
    require(not strange, f"the task's environment has {', '.join(strange)}")
    surplus = sorted(set(seen["mounts"]) - MOUNTS)
    require(not surplus, f"in the task's container something is mounted at {', '.join(surplus)}")
    require(seen["commands"] == [COMMAND], f"the task sees the processes {seen['commands']}, not its own alone")
    workspace = _workspace(seen["files"])
    require(workspace == {*files}, f"the workspace holds {sorted(workspace)}, the commit {sorted(files)}")
    texts = {f"the variable {name}": value for name, value in seen["variables"].items()}
    absent({**texts, **{f"the file {path}": text for path, text in seen["files"].items()}}, secrets)


def _workspace(files: Collection[str]) -> set[str]:
    """The user's files among these, as paths in the repository: they are in a folder of the attempt's own."""
    below = [PurePosixPath(path).relative_to("/workspace") for path in files if path.startswith("/workspace/")]
    return {str(PurePosixPath(*path.parts[1:])) for path in below if not path.name.startswith(NOTES)}
