"""Which JSON values an object in Kubernetes keeps; the API server's own answers are in tests/contract/attempts."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perago.wire.exact import exact_text, fits_json, kept_in_merge_patch, kept_when_created, no_number

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None))
json_values: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20
)

CHANGED = [1.0, -0.0, 1e20, 2**63, -(2**63) - 1, "\udce9", {"\ud800": 1}]
KEPT = [0.5, 1e21, 2**63 - 1, -(2**63), True, "\U0001f600", {}, [], ""]


@pytest.mark.parametrize("value", CHANGED)
def test_what_go_reads_as_something_else_is_not_kept(value: object) -> None:
    """At any depth."""
    assert not kept_when_created(value)
    assert not kept_when_created({"a": [{"b": [1, value]}]})
    assert not kept_in_merge_patch([value])


@pytest.mark.parametrize("value", KEPT)
def test_everything_else_is_kept(value: object) -> None:
    """Up to the edge of what is not."""
    assert kept_when_created({"a": [value]})
    assert kept_in_merge_patch({"a": [value]})


def test_a_null_is_dropped_from_a_merge_patch_alone() -> None:
    """There it means: remove the member."""
    assert kept_when_created({"a": [None]})
    assert not kept_in_merge_patch({"a": [{"b": None}]})


@given(json_values)
def test_what_fits_json_is_what_strict_json_writes(value: Any) -> None:
    """Neither NaN nor half of a surrogate pair."""
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except ValueError:
        assert not fits_json(value)
    else:
        assert fits_json(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_server_keeps_what_json_cannot_say(value: float) -> None:
    """Whatever the way."""
    assert not fits_json({"a": value})
    assert not kept_when_created(value)


def test_a_number_that_json_does_not_have_is_named_by_its_place() -> None:
    """The first one, in the order of the text."""
    assert no_number({"a": [0.5, {"b": [1, math.nan]}], "c": math.inf}, "result") == "result.a[1].b[1] is NaN"
    assert no_number({"a": -math.inf}, "result") == "result.a is -Infinity"
    assert no_number({"a": [1e308, "NaN", None]}, "result") is None


@given(json_values)
def test_the_exact_text_fits_any_string_and_says_the_value(value: Any) -> None:
    """Lone surrogates as well, next to other characters."""
    text = exact_text(value)
    assert fits_json(text)
    assert json.dumps(json.loads(text)) == json.dumps(value)
    assert exact_text("é\udce9") == '"é\\udce9"'


def test_depth_is_no_limit() -> None:
    """No recursion decides."""
    deep: Any = 1.0
    for _ in range(5000):
        deep = [deep]
    assert fits_json(deep)
    assert not kept_when_created(deep)
