"""Strategic merge of pod templates."""

from hypothesis import given
from hypothesis import strategies as st

from perago_operator.api.base import JsonObject
from perago_operator.core.merge import merged

json_objects = st.dictionaries(
    st.sampled_from("abc"), st.integers() | st.dictionaries(st.sampled_from("de"), st.integers())
)


def test_objects_merge_and_null_removes() -> None:
    """As in a JSON merge patch."""
    assert merged({"a": {"x": 1, "y": 2}, "b": 1}, {"a": {"y": None, "z": 3}}) == {"a": {"x": 1, "z": 3}, "b": 1}


def test_named_things_merge_by_name() -> None:
    """Order is kept; new ones come last."""
    base: JsonObject = {"containers": [{"name": "agent", "image": "r"}, {"name": "task", "image": "t"}]}
    patch: JsonObject = {"containers": [{"name": "side"}, {"name": "task", "workingDir": "/w"}]}
    assert merged(base, patch)["containers"] == [
        {"name": "agent", "image": "r"},
        {"name": "task", "image": "t", "workingDir": "/w"},
        {"name": "side"},
    ]


def test_mounts_merge_by_path() -> None:
    """One volume may be mounted twice."""
    base: JsonObject = {"volumeMounts": [{"name": "w", "mountPath": "/a"}]}
    patch: JsonObject = {"volumeMounts": [{"name": "w", "mountPath": "/b"}]}
    assert len(merged(base, patch)["volumeMounts"]) == 2  # type: ignore[arg-type]


def test_other_lists_are_replaced() -> None:
    """A list without identities has nothing to merge by."""
    assert merged({"args": ["a", "b"]}, {"args": ["c"]}) == {"args": ["c"]}
    assert merged({"tolerations": [{"key": "a"}]}, {"tolerations": [{"key": "b"}]}) == {"tolerations": [{"key": "b"}]}


def test_a_directive_deletes_an_element() -> None:
    """`$patch: delete`."""
    base: JsonObject = {"env": [{"name": "A"}, {"name": "B"}]}
    assert merged(base, {"env": [{"name": "A", "$patch": "delete"}]}) == {"env": [{"name": "B"}]}
    assert merged({}, {"env": [{"name": "A", "$patch": "delete"}]}) == {"env": []}


def test_a_directive_replaces_an_object() -> None:
    """`$patch: replace`; the directive itself is not kept."""
    assert merged({"a": {"x": 1}}, {"a": {"$patch": "replace", "y": 2}}) == {"a": {"y": 2}}


@given(json_objects, json_objects)
def test_merging_twice_is_merging_once(base: dict, patch: dict) -> None:  # type: ignore[type-arg]
    """And neither argument is changed."""
    before = repr((base, patch))
    once = merged(base, patch)
    assert merged(once, patch) == once
    assert repr((base, patch)) == before
