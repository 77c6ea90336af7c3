"""What the subset of Lua computes with: values, operators, errors. Pure; knows no syntax."""

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

Value: TypeAlias = "bool | int | str | Mapping[int | str, Value] | None"
Scope = dict[str, Value]
Expression = Callable[[Scope], Value]
Statement = Callable[[Scope], None]

_ESCAPES = {"n": "\n", "t": "\t"}


class ScriptError(Exception):
    """`error()` was called, or a value was used as it cannot be; `line` counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def nothing(scope: Scope) -> None:
    """An absent `else`."""
    return


def constant(value: Value) -> Expression:
    """A literal."""
    return lambda scope: value


def either(left: Expression, right: Expression) -> Expression:
    """`left or right`."""
    return lambda scope: found if truthy(found := left(scope)) else right(scope)


def both(left: Expression, right: Expression) -> Expression:
    """`left and right`."""
    return lambda scope: right(scope) if truthy(found := left(scope)) else found


def equal(left: Expression, *, wanted: bool, right: Expression) -> Expression:
    """`==`, or `~=` when not `wanted`; values of different types are never equal."""

    def run(scope: Scope) -> Value:
        one, other = left(scope), right(scope)
        return (type(one) is type(other) and one == other) == wanted

    return run


def joined(left: Expression, right: Expression, line: int) -> Expression:
    """`left .. right`."""
    return lambda scope: text(left(scope), line) + text(right(scope), line)


def index(value: Expression, key: Expression, line: int) -> Expression:
    """`value[key]`, also written `value.name`."""

    def run(scope: Scope) -> Value:
        table, at = value(scope), key(scope)
        if not isinstance(table, Mapping):
            raise ScriptError(f"attempt to index a {kind(table)} value", line)
        return table.get(at) if isinstance(at, int | str) else None

    return run


def truthy(value: Value) -> bool:
    """Everything but nil and false."""
    return value is not None and value is not False


def text(value: Value, line: int) -> str:
    """A string or number as text. Raises: ScriptError."""
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    raise ScriptError(f"attempt to concatenate a {kind(value)} value", line)


def tostring(value: Value, line: int) -> str:
    """The function of that name."""
    if value is None or isinstance(value, bool):
        return {None: "nil", True: "true", False: "false"}[value]
    return text(value, line)


def kind(value: Value) -> str:
    """The name of a type in Lua."""
    if value is None:
        return "nil"
    names: dict[type, str] = {bool: "boolean", int: "number", str: "string"}
    return names.get(type(value), "table")


def unescape(match: re.Match[str]) -> str:
    """One escape sequence of a string."""
    return _ESCAPES.get(match.group(1), match.group(1))
