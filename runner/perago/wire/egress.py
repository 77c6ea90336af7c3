"""How connections leave the cluster: proxies, as the usual variables name them, and authorities to trust.

Operator, agent and the command `perago lakefs` reach their servers in the same way. The API server is never
reached through a proxy.
"""

import base64
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

TRUSTED_CA_FILE: Final = "/etc/perago/ca/ca.crt"
"""Authorities that the installation trusts besides the system's: a mounted ConfigMap or Secret, on both sides."""
HTTP_PROXY: Final = "HTTP_PROXY"
HTTPS_PROXY: Final = "HTTPS_PROXY"
NO_PROXY: Final = "NO_PROXY"
VARIABLES: Final = (HTTP_PROXY, HTTPS_PROXY, NO_PROXY)


class InvalidEgress(ValueError):
    """A proxy or an authority cannot be understood; the text names the setting, and never a password."""


def basic_auth(name: str, password: str) -> str:
    """The value of an Authorization header."""
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def server_address(url: str) -> SplitResult | None:
    """The parts of a server's address: scheme http or https, a host, no query; None for anything else."""
    try:
        parts = urlsplit(url)
        understood = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is not a number, a bracket that is not closed
        return None
    return parts if understood and not parts.query and not parts.fragment else None


@dataclass(frozen=True)
class ProxyServer:
    """A proxy that speaks plain HTTP, and what it wants to know of the client."""

    host: str
    port: int
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Its address without credentials."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def headers(self) -> dict[str, str]:
        """What it wants to know of the client, in a request of its own."""
        if self.username is None:
            return {}
        return {"Proxy-Authorization": basic_auth(self.username, self.password or "")}


@dataclass(frozen=True)
class Proxies:
    """Which proxy leads to a server."""

    http: ProxyServer | None = None
    https: ProxyServer | None = None
    exceptions: tuple[str, ...] = ()
    """Entries of NO_PROXY: `*`, names (with all names below them), addresses and networks; a port may follow."""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Proxies":
        """From HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in upper or lower case; raises InvalidEgress."""
        variables = given_variables(environ)
        exceptions = tuple(entry.strip().lower() for entry in variables.get(NO_PROXY, "").split(",") if entry.strip())
        return cls(_proxy(variables, HTTP_PROXY), _proxy(variables, HTTPS_PROXY), exceptions)

    def to(self, url: str) -> ProxyServer | None:
        """The proxy on the way to a server; None where there is none."""
        parts = urlsplit(url)
        proxy = self.https if parts.scheme == "https" else self.http
        if proxy is None:
            return None
        host, port = (parts.hostname or "").rstrip("."), parts.port or (443 if parts.scheme == "https" else 80)
        return None if any(_excepts(entry, host, port) for entry in self.exceptions) else proxy


def given_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Those of `VARIABLES` that are set, by their upper-case names; the lower-case ones count where both are set."""
    values = {name: (environ.get(name.lower()) or environ.get(name) or "").strip() for name in VARIABLES}
    return {name: value for name, value in values.items() if value}


def _proxy(variables: Mapping[str, str], name: str) -> ProxyServer | None:
    if name not in variables:
        return None
    value = variables[name]
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        host, port = parts.hostname, parts.port or 80
    except ValueError:
        host = None
    if not host or parts.scheme != "http":
        raise InvalidEgress(f"{name} is not the address of a proxy, such as http://proxy.example:3128; correct it")
    name_and_password = (unquote(part) if part else None for part in (parts.username, parts.password))
    return ProxyServer(host, port, *name_and_password)


def _excepts(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    if _network_has(entry, host):
        return True
    name, colon, of_port = entry.rpartition(":")
    if colon and of_port.isdecimal():
        if int(of_port) != port:
            return False
        entry = name.strip("[]")
    name = entry.removeprefix("*").removeprefix(".")
    return host == name or host.endswith(f".{name}")


def _network_has(entry: str, host: str) -> bool:
    try:
        return ip_address(host) in ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return False


@dataclass(frozen=True)
class Egress:
    """What holds for a whole process; a Secret adds the authority of its own server."""

    proxies: Proxies = field(default_factory=Proxies)
    authorities: Path | None = None
    """File with certificates in PEM, which need not exist."""


@dataclass(frozen=True)
class Route:
    """The way to one server."""

    proxy: ProxyServer | None = None
    authorities: str = field(default="", repr=False)
    """Certificates in PEM that are trusted besides the system's."""
    proxies: Proxies = field(default_factory=Proxies)
    """Those of the process, for servers that this one names."""

    def to(self, url: str) -> "Route":
        """The way to another server, whose address this one has given; the same authorities are trusted."""
        return replace(self, proxy=self.proxies.to(url))

    def context(self) -> ssl.SSLContext:
        """For TLS connections to the server; raises InvalidEgress."""
        return _context(self.authorities)

    def request_options(self, url: str, headers: dict[str, str]) -> dict[str, Any]:
        """Of aiohttp's `request`. A redirection is an answer, as following it would carry credentials away."""
        secure = url.startswith("https:")
        options = {"headers": headers, "ssl": self.context() if secure else True, "allow_redirects": False}
        if self.proxy is None:
            return options
        if secure:
            return options | {"proxy": self.proxy.url, "proxy_headers": self.proxy.headers()}
        return options | {"proxy": self.proxy.url, "headers": headers | self.proxy.headers()}


LATER: Final = frozenset({408, 423, 425, 429})
"""Statuses below 500 that say "later": lakeFS has 423 for a branch that too many write to."""


def redirection(status: int, location: str | None) -> str | None:
    """What to say of an answer that points elsewhere; None for any other. A query may hold secrets, and is left out."""
    if not 300 <= status < 400:
        return None
    where = "another address" if location is None else urlsplit(location)._replace(query="", fragment="").geturl()
    return f"it redirects to {where} (HTTP {status}), which is not followed: put the right address into its Secret"


@lru_cache(8)
def _context(authorities: str) -> ssl.SSLContext:
    """One for all connections with the same authorities: reading the system's takes several milliseconds."""
    context = ssl.create_default_context()
    if authorities:
        try:
            context.load_verify_locations(cadata=authorities)
        except (ssl.SSLError, ValueError) as error:
            raise InvalidEgress(f"the trusted authority (ca.crt) is not a certificate in PEM: {error}") from None
    return context
