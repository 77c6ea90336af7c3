"""What is taken out of objects and texts before they leave a cluster: credentials, and what tasks work on. Pure.

Three nets, one behind the other: fields that hold content or literal variables are emptied, texts lose whatever looks
like a credential, and the credentials that are known are looked for in every form.
"""

import base64
import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final
from urllib.parse import quote

from pydantic import JsonValue

REMOVED: Final = "[removed]"
SHORTEST_SECRET: Final = 6
"""Shorter texts are in every file."""

_KEY: Final = r"(?:api|access|secret|private|account)[-_]?key(?:[-_]?id)?"
_SECRET_NAME: Final = rf"(?:password|passwd|passphrase|secret|token|credentials?|authorization|signature|{_KEY})"
_SECRET_FIELD: Final = re.compile(rf"^[\w.-]*{_SECRET_NAME}$", re.IGNORECASE)
_ASSIGNED: Final = rf"({_SECRET_NAME}\\?[\"']?[ \t]*[:=][ \t]*)"
"""Such a name, in quotes or not, and what comes before its value."""
_TEXTS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), replacement)
    for pattern, replacement in (
        (r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", REMOVED),
        (r"(\b[a-z][a-z0-9+.-]{0,20}://)[^/\s@\"']+@", rf"\1{REMOVED}@"),
        (r"\b((?:Basic|Bearer)\s+)[A-Za-z0-9+/=._~-]{6,}", rf"\1{REMOVED}"),
        (r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?", REMOVED),
        (r"\b(?:AKIA|ASIA)[A-Z0-9]{8,}\b", REMOVED),
        (r"([?&](?:X-Amz-[\w-]+|sig|AWSAccessKeyId)=)[^&\s\"']+", rf"\1{REMOVED}"),
        (rf"{_ASSIGNED}(\\?[\"'])(?!\[removed\])[^\n]*?\2", rf"\1\2{REMOVED}\2"),
        (rf"{_ASSIGNED}(?!\\?[\"']?\[removed\])[^\s,;&\"'\\}}\]]+", rf"\1{REMOVED}"),
        (rf"(--[\w-]{{0,40}}{_SECRET_NAME}[ \t]+)(?!\[removed\])\S+", rf"\1{REMOVED}"),
    )
)
_DROPPED: Final = frozenset({"managedFields", "kubectl.kubernetes.io/last-applied-configuration"})
_CONTENT: Final = frozenset({"input", "inputJson", "output", "outputGzip", "traceback", "lines"})
"""Fields that hold what a task works on, says and returns."""
_LOG_IN_MESSAGE: Final = re.compile(r"; last log lines:\n.*", re.DOTALL)
_PLAIN_VARIABLES: Final = re.compile(r"^PERAGO_")
"""Variables of Perago's own: settings, of which none is a credential."""


def without_secrets(value: JsonValue, secrets: Collection[str], *, content: bool) -> JsonValue:
    """An object without credentials; `content` keeps what tasks work on, from which only credentials are taken."""
    if isinstance(value, str):
        text = value if content else _LOG_IN_MESSAGE.sub(f"; last log lines: {REMOVED}", value)
        return scrubbed(text, secrets)
    if isinstance(value, list):
        return _of_list(value, secrets, content)
    if not isinstance(value, dict):
        return value
    if _is_variable(value):
        return {**value, "value": REMOVED}
    return {name: _of_field(name, inner, secrets, content) for name, inner in value.items() if name not in _DROPPED}


def _of_list(values: list[JsonValue], secrets: Collection[str], content: bool) -> list[JsonValue]:
    """Of arguments, also the one after an option that is called like a credential."""
    befores = (None, *values)
    return [
        REMOVED
        if isinstance(before, str) and isinstance(value, str) and _SECRET_FIELD.match(before)
        else without_secrets(value, secrets, content=content)
        for before, value in zip(befores, values, strict=False)
    ]


def _of_field(name: str, value: JsonValue, secrets: Collection[str], content: bool) -> JsonValue:
    if not content and name in _CONTENT and value is not None:
        return f"[removed: {len(json.dumps(value, ensure_ascii=False))} characters]"
    if isinstance(value, str) and _SECRET_FIELD.match(name):
        return REMOVED
    return without_secrets(value, secrets, content=content)


def _is_variable(value: Mapping[str, JsonValue]) -> bool:
    """A literal variable of a container, which may be anything."""
    name = value.get("name")
    return isinstance(value.get("value"), str) and isinstance(name, str) and not _PLAIN_VARIABLES.match(name)


def scrubbed(text: str, secrets: Collection[str]) -> str:
    """A text without what looks like a credential, and without those that are known."""
    for form in secrets:
        text = text.replace(form, REMOVED)
    for pattern, replacement in _TEXTS:
        text = pattern.sub(replacement, text)
    return text


def forms(secrets: Iterable[str]) -> tuple[str, ...]:
    """The forms in which secrets may stand in a text, the longest first: plain, quoted, in base64, in hexadecimal."""
    forms = {form for secret in secrets if len(secret) >= SHORTEST_SECRET for form in _forms(secret)}
    return tuple(sorted(forms, key=lambda form: (-len(form), form)))


def _forms(secret: str) -> Iterable[str]:
    raw = secret.encode()
    yield from {secret, quote(secret, safe=""), quote(secret), json.dumps(secret)[1:-1], raw.hex(), raw.hex().upper()}
    for shift in range(3):  # whatever comes before it, and after it, in a text that was encoded as a whole
        encoded = base64.b64encode(b"\0" * shift + raw).decode()
        inner = encoded[-(-shift * 8 // 6) : (shift + len(raw)) * 8 // 6]
        yield inner
        yield inner.replace("+", "-").replace("/", "_")
