"""Building blocks of the API models: the base class, Kubernetes' own scalar types, and validation rules.

Descriptions are the docstrings below the fields; `api.schema` turns them into what `kubectl explain` prints.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    JsonValue,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from perago.wire.depth import is_too_deep, too_deep
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


MOST_PROBLEMS = 5
"""Problems of one object that are told."""
LONGEST_PATH = 6
"""Parts of the path of a problem that are told."""


def problems_of(error: ValidationError, part: str | None = None) -> str:
    """What is wrong with an object, or with this part of it, and where; without the values, which may be secret."""
    all_problems = error.errors(include_input=False, include_url=False)
    problems = [problem for problem in all_problems if part in (None, *problem["loc"][:1])]
    sentences = [f"{_path(problem['loc'])}: {_sentence(problem['msg'])}" for problem in problems[:MOST_PROBLEMS]]
    more = len(problems) - MOST_PROBLEMS
    return "; ".join([*sentences, f"and {more} more problems"] if more > 0 else sentences)


def _path(place: tuple[int | str, ...]) -> str:
    return ".".join(map(str, place[:LONGEST_PATH]))


def _sentence(message: str) -> str:
    """As pydantic has it, without the class of the exception."""
    words = message.removeprefix("Value error, ")
    return words[:1].lower() + words[1:]


def _not_too_deep(value: object) -> object:
    """Said before pydantic looks inside, which would name the path of the last level that it can bear."""
    if is_too_deep(value):
        raise ValueError(too_deep("it"))
    return value


Shallow = BeforeValidator(_not_too_deep)
"""Of a JSON value that people choose freely: it has at most as many levels as an input or an output may have."""


QUANTITY_SCHEMA: JsonObject = {
    "anyOf": [{"type": "integer"}, {"type": "string"}],
    "x-kubernetes-int-or-string": True,
    "pattern": QUANTITY_PATTERN,
    "maxLength": QUANTITY_LENGTH,
}
Quantity = Annotated[int | float | str, WithJsonSchema(dict(QUANTITY_SCHEMA))]
"""A number with a unit, such as `500m`, `1Gi` or `2`."""

FreeForm = Annotated[
    dict[str, JsonValue], Shallow, WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
]
"""A JSON object that the API server stores unchanged."""


Time = Annotated[datetime, PlainSerializer(timestamp), WithJsonSchema({"type": "string", "format": "date-time"})]


def rule(expression: str, message: str, **more: str) -> JsonValue:
    """One CEL rule: what must hold, and the message for whoever breaks it."""
    return {"rule": expression, "message": message, **more}


def must(holds: Callable[[str], object], message: str) -> AfterValidator:
    """The model's side of a rule for a text: what must hold, and the same message."""

    def held(value: str) -> str:
        if not holds(value):
            raise ValueError(message)
        return value

    return AfterValidator(held)


def immutable(field: str) -> JsonValue:
    """The rule that an optional field is never set, changed or removed after creation."""
    return rule(
        f"has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})",
        f"spec.{field} cannot be changed: create another attempt",
        reason="FieldValueForbidden",
    )
