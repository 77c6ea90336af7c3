"""JSON values that servers like to change, for the tests that send them through."""

import json
from typing import Any

VALUES: dict[str, Any] = {
    "whole float": 1.0,
    "negative zero": -0.0,
    "tenth": 0.30000000000000004,
    "whole float over 53 bits": 9007199254740994.0,
    "float before its exponent": 1e20,
    "float with an exponent": 1e21,
    "largest float": 1.7976931348623157e308,
    "smallest float": 5e-324,
    "integer over 53 bits": 2**53 + 1,
    "largest of 64 bits": 2**63 - 1,
    "smallest of 64 bits": -(2**63),
    "over 64 bits": 2**63,
    "under 64 bits": -(2**63) - 1,
    "very large": 2**200,
    "null": None,
    "nulls deep down": [{"a": None}, None, {"b": {"c": None}}],
    "empty object": {},
    "empty objects deep down": {"a": {}, "b": [{}]},
    "empty list": [],
    "empty text": "",
    "booleans": [True, False, 1, 0],
    "order of a list": ["z", "a", "m", "a"],
    "odd keys": {"": 1, "a.b": 2, "a/b": 3, "$ref": 4, "~1": 5, "kind": 6, "metadata": {"name": 7}},
    "control characters": "\x00\x01\x7f\x85\u2028\ufeff",
    "beyond the basic plane": "\U0001f600",
    "expression": "$${workflow.input.x} $.x",
    "numbers as text": ["1", "1.0", "NaN", "null", "2026-01-01T00:00:00Z"],
    "deep": json.loads("[" * 60 + "]" * 60),
}


def exactly(value: object) -> str:
    """The value so that two are equal only if types, signs and nulls are; the order of keys does not count in JSON."""
    return json.dumps(value, sort_keys=True)
