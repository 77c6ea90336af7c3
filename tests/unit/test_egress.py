"""Every client of lakeFS and Conductor goes out in the same way: TLS, proxies, no redirections.

Operator, agent and the command `perago lakefs` have clients of their own.
"""

import os
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from tempfile import NamedTemporaryFile

import pytest
import trustme

from perago.agent.clients import conductor, lakefs
from perago.agent.clients.conductor import Conductor, ConductorRefused
from perago.agent.clients.http import NoAnswer, Untrusted
from perago.agent.clients.lakefs import LakeFS
from perago.agent.clients.lakefs_errors import Refused as LakeFSRefused
from perago.agent.clients.store import Store, StoreUseless
from perago.cli.lakefs.account import Account
from perago.cli.lakefs.failures import LakefsFailed
from perago.cli.lakefs.repository import Repository
from perago.cli.output import Misused
from perago.wire import ConductorTask
from perago.wire.egress import HTTP_PROXY, HTTPS_PROXY, NO_PROXY, Egress, Proxies
from perago.wire.secrets import ConductorKeys, LakeFSKeys, conductor_keys, lakefs_keys
from perago_operator.adapters.conductor import HttpConductor
from perago_operator.adapters.lakefs import LakefsVersions
from perago_operator.ports import Refused, Unreachable
from tests.bodies import fixed, stored
from tests.fakes import egress

TASK = ConductorTask(task_type="t", workflow_instance_id="wf", task_id="id", reference_task_name="ref", seq=1)


def lakefs_of(url: str, way: Egress, authority: str) -> LakeFSKeys:
    texts = {"endpoint": url, "accessKeyId": "AKIA", "secretAccessKey": "s3cr3t", "ca.crt": authority}
    return lakefs_keys(texts, way)


def conductor_of(url: str, way: Egress, authority: str) -> ConductorKeys:
    texts = {"url": url, "token": "s3cr3t", "tokenHeader": "X-Authorization", "ca.crt": authority}
    return conductor_keys(texts, way)


async def agents_conductor(url: str, way: Egress, authority: str) -> None:
    async with conductor.open_session() as session:
        await Conductor(session, fixed(conductor_of(url, way, authority))).task("t1")


async def agents_lakefs(url: str, way: Egress, authority: str) -> None:
    async with lakefs.open_session() as session:
        assert await LakeFS(session, fixed(lakefs_of(url, way, authority)), "repo").branch_head("main") == "c0"


async def agents_bodies(url: str, way: Egress, authority: str) -> None:
    async with lakefs.open_session() as session:
        store = LakeFS(session, fixed(lakefs_of(url, way, authority)), "repo")
        assert await stored(store, "main", "a.txt") == egress.BODY


async def agents_store(url: str, way: Egress, authority: str) -> None:
    """lakeFS itself is elsewhere."""
    store = Store(lakefs_of("http://lakefs.example", way, authority).route, 20)
    try:
        assert store.get(f"{url}/objects?X-Amz-Signature=s3cr3t", 0, None, "read 'a.txt'").read(99) == egress.BODY
    finally:
        store.close()


async def operators_conductor(url: str, way: Egress, authority: str) -> None:
    async with HttpConductor(lambda: conductor_of(url, way, authority)) as client:
        await client.extend_lease(TASK)


async def operators_lakefs(url: str, way: Egress, authority: str) -> None:
    assert await LakefsVersions(lambda: lakefs_of(url, way, authority)).delete_branch("repo", "staging")


async def commands_lakefs(url: str, way: Egress, authority: str) -> None:
    with pytest.MonkeyPatch.context() as patch, NamedTemporaryFile("w") as file:
        file.write(authority or (way.authorities.read_text() if way.authorities else ""))
        file.flush()
        trusted = {"SSL_CERT_FILE": file.name} if file.tell() else {}
        patch.setattr(os, "environ", variables_of(way.proxies) | trusted)
        assert Repository(Account(f"{url}/api/v1", "AKIA", "s3cr3t"), "repo").head("main") == "c0"


def variables_of(proxies: Proxies) -> dict[str, str]:
    """The environment that names these proxies."""
    servers = ((HTTP_PROXY, proxies.http), (HTTPS_PROXY, proxies.https))
    named = {
        name: f"http://{server.username}:{server.password}@{server.host}:{server.port}"
        for name, server in servers
        if server is not None
    }
    return named | {NO_PROXY: ",".join(proxies.exceptions)}


Client = Callable[[str, Egress, str], Awaitable[None]]
OF_AGENTS = (agents_conductor, agents_lakefs, agents_bodies, agents_store)
CLIENTS = (*OF_AGENTS, operators_conductor, operators_lakefs, commands_lakefs)
every_client = pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)
DIRECT = Egress()


