"""Building blocks of the API models: the base class, Kubernetes' own scalar types, and validation rules.

Descriptions are the docstrings below the fields; `api.schema` turns them into what `kubectl explain` prints.
"""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, JsonValue, PlainSerializer, ValidationError, WithJsonSchema
from pydantic.alias_generators import to_camel

from perago.wire.times import timestamp

QUANTITY_PATTERN = (
    r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))"
    r"(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?[0-9]{1,2}))?$"
)
"""Kubernetes' own pattern for quantities, with at most two digits of exponent: 1e999999 takes half a minute to read."""
QUANTITY_LENGTH = 20
"""Characters of a quantity."""

RULES_KEY = "x-kubernetes-validations"

JsonObject = dict[str, JsonValue]


class ApiModel(BaseModel):
    """Frozen, and camelCase in JSON. Unknown fields, which a newer version may have added, are ignored on reading."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True, use_attribute_docstrings=True
    )

    def to_json(self) -> JsonObject:
        """The JSON object as the API server has it: with camelCase keys and without absent fields."""
        dumped: JsonObject = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return dumped


def problems_of(error: ValidationError) -> str:
    """What is wrong with an object and where, without the values, which may be secret."""
    return "; ".join(f"{problem['loc']}: {problem['msg']}" for problem in error.errors(include_input=False))


QUANTITY_SCHEMA: JsonObject = {
    "anyOf": [{"type": "integer"}, {"type": "string"}],
    "x-kubernetes-int-or-string": True,
    "pattern": QUANTITY_PATTERN,
    "maxLength": QUANTITY_LENGTH,
}
Quantity = Annotated[int | float | str, WithJsonSchema(dict(QUANTITY_SCHEMA))]
"""A number with a unit, such as `500m`, `1Gi` or `2`."""

FreeForm = Annotated[
    dict[str, JsonValue], WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
]
"""A JSON object that the API server stores unchanged."""


Time = Annotated[datetime, PlainSerializer(timestamp), WithJsonSchema({"type": "string", "format": "date-time"})]


def rule(expression: str, message: str, **more: str) -> JsonValue:
    """One CEL rule: what must hold, and the message for whoever breaks it."""
    return {"rule": expression, "message": message, **more}


def immutable(field: str) -> JsonValue:
    """The rule that an optional field is never set, changed or removed after creation."""
    return rule(
        f"has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})",
        f"spec.{field} cannot be changed: create another attempt",
        reason="FieldValueForbidden",
    )
