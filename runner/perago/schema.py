"""JSON schemas of pydantic models as a TaskDef carries them: closed, self-contained, silent about the model itself."""

import inspect
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, create_model
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema, JsonRef, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema

from perago.errors import TaskDefinitionError

_NAMED_SCHEMAS = ("properties", "patternProperties", "$defs", "dependentSchemas")
_VALUES = ("default", "examples", "enum", "const")
_DROPPED = ("title", "discriminator", "$defs")
_REFERENCE = "#/$defs/"


class _ClosedSchema(GenerateJsonSchema):
    """Pydantic's generator, less all that a model class says about itself."""

    def generate_inner(self, schema: Any) -> JsonSchemaValue:
        inner = super().generate_inner(schema)
        if schema["type"] == "enum":
            own = self.get_schema_from_definitions(JsonRef(inner["$ref"])) if "$ref" in inner else inner
            if own and own.get("description") == inspect.cleandoc(schema["cls"].__doc__ or ""):
                del own["description"]
        return inner

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def model_fields_schema(self, schema: core_schema.ModelFieldsSchema) -> JsonSchemaValue:
        return super().model_fields_schema(schema) | {"additionalProperties": False}

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"]) | {"additionalProperties": False}

    def typed_dict_schema(self, schema: core_schema.TypedDictSchema) -> JsonSchemaValue:
        closed = super().typed_dict_schema(schema) | {"additionalProperties": False}
        closed.pop("description", None)
        return closed


def closed_schema(model: type[BaseModel], mode: JsonSchemaMode = "validation") -> dict[str, Any]:
    """The schema of what the model takes, by alias, or ("serialization") of what goes out of it, by field name.

    Raises TaskDefinitionError that names the field no schema can say.
    """
    try:
        schema = model.model_json_schema(by_alias=mode == "validation", schema_generator=_ClosedSchema, mode=mode)
    except PydanticUserError as error:
        place = _guilty_place(model, mode)
        raise TaskDefinitionError(f"no JSON schema of {place}: {str(error).splitlines()[0]}") from error
    inlined = _inlined(schema, schema.get("$defs", {}), (model.__name__,))
    assert isinstance(inlined, dict)
    return inlined


def _guilty_place(model: type[BaseModel], mode: JsonSchemaMode) -> str:
    """The first field that has no schema of its own, if one is to blame; else the model."""
    for name, field in model.model_fields.items():
        annotation: Any = field.annotation
        alone = create_model(model.__name__, field=(annotation, ...))
        try:
            alone.model_json_schema(mode=mode)
        except PydanticUserError:
            return f"{model.__name__}.{name}"
    return model.__name__


def _inlined(schema: object, definitions: Mapping[str, Any], within: tuple[str, ...]) -> object:
    if isinstance(schema, list):
        return [_inlined(item, definitions, within) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _target(schema["$ref"], definitions, within) | _keywords(schema, definitions, within)
    return _keywords(schema, definitions, within)


def _keywords(schema: dict[str, Any], definitions: Mapping[str, Any], within: tuple[str, ...]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _VALUES:
            kept[key] = value
        elif key in _NAMED_SCHEMAS and key not in _DROPPED:
            kept[key] = {name: _inlined(item, definitions, within) for name, item in value.items()}
        elif key not in _DROPPED and key != "$ref":
            kept[key] = _inlined(value, definitions, within)
    return kept


def _target(reference: str, definitions: Mapping[str, Any], within: tuple[str, ...]) -> dict[str, Any]:
    name = reference.removeprefix(_REFERENCE)
    if name in within[1:]:
        raise TaskDefinitionError(f"{within[0]} contains {name}, which contains itself; a TaskDef cannot say that")
    inlined = _inlined(definitions[name], definitions, (*within, name))
    assert isinstance(inlined, dict)
    return inlined
