"""From a pydantic model to a structural OpenAPI v3 schema, which is what the API server accepts. Pure.

A structural schema has no references, no `null` alternatives and no titles. It has a type at every level, and unknown
fields are kept only where it says so. `kubectl explain` prints the docstrings of models and fields.
"""

from pydantic import JsonValue

from perago_operator.api.base import ApiModel

Schema = dict[str, JsonValue]

_DROPPED = frozenset({"title", "default", "$defs"})


def structural(model: type[ApiModel]) -> Schema:
    """The structural schema of a model, with descriptions at every level."""
    raw: Schema = model.model_json_schema(by_alias=True, mode="validation")
    definitions = raw.get("$defs", {})
    assert isinstance(definitions, dict)
    return _object(_simplify(raw, definitions))


def _object(value: JsonValue) -> Schema:
    assert isinstance(value, dict)
    return value


def _simplify(node: JsonValue, definitions: Schema) -> JsonValue:
    """A schema node without references, null alternatives and titles."""
    if not isinstance(node, dict):
        return node
    node = _resolved(node, definitions)
    result: Schema = {}
    for key, value in node.items():
        if key in _DROPPED:
            continue
        if key == "properties":
            result[key] = {name: _simplify(field, definitions) for name, field in _object(value).items()}
        elif key in ("items", "additionalProperties"):
            result[key] = _simplify(value, definitions)
        elif key == "description":
            result[key] = " ".join(str(value).split())
        else:
            result[key] = value
    return _as_enum(result)


def _resolved(node: Schema, definitions: Schema) -> Schema:
    """The node with `$ref` and `anyOf: [X, null]` replaced by what they stand for. Its own keys take precedence."""
    while True:
        target = _stand_in(node, definitions)
        if target is None:
            return node
        own = {key: value for key, value in node.items() if key not in ("$ref", "allOf", "anyOf")}
        node = {**target, **own}


def _stand_in(node: Schema, definitions: Schema) -> Schema | None:
    if "$ref" in node:
        return _object(definitions[str(node["$ref"]).removeprefix("#/$defs/")])
    alternatives = node.get("anyOf")
    if isinstance(alternatives, list) and {"type": "null"} in alternatives:
        rest = [alternative for alternative in alternatives if alternative != {"type": "null"}]
        assert len(rest) == 1, f"a field has {len(rest)} types besides null: {rest}"
        return _object(rest[0])
    return None


def _as_enum(node: Schema) -> Schema:
    if "const" in node:
        node["enum"] = [node.pop("const")]
    return node
