"""How deep JSON may be nested, and what is read of JSON that is deeper."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perago.wire.depth import MOST_LEVELS, READ_LEVELS, is_too_deep, read_json, shallow
from perago.wire.inputs import input_problem
from tests.builders import nested

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)


def cut(value: Any, most: int) -> Any:
    """What `shallow` has to keep, in the simplest way."""
    if isinstance(value, list):
        return [cut(child, most - 1) for child in value] if most else None
    if isinstance(value, dict):
        return {key: cut(child, most - 1) for key, child in value.items()} if most else None
    return value


@pytest.mark.parametrize("innermost", [1, "text", None, [], {}])
def test_the_last_permitted_level_is_permitted(innermost: object) -> None:
    """Lists and objects are levels, and what is in the last one is not."""
    inner = isinstance(innermost, list | dict)
    assert not is_too_deep(nested(MOST_LEVELS - inner, innermost))
    assert is_too_deep(nested(MOST_LEVELS + 1 - inner, innermost))


@given(json_values, st.integers(1, 4))
def test_what_is_below_the_last_level_becomes_null(value: Any, most: int) -> None:
    """All else stays, whatever stands in strings."""
    assert json.loads(shallow(json.dumps(value, ensure_ascii=False).encode(), most)) == cut(value, most)
    assert is_too_deep(value, most) == (cut(value, most) != value)


@pytest.mark.parametrize("levels", [READ_LEVELS + 1, 5_000, 100_000])
def test_json_of_any_depth_is_read_and_is_still_too_deep(levels: int) -> None:
    """What is beside the deep value is read as ever."""
    text = '{"b":' + '{"a":' * levels + "1" + "}" * levels + ',"c":"[["}'
    value = read_json(text.encode())
    assert (value["c"], is_too_deep(value)) == ("[[", True)


@pytest.mark.parametrize("text", ["[" * 100_000, "[" * 5_000 + "]" * 4_999, "[" * 5_000 + "}" * 5_000, "{"])
def test_what_is_no_json_is_a_value_error(text: str) -> None:
    """However deep."""
    with pytest.raises(ValueError, match="line 1"):
        read_json(text.encode())


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"params": nested(MOST_LEVELS)}, "the input has more than 100 levels of lists and objects. Make it flatter"),
        ({"params": {"a": [1, float("nan")]}}, "the input.params.a[1] is NaN, which JSON does not have"),
        ({"params": {"a": float("-inf"), "b": float("nan")}}, "the input.params.a is -Infinity"),
        ({"params": nested(MOST_LEVELS - 1)}, "None"),
        ({"params": {"a": "NaN", "b": 1e308}}, "None"),
    ],
)
def test_an_input_that_no_task_can_be_given_is_refused_by_its_place(value: object, words: str) -> None:
    """The first place in the order of the text."""
    assert str(input_problem(value)).startswith(words)
