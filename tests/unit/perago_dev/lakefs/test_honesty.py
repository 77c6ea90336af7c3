"""The development server says what it is, and needs no more than it says."""

import json
import subprocess
import sys
from pathlib import Path

from perago_dev.lakefs import Server, local_server
from tests.unit.perago_dev.lakefs.http_api import Api


def test_the_configuration_says_so(api: Api) -> None:
    """`/api/v1/config` names a development server in version and storage; so does each answer's Server header."""
    config = json.loads(api.call("GET", "/config").data)
    assert "not lakeFS" in config["version_config"]["version_context"]
    assert "not lakeFS" in config["storage_config"]["blockstore_description"]
    assert api.call("GET", "/healthcheck").headers["Server"] == "perago-development-server"


def test_the_banner_says_so(data: Path) -> None:
    """The first words of the log say that this is not lakeFS; no key is in it."""
    with local_server(data, access_key="AKIAKEY", secret_key="very-secret") as running:
        log = (data / "server.log").read_text()
        assert "This is NOT lakeFS" in log
        assert running.secret_key not in log + repr(running)


def test_it_does_not_start_without_keys(data: Path) -> None:
    """Without keys in the environment it ends at once and says which variables to set."""
    command = [sys.executable, "-m", "perago_dev.lakefs", "serve", "--data", str(data)]
    ended = subprocess.run(command, env={}, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "LAKEFS_SECRET_ACCESS_KEY" in ended.stderr


def test_it_needs_aiohttp_and_yaml_alone() -> None:
    """Importing the server loads nothing of Perago, of the rest of `perago_dev`, or of lakeFS's clients."""
    script = "import sys, perago_dev.lakefs.__main__; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    ours = {name for name in loaded if name.startswith("perago") and not name.startswith("perago_dev.lakefs")}
    assert ours == {"perago_dev"}
    assert not {"pydantic", "loguru", "lakefs", "lakefs_sdk", "kubernetes"} & set(loaded)


def test_importing_the_helper_needs_the_standard_library_alone() -> None:
    """`perago_dev.lakefs` itself loads neither aiohttp nor YAML."""
    script = "import sys, perago_dev.lakefs; print({'aiohttp', 'yaml'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert shown == "set()\n"


def test_it_listens_on_loopback(server: Server) -> None:
    """A local server cannot be reached from elsewhere."""
    assert server.endpoint.startswith("http://127.0.0.1:")
