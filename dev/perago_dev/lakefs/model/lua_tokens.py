"""Scripts of the subset of Lua as tokens. Pure; knows no grammar."""

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"(?P<space>\s+|--[^\n]*)|(?P<string>\"(?:[^\"\\\n]|\\[\\\"'nt])*\"|'(?:[^'\\\n]|\\[\\\"'nt])*')"
    r"|(?P<number>\d+)|(?P<name>[A-Za-z_]\w*)|(?P<sign>\.\.|==|~=|[.(){}\[\]=;])",
    re.ASCII,
)


class UnsupportedScriptError(Exception):
    """The script is outside the subset; `str()` says where."""


class Token(NamedTuple):
    """A piece of a script; `line` counts from 1."""

    kind: str
    text: str
    line: int


def tokens_of(script: str) -> list[Token]:
    """All tokens, the last of kind "end". Raises: UnsupportedScriptError."""
    tokens: list[Token] = []
    at, line = 0, 1
    while at < len(script):
        match = _TOKEN.match(script, at)
        if match is None or script.startswith("--[", at):
            raise UnsupportedScriptError(f"line {line}: {script[at : at + 12]!r} is outside the supported Lua")
        kind = str(match.lastgroup)
        if kind != "space":
            tokens.append(Token(kind, match.group(), line))
        line += match.group().count("\n")
        at = match.end()
    tokens.append(Token("end", "", line))
    return tokens
