"""The subset of Lua: what it does, and that it refuses the rest before running anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perago_dev.lakefs.model.lua import ScriptError, UnsupportedScriptError, Value, compile_script

ACTION: Value = {"commit": {"metadata": {"k": "v"}, "parents": {1: "p1"}}, "n": 7}


def outcome(script: str) -> str | None:
    """The error of a script, None when it ends well."""
    run = compile_script(script)
    try:
        run(ACTION)
    except ScriptError as error:
        return str(error)
    return None


def value_of(expression: str) -> str | None:
    """What an expression is, by way of `error(tostring(…))`."""
    return outcome(f"error(tostring({expression}))")


@pytest.mark.parametrize(
    ("expression", "want"),
    [
        ("nil", "nil"),
        ("true", "true"),
        ("3", "3"),
        ("'a' .. \"b\" .. 1", "ab1"),
        ("'it\\'s\\n'", "it's\n"),
        ("1 == 1", "true"),
        ("1 == '1'", "false"),
        ("nil ~= false", "true"),
        ("not nil", "true"),
        ("not 0", "false"),
        ("nil and 1", "nil"),
        ("false or 'x'", "x"),
        ("1 and 2", "2"),
        ("(nil or {}).x", "nil"),
        ("'a' == 'b' or 'c'", "c"),
        ("nil or nil and 1", "nil"),
        ("not nil == true", "true"),
        ("action.commit.parents[1]", "p1"),
        ("action.commit['metadata'].k", "v"),
        ("action.commit.parents[2]", "nil"),
        ("unknown", "nil"),
    ],
)
def test_expressions(expression: str, want: str) -> None:
    """Values and precedence are those of Lua."""
    assert value_of(expression) == want


@pytest.mark.parametrize(
    ("script", "want"),
    [
        ("", None),
        ("-- nothing\n;", None),
        ("local a = 1", None),
        ("if nil then error('no') end", None),
        ("if 1 then error('yes') end", "yes"),
        ("if nil then error('a') elseif 1 then error('b') else error('c') end", "b"),
        ("if nil then error('a') else error('c') end", "c"),
        ("local a = 1 if true then local a = 2 end error(a)", "1"),
        ("error('first') error('second')", "first"),
        ("error('x' .. nil)", "attempt to concatenate a nil value"),
        ("local x = nil error(x.y)", "attempt to index a nil value"),
        ("error('x' .. true)", "attempt to concatenate a boolean value"),
    ],
)
def test_statements(script: str, want: str | None) -> None:
    """Scopes, branches and errors are those of Lua."""
    assert outcome(script) == want


@pytest.mark.parametrize(
    "script",
    [
        "print('x')",
        "for i = 1, 2 do end",
        "local f = function() end",
        "x = 1",
        "return",
        "local a, b = 1, 2",
        "local http = require('net/http')",
        "error('x', 2)",
        "if 1 then",
        "error('x') end",
        "--[[ long ]]",
        "local t = {1}",
        "local x = #action",
        "local x = 1 + 1",
        'error("open)',
        "local end = 1",
        "goto x",
        "1",
    ],
)
def test_the_rest_is_refused_before_it_runs(script: str) -> None:
    """Nothing outside the subset is skipped: compilation fails, whatever stands before it."""
    with pytest.raises(UnsupportedScriptError, match="line 2"):
        compile_script("error('never reached')\n" + script)


def test_errors_know_their_line() -> None:
    """The line of the `error` call, counted from 1, comments and strings included."""
    with pytest.raises(ScriptError) as error:
        compile_script("-- one\nlocal a = 'x'\n\nerror(a)")(ACTION)
    assert error.value.line == 4


@given(want=st.none() | st.sampled_from(["h1", "h2"]), got=st.sampled_from(["h1", "h2"]))
def test_the_fence_is_a_comparison(want: str | None, got: str) -> None:
    """An expected head lets through exactly the merges that name it, and those that name none."""
    script = """
        local want = (action.commit.metadata or {})['perago.input-ref']
        if want ~= nil and want ~= action.commit.parents[1] then error('stale') end"""
    metadata: dict[int | str, Value] = {} if want is None else {"perago.input-ref": want}
    run = compile_script(script)
    commit: dict[int | str, Value] = {"metadata": metadata, "parents": {1: got}}
    try:
        run({"commit": commit})
    except ScriptError:
        assert want not in (None, got)
    else:
        assert want in (None, got)
