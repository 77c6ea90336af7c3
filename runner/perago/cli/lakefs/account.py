"""Where lakeFS is and with which keys, as `lakectl` reads it: from its variables, or else from its file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from perago.cli.output import Misused
from perago.wire.egress import server_address

URL = "LAKECTL_SERVER_ENDPOINT_URL"
KEY = "LAKECTL_CREDENTIALS_ACCESS_KEY_ID"
SECRET = "LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY"
FILE = "LAKECTL_CONFIG_FILE"
DEFAULT_FILE = ".lakectl.yaml"
API = "/api/v1"
INSTALL = "perago lakefs needs the package lakefs-sdk: install it with pip install 'perago[lakefs]'"


@dataclass(frozen=True)
class Account:
    """A lakeFS server's API, and the keys for it."""

    api: str
    access_key: str = field(repr=False)
    secret: str = field(repr=False)


def account(variables: Mapping[str, str], home: Path) -> Account:
    """The account that the variables name, completed from the file; raises Misused that says what is missing."""
    stored = _stored(variables, home)
    values = {name: (variables.get(name) or stored.get(name) or "").strip() for name in (URL, KEY, SECRET)}
    missing = [name for name, value in values.items() if not value]
    if missing:
        raise Misused(f"set {_listed(missing)}, or run lakectl config, which writes ~/{DEFAULT_FILE}")
    return Account(_api(values[URL]), values[KEY], values[SECRET])


def _api(url: str) -> str:
    parts = server_address(url)
    if parts is None or "@" in parts.netloc:
        raise Misused(f"{URL} (server.endpoint_url) must be a URL such as https://lakefs.example.org, without keys")
    return url.rstrip("/").removesuffix(API) + API


def _stored(variables: Mapping[str, str], home: Path) -> dict[str, str]:
    """What the file holds, by the names of the variables."""
    named = variables.get(FILE)
    file = Path(named) if named else home / DEFAULT_FILE
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError:
        if named:
            raise Misused(f"{FILE} names {named!r}, which does not exist") from None
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise Misused(f"{file} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}") from error
    return _of_file(text, file)


def _of_file(text: str, file: Path) -> dict[str, str]:
    try:
        import yaml
    except ImportError as error:
        raise Misused(f"{INSTALL} ({error})") from error
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise Misused(f"{file} is not YAML") from error  # the error's own text quotes lines, which may hold a key
    places = {URL: ("server", "endpoint_url"), KEY: ("credentials", "access_key_id")}
    places[SECRET] = ("credentials", "secret_access_key")
    return {name: value for name, (part, key) in places.items() if (value := _text_at(content, part, key))}


def _text_at(content: object, part: str, key: str) -> str:
    inner = content.get(part) if isinstance(content, dict) else None
    value = inner.get(key) if isinstance(inner, dict) else None
    return value if isinstance(value, str) else ""


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
