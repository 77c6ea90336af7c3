"""Credentials that are renewed while a task runs: the mounted Secret is read again, and nothing is lost."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from perago.wire.egress import basic_auth
from perago_dev.servers.lakefs import Server
from tests.contract.agent.pod import Pod
from tests.contract.agent.repository import Repository
from tests.contract.agent.test_broken_lakefs import assert_published_once, behind
from tests.contract.agent.test_paths import base_of
from tests.faults.proxy import HttpExchange, Proxy, answered, proxied

Fault = Callable[[HttpExchange], Awaitable[None]]
UNAUTHORIZED = answered(401, b'{"message": "error authenticating request"}')


class Renewal:
    """A server that takes one credential, and another one once the Secret, a folder of files, has been renewed."""

    def __init__(self, header: str, credential: Callable[[str], str], file: Path) -> None:
        self._header, self._credential, self._file = header, credential, file
        self.refused = 0
        self._issue("old")

    def _issue(self, word: str) -> None:
        self._accepted = self._credential(word)
        self._file.write_text(word)

    def demanding(self, server: Fault) -> Fault:
        """Requests without the credential of the moment are refused."""

        async def fault(exchange: HttpExchange) -> None:
            accepted = exchange.header(self._header) == self._accepted
            self.refused += not accepted
            await (server if accepted else UNAUTHORIZED)(exchange)

        return fault

    def renewing(self, server: Fault) -> Fault:
        """Both are renewed before the server sees this request; the next ones need the new credential."""

        async def fault(exchange: HttpExchange) -> None:
            self._issue("new")
            await server(exchange)

        return fault


@pytest.fixture
def proxy(lakefs: Server) -> Iterator[Proxy]:
    """In front of the lakeFS of the session."""
    with proxied(lakefs.endpoint) as proxy:
        yield proxy


def signed_as(server: Server) -> Fault:
    """The server sees its own keys, whichever the proxy has accepted."""

    async def fault(exchange: HttpExchange) -> None:
        exchange.replace_header("Authorization", basic_auth(server.access_key, server.secret_key))
        await exchange.pass_on()

    return fault


async def passed(exchange: HttpExchange) -> None:
    """The server answers."""
    await exchange.pass_on()


@pytest.mark.parametrize("call", ["GET .*/objects/ls", "POST .*/branches$", "POST .*/commits$", "POST .*/merge/"])
async def test_keys_of_lakefs_may_be_renewed_at_any_time(
    pod: Pod, repository: Repository, proxy: Proxy, call: str
) -> None:
    """Whatever comes behind that call is refused once, and done with the new ones."""
    base = await base_of(repository, a=b"a")
    server, file = repository.server, pod.folder / "lakefs" / "secretAccessKey"
    renewal = Renewal("Authorization", lambda word: basic_auth(server.access_key, word), file)
    proxy.otherwise = renewal.demanding(signed_as(server))
    proxy.on(call, renewal.renewing(signed_as(server)))
    assert await behind(proxy, pod).input(base, {"write": {"new": "new"}}).run() == (0, 0), pod.logs()
    await assert_published_once(pod, repository, base)
    assert renewal.refused > 0


async def test_a_token_of_conductor_may_be_renewed_while_the_body_runs(
    pod: Pod, repository: Repository, proxy: Proxy
) -> None:
    """The agent asks before it publishes, hours after it has read the Secret perhaps."""
    base = await base_of(repository, a=b"a")
    renewal = Renewal("Authorization", lambda word: f"Bearer {word}", pod.folder / "conductor" / "token")
    pod.conductor_proxy.otherwise = renewal.demanding(passed)
    proxy.on("GET .*/objects/ls", renewal.renewing(passed))
    assert await behind(proxy, pod).input(base, {"write": {"new": "new"}}).run() == (0, 0), pod.logs()
    await assert_published_once(pod, repository, base)
    assert renewal.refused > 0
