"""The little Lua that a fence needs: locals, `if`, `error`, comparisons, `and`/`or`/`not`, indexing, concatenation.

Not a Lua interpreter. A script is compiled completely before it runs, and anything outside this subset is refused at
that point (`UnsupportedScriptError`), never skipped. Pure.
"""

import re
from collections.abc import Callable

from perago_dev.lakefs.model.lua_runtime import (
    Expression,
    Scope,
    ScriptError,
    Statement,
    Value,
    both,
    constant,
    either,
    equal,
    index,
    joined,
    nothing,
    text,
    tostring,
    truthy,
    unescape,
)
from perago_dev.lakefs.model.lua_tokens import Token, UnsupportedScriptError, tokens_of

__all__ = ["ScriptError", "UnsupportedScriptError", "Value", "compile_script"]

_KEYWORDS = frozenset(
    ["and", "or", "not", "nil", "true", "false", "if", "then", "elseif", "else", "end", "local", "return"]
)
_END = ("end", "else", "elseif", "")


def compile_script(script: str) -> Callable[[Value], None]:
    """A function that runs the script with its global `action`.

    Raises:
        UnsupportedScriptError: at once, for anything outside the subset. The function raises ScriptError.
    """
    parser = _Parser(tokens_of(script))
    block = parser.block()
    parser.expect("")
    return lambda action: block({"action": action})


class _Parser:
    """Recursive descent; every method returns what runs the part it has read."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _advance(self) -> Token:
        token = self._next
        self._at += 1
        return token

    def _accept(self, text: str) -> bool:
        found = self._next.kind != "string" and self._next.text == text
        if found and text:
            self._at += 1
        return found

    def expect(self, text: str) -> None:
        """Takes the next token, which must be this."""
        if not self._accept(text):
            raise self._unsupported()

    def _unsupported(self) -> UnsupportedScriptError:
        return UnsupportedScriptError(f"line {self._next.line}: {self._next.text!r} is outside the supported Lua")

    def block(self) -> Statement:
        """Statements up to the word that ends them."""
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
        otherwise: Statement = nothing
        if self._accept("elseif"):
            otherwise = self._if()
        else:
            if self._accept("else"):
                otherwise = self.block()
            self.expect("end")
        return lambda scope: body(scope) if truthy(condition(scope)) else otherwise(scope)

    def _error(self) -> Statement:
        line = self._advance().line
        self.expect("(")
        message = self._or()
        self.expect(")")

        def run(scope: Scope) -> None:
            raise ScriptError(text(message(scope), line), line)

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
            left = either(left, self._and())
        return left

    def _and(self) -> Expression:
        left = self._comparison()
        while self._accept("and"):
            left = both(left, self._comparison())
        return left

    def _comparison(self) -> Expression:
        left = self._concatenation()
        while self._next.text in ("==", "~=") and self._next.kind == "sign":
            left = equal(left, wanted=self._advance().text == "==", right=self._concatenation())
        return left

    def _concatenation(self) -> Expression:
        left = self._unary()
        line = self._next.line
        if self._accept(".."):
            return joined(left, self._concatenation(), line)
        return left

    def _unary(self) -> Expression:
        if self._accept("not"):
            operand = self._unary()
            return lambda scope: not truthy(operand(scope))
        return self._indexed()

    def _indexed(self) -> Expression:
        value = self._primary()
        while True:
            line = self._next.line
            if self._accept("."):
                name = self._name()
                value = index(value, constant(name), line)
            elif self._accept("["):
                key = self._or()
                self.expect("]")
                value = index(value, key, line)
            else:
                return value

    def _primary(self) -> Expression:
        if self._next.kind == "string":
            return constant(re.sub(r"\\(.)", unescape, self._advance().text[1:-1]))
        if self._next.kind == "number":
            return constant(int(self._advance().text))
        if self._accept("{"):
            self.expect("}")
            return constant({})
        if self._accept("("):
            inner = self._or()
            self.expect(")")
            return inner
        for word, value in (("nil", None), ("true", True), ("false", False)):
            if self._accept(word):
                return constant(value)
        return self._variable()

    def _variable(self) -> Expression:
        line = self._next.line
        name = self._name()
        if name == "tostring":
            self.expect("(")
            argument = self._or()
            self.expect(")")
            return lambda scope: tostring(argument(scope), line)
        return lambda scope: scope.get(name)