@dataclass(frozen=True)
class Authority:
    """An authority of one's own, as a company has it."""

    ca: trustme.CA

    @property
    def pem(self) -> str:
        """Its certificate."""
        return self.ca.cert_pem.bytes().decode()

    def context(self, name: str = "localhost", ends: timedelta = timedelta(days=1)) -> ssl.SSLContext:
        """A server's side of a certificate for this name, which ends at some time from now."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        now = datetime.now(UTC)
        self.ca.issue_cert(name, not_before=now - timedelta(days=3), not_after=now + ends).configure_cert(context)
        return context


@pytest.fixture(scope="module")
def authority() -> Authority:
    """One for all tests."""
    return Authority(trustme.CA())


@every_client
async def test_a_server_whose_authority_is_in_the_secret_is_trusted(client: Client, authority: Authority) -> None:
    """The key `ca.crt`, beside the system's authorities."""
    with egress.server(authority.context()) as server:
        await client(server.url, DIRECT, authority.pem)
        assert len(server.lines) == 1


@every_client
async def test_the_installations_authorities_are_trusted_too(
    client: Client, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A mounted file holds for all servers."""
    file = tmp_path_factory.mktemp("ca") / "ca.crt"
    file.write_text(authority.pem)
    with egress.server(authority.context()) as server:
        await client(server.url, Egress(authorities=file), "")
        assert len(server.lines) == 1


@every_client
@pytest.mark.parametrize("fault", ["unknown authority", "other name", "expired"])
async def test_a_certificate_that_cannot_be_trusted_is_told_at_once(
    client: Client, authority: Authority, fault: str
) -> None:
    """An agent stops, and the operator tries again later, since certificates are renewed; both say what helps."""
    context = {
        "unknown authority": authority.context(),
        "other name": authority.context("elsewhere.example"),
        "expired": authority.context(ends=timedelta(days=-1)),
    }[fault]
    words = {"unknown authority": "self-signed|unable to get local issuer", "other name": "ostname mismatch"}
    told = rf"(is not trusted: |CERTIFICATE_VERIFY_FAILED).*({words.get(fault, fault)}).*(ca\.crt|SSL_CERT_FILE)"
    with egress.server(context) as server:
        with pytest.raises((Untrusted, StoreUseless, Unreachable, LakefsFailed), match=told):
            await client(server.url, DIRECT, "" if fault == "unknown authority" else authority.pem)
        assert server.lines == []


def over(proxy: egress.Seen, **more: str) -> Egress:
    """The way over this proxy, which wants a name and a password."""
    address = proxy.url.replace("http://", "http://me:pass@")
    return Egress(Proxies.of({"HTTP_PROXY": address, "HTTPS_PROXY": address, **more}))


@every_client
@pytest.mark.parametrize("secure", [True, False], ids=["tunnel", "plain"])
async def test_the_proxy_leads_to_the_server(client: Client, authority: Authority, secure: bool) -> None:
    """By CONNECT where the server has TLS, so that the proxy sees no credentials; otherwise by the whole address."""
    with egress.server(authority.context() if secure else None) as server, egress.proxy() as proxy:
        await client(server.url, over(proxy), authority.pem)
        assert (len(proxy.lines), len(server.lines)) == (1, 1)
        assert proxy.headers[0]["Proxy-Authorization"] == "Basic bWU6cGFzcw=="
        assert proxy.lines[0].startswith("CONNECT localhost:") is secure
        assert "s3cr3t" not in str(proxy.headers) or not secure


@every_client
async def test_an_exception_is_reached_without_the_proxy(client: Client) -> None:
    """As servers in the cluster are."""
    with egress.server() as server, egress.proxy() as proxy:
        await client(server.url, over(proxy, NO_PROXY="localhost"), "")
        assert (len(proxy.lines), len(server.lines)) == (0, 1)


@every_client
async def test_a_proxy_that_refuses_is_told(client: Client, authority: Authority) -> None:
    """The server was never asked."""
    with egress.server(authority.context()) as server, egress.proxy(407) as proxy:
        with pytest.raises((NoAnswer, StoreUseless, Refused, Unreachable, LakefsFailed), match="407"):
            await client(server.url, over(proxy), authority.pem)
        assert server.lines == []


@every_client
async def test_a_redirection_is_told_and_takes_no_credential_along(client: Client) -> None:
    """To whichever server it points."""
    with egress.server() as elsewhere, egress.server(redirect=lambda: elsewhere.url) as server:
        with pytest.raises((ConductorRefused, LakeFSRefused, StoreUseless, Refused, LakefsFailed), match="302"):
            await client(server.url, DIRECT, "")
        assert (len(server.lines), elsewhere.lines) == (1, [])


async def test_a_proxy_that_cannot_be_understood_is_the_users_to_correct() -> None:
    """The command names the variable, and shows no password."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", {HTTPS_PROXY: "socks5://me:pass@proxy"})
        with pytest.raises(Misused, match=HTTPS_PROXY) as misused:
            Repository(Account("https://localhost/api/v1", "AKIA", "s3cr3t"), "repo")
    assert "pass@" not in str(misused.value)
