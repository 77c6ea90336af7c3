"""Behind a proxy: the environment's own servers are asked directly, package registries as the variables say."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from perago_dev.errors import CommandFailed
from perago_dev.host import commands, podman, processes, proxies
from perago_dev.servers.conductor_client import ConductorServer
from tests.unit.perago_dev.test_environment import some_environment

DEAD_PROXY = "http://127.0.0.1:9"
"""Nothing listens on the discard port, so a call through this proxy fails."""


class Says(http.server.BaseHTTPRequestHandler):
    """Answers every GET with an empty object."""

    def do_GET(self) -> None:  # the name that http.server looks up
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
        """Write nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server on loopback, on a machine whose proxy is dead."""
    for name in proxies.VARIABLES:
        monkeypatch.setenv(name, DEAD_PROXY)
    for name in proxies.NO_PROXY:
        monkeypatch.delenv(name)
    with http.server.ThreadingHTTPServer((processes.LOOPBACK, 0), Says) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://{processes.LOOPBACK}:{running.server_address[1]}"
        running.shutdown()


def test_a_server_of_this_host_answers_behind_a_proxy(server: str) -> None:
    """The proxy is not asked whether our own server is ready."""
    assert processes.answers(server)


def test_conductor_on_this_host_is_called_without_the_proxy(server: str) -> None:
    """The demo and the tests reach it, too."""
    assert ConductorServer(f"{server}/api").workflow("some") == {}


def test_child_programs_are_told_which_addresses_are_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """kubectl, kind and helm reach the nodes directly, in addition to what the machine exempts itself."""
    monkeypatch.setenv("NO_PROXY", "intranet.example")
    monkeypatch.delenv("no_proxy", raising=False)
    for name in proxies.NO_PROXY:
        exempt = commands.output(["printenv", name]).strip().split(",")
        assert {"intranet.example", "127.0.0.1", "10.90.0.0/16"} <= set(exempt)


def test_a_shell_that_uses_the_environment_is_told_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m perago_dev env` exports the exemption beside the addresses."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert "10.90.0.0/16" in some_environment().variables()["NO_PROXY"].split(",")


def test_exempting_twice_changes_nothing() -> None:
    """The list does not grow from process to process."""
    once = proxies.exempted({"NO_PROXY": "intranet.example, other.example"})
    assert proxies.exempted(once) == once
    assert once["NO_PROXY"].startswith("intranet.example,other.example,")


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("http://127.0.0.1:8080/api", True),
        ("http://localhost:1", True),
        ("http://[::1]:1", True),
        ("https://10.90.7.2:6443", True),
        ("http://10.91.7.2", False),
        ("https://conductor.example.com/api", False),
        ("http://[2001:db8::1]", False),
    ],
)
def test_only_this_host_and_the_nodes_are_ours(url: str, own: bool) -> None:
    """A server that a person names elsewhere may well be behind the proxy."""
    assert proxies.is_own(url) is own


def test_maven_learns_of_the_proxy() -> None:
    """It reads no proxy variables, so the same settings reach it as system properties."""
    given = {
        "https_proxy": "http://me:p%40ss@proxy.example:3128",
        "NO_PROXY": ".intranet.example",
        "MAVEN_OPTS": "-Xmx1g",
    }
    assert proxies.maven_options(given).split() == [
        "-Xmx1g",
        "-Dhttps.proxyHost=proxy.example",
        "-Dhttps.proxyPort=3128",
        "-Dhttps.proxyUser=me",
        "-Dhttps.proxyPassword=p@ss",
        "-Dhttp.nonProxyHosts=*.intranet.example",
        "-Daether.connector.http.useSystemProperties=true",
    ]


def test_without_a_proxy_maven_is_left_as_it_is() -> None:
    """Only what the machine says already."""
    assert proxies.maven_options({"MAVEN_OPTS": "-Xmx1g", "NO_PROXY": "localhost"}) == "-Xmx1g"


def test_networks_of_environments_are_all_exempt() -> None:
    """Whatever subnet an environment gets, its servers count as ours."""
    taken = {f"10.90.{number}.0/24" for number in range(255)}
    assert podman.free_subnet(taken) == "10.90.255.0/24"
    assert proxies.is_own("http://10.90.255.2:30808")
    with pytest.raises(CommandFailed, match="take environments down"):
        podman.free_subnet({*taken, "10.90.255.0/24"})
