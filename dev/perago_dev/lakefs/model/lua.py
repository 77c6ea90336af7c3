"""The little Lua that a fence needs: locals, `if`, `error`, comparisons, `and`/`or`/`not`, indexing, concatenation.

Not a Lua interpreter. A script is compiled completely before it runs, and anything outside this subset is refused at
that point (`UnsupportedScriptError`), never skipped. Pure.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

Value: TypeAlias = "bool | int | str | Mapping[int | str, Value] | None"
Scope = dict[str, Value]
Expression = Callable[[Scope], Value]
Statement = Callable[[Scope], None]

_TOKEN = re.compile(
    r"(?P<space>\s+|--[^\n]*)|(?P<string>\"(?:[^\"\\\n]|\\[\\\"'nt])*\"|'(?:[^'\\\n]|\\[\\\"'nt])*')"
    r"|(?P<number>\d+)|(?P<name>[A-Za-z_]\w*)|(?P<sign>\.\.|==|~=|[.(){}\[\]=;])",
    re.ASCII,
)
_ESCAPES = {"n": "\n", "t": "\t"}
_KEYWORDS = frozenset(
    ["and", "or", "not", "nil", "true", "false", "if", "then", "elseif", "else", "end", "local", "return"]
)
_END = ("end", "else", "elseif", "")


class UnsupportedScriptError(Exception):
    """The script is outside the subset; `str()` says where."""


class ScriptError(Exception):
    """`error()` was called, or a value was used as it cannot be; `line` counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def compile_script(script: str) -> Callable[[Value], None]:
    """A function that runs the script with its global `action`.

    Raises:
        UnsupportedScriptError: at once, for anything outside the subset. The function raises ScriptError.
    """
    parser = _Parser(_tokens(script))
    block = parser.block()
    parser.expect("")
    return lambda action: block({"action": action})


def _tokens(script: str) -> list[_Token]:
    tokens: list[_Token] = []
    at, line = 0, 1
    while at < len(script):
        match = _TOKEN.match(script, at)
        if match is None or script.startswith("--[", at):
            raise UnsupportedScriptError(f"line {line}: {script[at : at + 12]!r} is outside the supported Lua")
        kind = str(match.lastgroup)
        if kind != "space":
            tokens.append(_Token(kind, match.group(), line))
        line += match.group().count("\n")
        at = match.end()
    tokens.append(_Token("end", "", line))
    return tokens


