"""Where Conductor is, and which credentials go with a request; they are taken from the environment and never shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlunsplit

from perago.cli.output import Misused
from perago.wire.egress import basic_auth, server_address
from perago.wire.secrets import token_value

URL = "CONDUCTOR_SERVER_URL"
TOKEN = "CONDUCTOR_AUTH_TOKEN"
KEY, SECRET = "CONDUCTOR_AUTH_KEY", "CONDUCTOR_AUTH_SECRET"
USERNAME, PASSWORD = "CONDUCTOR_USERNAME", "CONDUCTOR_PASSWORD"

Variables = Mapping[str, str]


@dataclass(frozen=True)
class Header:
    """The header that carries credentials, and where they are from, in words for messages."""

    name: str
    value: str = field(repr=False)
    source: str


@dataclass(frozen=True)
class KeyPair:
    """A key that Conductor exchanges for a token."""

    key: str = field(repr=False)
    secret: str = field(repr=False)
    source: str = f"the key of {KEY} and {SECRET}"


Credentials = Header | KeyPair


@dataclass(frozen=True)
class Address:
    """The URL of the API, without credentials, and those that it may have had."""

    url: str
    credentials: Credentials | None


def address(url: str | None, token_header: str, variables: Variables) -> Address:
    """Where to register and with which credentials; raises Misused when that is unclear."""
    named, source = (url, "--url") if url is not None else (variables.get(URL, ""), URL)
    if not named:
        raise Misused(f"pass Conductor's URL, which usually ends in /api, with --url or in {URL}")
    parts = server_address(named)
    if parts is None:
        raise Misused(f"{source} must be a URL such as https://conductor.example.org/api")
    userinfo, _, host = parts.netloc.rpartition("@")
    url = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
    return Address(url, _only([*_of_url(userinfo, source), *_of_variables(token_header, variables)]))


def _of_url(userinfo: str, source: str) -> list[Credentials]:
    user, _, password = userinfo.partition(":")
    return [_basic(unquote(user), unquote(password), f"the user of {source}")] if userinfo else []


def _of_variables(token_header: str, variables: Variables) -> list[Credentials]:
    kinds: list[Credentials] = []
    if token := _value(TOKEN, variables):
        value = token_value(token_header, token)
        kinds.append(Header(token_header, value, f"the token of {TOKEN} in the header {token_header}"))
    if pair := _pair(KEY, SECRET, variables):
        kinds.append(KeyPair(*pair))
    if pair := _pair(USERNAME, PASSWORD, variables):
        kinds.append(_basic(*pair, f"the user of {USERNAME}"))
    return kinds


def _value(name: str, variables: Variables) -> str:
    value = variables.get(name, "").strip()  # files of secrets often end with a line break
    if not value.isprintable() or (name == TOKEN and not value.isascii()):
        raise Misused(f"{name} holds a character that a header cannot carry")
    return value


def _pair(name: str, secret: str, variables: Variables) -> tuple[str, str] | None:
    first, second = _value(name, variables), _value(secret, variables)
    if bool(first) != bool(second):
        present, missing = (name, secret) if first else (secret, name)
        raise Misused(f"{present} is set and {missing} is not; set both or neither")
    return (first, second) if first else None


def _basic(user: str, password: str, source: str) -> Header:
    return Header("Authorization", basic_auth(user, password), source)


def _only(kinds: list[Credentials]) -> Credentials | None:
    if len(kinds) > 1:
        sources = "; ".join(credentials.source for credentials in kinds)
        raise Misused(f"more than one kind of credentials is given: {sources}; keep one")
    return kinds[0] if kinds else None
