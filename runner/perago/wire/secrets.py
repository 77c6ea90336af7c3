"""What the Secrets of lakeFS and Conductor say, read in the same way by operator and agent. It opens no connection.

lakeFS      endpoint (https://lakefs.example, with or without /api/v1), accessKeyId, secretAccessKey
            optional: replaceUnmarked
Conductor   url (https://conductor.example/api; /api is added to an address without a path)
            optional: token with tokenHeader, or username and password
both        optional: ca.crt, the certificate in PEM of the authority that signed the server's
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from perago.wire.egress import Egress, Route, basic_auth, server_address

LAKEFS_KEYS: Final = ("endpoint", "accessKeyId", "secretAccessKey", "replaceUnmarked", "ca.crt")
CONDUCTOR_KEYS: Final = ("url", "token", "tokenHeader", "username", "password", "ca.crt")
TOKEN_HEADERS: Final = ("Authorization", "X-Authorization")
"""Where a token may go: `Authorization` sends it as a bearer token, `X-Authorization` as it is."""


class InvalidSecret(ValueError):
    """A key of a Secret is missing or cannot be used; the text names Secret and key, never a value."""


@dataclass(frozen=True)
class LakeFSKeys:
    """Endpoint without `/api/v1`, and the key pair; `replace_unmarked` is the optional policy key beside them."""

    endpoint: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    replace_unmarked: bool = False
    route: Route = field(default_factory=Route)

    def context(self) -> ssl.SSLContext | None:
        """For TLS connections; None for plain HTTP."""
        return self.route.context() if self.endpoint.startswith("https:") else None

    def request_options(self) -> dict[str, Any]:
        """Of aiohttp's `request`."""
        return self.route.request_options(self.endpoint, self.headers())

    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return {"Authorization": basic_auth(self.access_key, self.secret_key)}


@dataclass(frozen=True)
class ConductorKeys:
    """URL with `/api`, and the optional credentials."""

    url: str
    token: str | None = field(default=None, repr=False)
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    token_header: str = TOKEN_HEADERS[0]
    route: Route = field(default_factory=Route)

    def request_options(self) -> dict[str, Any]:
        """Of aiohttp's `request`."""
        return self.route.request_options(self.url, self.headers())

    def headers(self) -> dict[str, str]:
        """What every request carries; a token that goes into `Authorization` leaves no place for a user name."""
        headers = {} if self.username is None else {"Authorization": basic_auth(self.username, self.password or "")}
        if self.token is not None:
            headers[self.token_header] = token_value(self.token_header, self.token)
        return headers


def token_value(header: str, token: str) -> str:
    """A token as one of `TOKEN_HEADERS` carries it."""
    return f"Bearer {token}" if header == "Authorization" else token


def lakefs_keys(texts: Mapping[str, str], egress: Egress) -> LakeFSKeys:
    """lakeFS's Secret; raises InvalidSecret."""
    secret = _Secret("lakeFS", texts)
    endpoint = secret.address("endpoint").removesuffix("/api/v1")
    return LakeFSKeys(
        endpoint=endpoint,
        access_key=secret.required("accessKeyId"),
        secret_key=secret.required("secretAccessKey"),
        replace_unmarked=(secret.text("replaceUnmarked") or "").lower() == "true",
        route=secret.route(endpoint, egress),
    )


def conductor_keys(texts: Mapping[str, str], egress: Egress, token_header: str = TOKEN_HEADERS[0]) -> ConductorKeys:
    """Conductor's Secret; `token_header` is the installation's, for a Secret that names none. Raises InvalidSecret."""
    secret = _Secret("Conductor", texts)
    url = secret.address("url")
    if not urlsplit(url).path:
        url += "/api"
    return ConductorKeys(
        url=url,
        token=secret.text("token"),
        username=secret.text("username"),
        password=secret.text("password"),
        token_header=secret.token_header(token_header),
        route=secret.route(url, egress),
    )


def texts_in(folder: Path, keys: tuple[str, ...]) -> dict[str, str]:
    """The keys of a mounted Secret that are there; raises OSError and ValueError for one that cannot be read."""
    return {key: text for key in keys if (text := _text_of(folder / key)) is not None}


def _text_of(file: Path) -> str | None:
    try:
        return file.read_text()
    except FileNotFoundError:
        return None


@dataclass(frozen=True)
class _Secret:
    service: str
    texts: Mapping[str, str] = field(repr=False)

    def text(self, key: str) -> str | None:
        """Without the line end that files have; an empty key counts as missing."""
        value = self.texts.get(key, "").strip()
        if key != "ca.crt" and not value.isprintable():
            raise self.unusable(key, "has a line break or a control character")
        return value or None

    def required(self, key: str) -> str:
        value = self.text(key)
        if value is None:
            raise InvalidSecret(f"the Secret of {self.service} does not exist, or has no key {key!r}")
        return value

    def address(self, key: str) -> str:
        """A URL without a slash at its end."""
        value = self.required(key).rstrip("/")
        parts = server_address(value)
        if parts is None:
            raise self.unusable(key, "is not an address such as https://server.example:8000")
        if "@" in parts.netloc:
            raise self.unusable(key, "holds a user name; put credentials into keys of their own")
        return value

    def token_header(self, otherwise: str) -> str:
        name = self.text("tokenHeader") or otherwise
        for header in TOKEN_HEADERS:
            if header.lower() == name.lower():
                return header
        raise self.unusable("tokenHeader", f"is neither {' nor '.join(TOKEN_HEADERS)}")

    def route(self, url: str, egress: Egress) -> Route:
        common = _text_of(egress.authorities) if egress.authorities is not None else None
        authorities = "\n".join(filter(None, (self.text("ca.crt"), common)))
        route = Route(egress.proxies.to(url), authorities, egress.proxies)
        try:
            if route.authorities:
                route.context()
        except ValueError as error:
            raise InvalidSecret(f"{self.service}: {error}") from error
        return route

    def unusable(self, key: str, why: str) -> InvalidSecret:
        return InvalidSecret(f"the key {key!r} of the Secret of {self.service} {why}; correct it")