class _Parser:
    """Recursive descent; every method returns what runs the part it has read."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _advance(self) -> _Token:
        token = self._next
        self._at += 1
        return token

    def _accept(self, text: str) -> bool:
        found = self._next.kind != "string" and self._next.text == text
        if found and text:
            self._at += 1
        return found

    def expect(self, text: str) -> None:
        if not self._accept(text):
            raise self._unsupported()

    def _unsupported(self) -> UnsupportedScriptError:
        return UnsupportedScriptError(f"line {self._next.line}: {self._next.text!r} is outside the supported Lua")

    def block(self) -> Statement:
        statements: list[Statement] = []
        while self._next.kind == "string" or self._next.text not in _END:
            if not self._accept(";"):
                statements.append(self._statement())

        def run(scope: Scope) -> None:
            inner = dict(scope)
            for statement in statements:
                statement(inner)

        return run

    def _statement(self) -> Statement:
        if self._accept("local"):
            return self._local()
        if self._accept("if"):
            return self._if()
        if self._next.kind == "name" and self._next.text == "error":
            return self._error()
        raise self._unsupported()

    def _local(self) -> Statement:
        name = self._name()
        self.expect("=")
        value = self._or()

        def run(scope: Scope) -> None:
            scope[name] = value(scope)

        return run

    def _if(self) -> Statement:
        condition = self._or()
        self.expect("then")
        body = self.block()
        otherwise: Statement = _nothing
        if self._accept("elseif"):
            otherwise = self._if()
        else:
            if self._accept("else"):
                otherwise = self.block()
            self.expect("end")
        return lambda scope: body(scope) if _truthy(condition(scope)) else otherwise(scope)

    def _error(self) -> Statement:
        line = self._advance().line
        self.expect("(")
        message = self._or()
        self.expect(")")

        def run(scope: Scope) -> None:
            raise ScriptError(_text(message(scope), line), line)

        return run

    def _name(self) -> str:
        token = self._advance()
        if token.kind != "name" or token.text in _KEYWORDS:
            self._at -= 1
            raise self._unsupported()
        return token.text

    def _or(self) -> Expression:
        left = self._and()
        while self._accept("or"):
            left = _either(left, self._and())
        return left

    def _and(self) -> Expression:
        left = self._comparison()
        while self._accept("and"):
            left = _both(left, self._comparison())
        return left

    def _comparison(self) -> Expression:
        left = self._concatenation()
        while self._next.text in ("==", "~=") and self._next.kind == "sign":
            left = _equal(left, wanted=self._advance().text == "==", right=self._concatenation())
        return left

    def _concatenation(self) -> Expression:
        left = self._unary()
        line = self._next.line
        if self._accept(".."):
            return _joined(left, self._concatenation(), line)
        return left

    def _unary(self) -> Expression:
        if self._accept("not"):
            operand = self._unary()
            return lambda scope: not _truthy(operand(scope))
        return self._indexed()

    def _indexed(self) -> Expression:
        value = self._primary()
        while True:
            line = self._next.line
            if self._accept("."):
                name = self._name()
                value = _index(value, _constant(name), line)
            elif self._accept("["):
                key = self._or()
                self.expect("]")
                value = _index(value, key, line)
            else:
                return value

    def _primary(self) -> Expression:
        if self._next.kind == "string":
            return _constant(re.sub(r"\\(.)", _unescape, self._advance().text[1:-1]))
        if self._next.kind == "number":
            return _constant(int(self._advance().text))
        if self._accept("{"):
            self.expect("}")
            return _constant({})
        if self._accept("("):
            inner = self._or()
            self.expect(")")
            return inner
        for word, value in (("nil", None), ("true", True), ("false", False)):
            if self._accept(word):
                return _constant(value)
        return self._variable()

    def _variable(self) -> Expression:
        line = self._next.line
        name = self._name()
        if name == "tostring":
            self.expect("(")
            argument = self._or()
            self.expect(")")
            return lambda scope: _tostring(argument(scope), line)
        return lambda scope: scope.get(name)


def _nothing(scope: Scope) -> None:
    return None


def _constant(value: Value) -> Expression:
    return lambda scope: value


def _either(left: Expression, right: Expression) -> Expression:
    return lambda scope: found if _truthy(found := left(scope)) else right(scope)


def _both(left: Expression, right: Expression) -> Expression:
    return lambda scope: right(scope) if _truthy(found := left(scope)) else found


def _equal(left: Expression, *, wanted: bool, right: Expression) -> Expression:
    def run(scope: Scope) -> Value:
        one, other = left(scope), right(scope)
        return (type(one) is type(other) and one == other) == wanted

    return run


def _joined(left: Expression, right: Expression, line: int) -> Expression:
    return lambda scope: _text(left(scope), line) + _text(right(scope), line)


def _index(value: Expression, key: Expression, line: int) -> Expression:
    def run(scope: Scope) -> Value:
        table, at = value(scope), key(scope)
        if not isinstance(table, Mapping):
            raise ScriptError(f"attempt to index a {_kind(table)} value", line)
        return table.get(at) if isinstance(at, int | str) else None

    return run


def _truthy(value: Value) -> bool:
    return value is not None and value is not False


def _text(value: Value, line: int) -> str:
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    raise ScriptError(f"attempt to concatenate a {_kind(value)} value", line)


def _tostring(value: Value, line: int) -> str:
    if value is None or isinstance(value, bool):
        return {None: "nil", True: "true", False: "false"}[value]
    return _text(value, line)


def _kind(value: Value) -> str:
    if value is None:
        return "nil"
    names: dict[type, str] = {bool: "boolean", int: "number", str: "string"}
    return names.get(type(value), "table")


def _unescape(match: re.Match[str]) -> str:
    return _ESCAPES.get(match.group(1), match.group(1))
