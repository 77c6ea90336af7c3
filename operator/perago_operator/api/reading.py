"""Objects of the API server as models, also those with parts that no model takes. Pure.

An older CRD may have let a value through, and some bounds cannot be said in a CRD, such as that of depth. Such an
object is not left out, or nobody would hear of it: it is read without those parts, and says what is missing.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from perago_operator.api.base import problems_of
from perago_operator.api.shared import ApiObject

Model = TypeVar("Model", bound=ApiObject)


class Unreadable(ValueError):
    """Not even the object's metadata can be read; the text says why."""


def read(model: type[Model], obj: Mapping[str, Any]) -> Model:
    """The object as a model; its `problem` says which fields of its spec are left out. Raises Unreadable.

    Fields of its status that cannot be read are left out as well: whoever writes them writes them anew.
    """
    try:
        return model.model_validate(obj)
    except ValidationError as error:
        try:
            return model.model_validate(_readable(obj, error))
        except ValidationError as left:
            raise Unreadable(problems_of(left)) from left


def _readable(obj: Mapping[str, Any], error: ValidationError) -> dict[str, Any]:
    """The object without the fields that an error names, and with what the error says of its spec."""
    kept = dict(obj)
    for problem in error.errors(include_input=False, include_url=False):
        part, *rest = map(str, problem["loc"])
        kept[part] = _without(kept.get(part), rest[:1])
    return kept | {"problem": problems_of(error, "spec") or None}


def _without(fields: object, names: list[str]) -> dict[str, Any]:
    """The fields but for these names; none of what is no object, or is wrong as a whole."""
    if not (isinstance(fields, Mapping) and names):
        return {}
    return {name: value for name, value in fields.items() if name not in names}
