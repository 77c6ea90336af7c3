"""Keeps calls to the environment's own servers away from an HTTP proxy that this machine uses for the internet.

A proxy is for package registries. It cannot reach this host and the nodes, so their addresses are exempt whatever
`HTTP_PROXY` says. A server elsewhere that a user names is reached as the variables say. Pure.
"""

import ipaddress
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

NODES = ipaddress.ip_network("10.90.0.0/16")
"""The range of the environments' internal networks; each takes a /24 of it."""
EXEMPT = ("localhost", "127.0.0.1", "::1", str(NODES), ".svc", ".cluster.local")
NO_PROXY = ("NO_PROXY", "no_proxy")
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", *NO_PROXY)


def exempted(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables that keep child processes from using a proxy for our servers, added to what is already exempt."""
    return dict.fromkeys(NO_PROXY, ",".join(dict.fromkeys([*_exempt(variables), *EXEMPT])))


def _exempt(variables: Mapping[str, str]) -> list[str]:
    return [entry.strip() for name in NO_PROXY for entry in variables.get(name, "").split(",") if entry.strip()]


def is_own(url: str) -> bool:
    """Whether the address is one of this host or of a node: Python's clients do not read a network in `NO_PROXY`."""
    host = urlsplit(url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return address.is_loopback or (address.version == 4 and address in NODES)


def maven_options(variables: Mapping[str, str]) -> str:
    """`MAVEN_OPTS` with the proxies that the variables name: Maven reads only system properties and its own settings.

    They belong in this variable, because everybody could read a password on the command line.
    """
    proxy = [option for scheme in ("http", "https") for option in _java_proxy(scheme, variables)]
    if proxy:
        hosts = "|".join(f"*{host}" if host.startswith(".") else host for host in _exempt(variables))
        proxy += [f"-Dhttp.nonProxyHosts={hosts}", "-Daether.connector.http.useSystemProperties=true"]
    return " ".join([*variables.get("MAVEN_OPTS", "").split(), *proxy])


def _java_proxy(scheme: str, variables: Mapping[str, str]) -> list[str]:
    proxy = urlsplit(variables.get(f"{scheme}_proxy") or variables.get(f"{scheme.upper()}_PROXY") or "")
    if not proxy.hostname:
        return []
    port = proxy.port or (443 if proxy.scheme == "https" else 80)
    properties = {"Host": proxy.hostname, "Port": str(port), "User": proxy.username, "Password": proxy.password}
    return [f"-D{scheme}.proxy{name}={unquote(value)}" for name, value in properties.items() if value]
