"""Parts of pods and of pod templates, which people write: what is not of the shape that it should have is left out."""

from collections.abc import Callable

from pydantic import JsonValue

from perago_operator.api.base import JsonObject


def object_of(value: JsonValue) -> JsonObject:
    """The object; an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def objects_of(value: JsonValue) -> list[JsonObject]:
    """The objects of a list; none of anything else."""
    return [element for element in value if isinstance(element, dict)] if isinstance(value, list) else []


def with_containers(pod: JsonObject, changed: Callable[[JsonObject], JsonObject]) -> JsonObject:
    """The pod with each of its containers as `changed` returns it."""
    spec = object_of(pod["spec"])
    containers = spec["containers"]
    assert isinstance(containers, list)
    new = [changed(container) if isinstance(container, dict) else container for container in containers]
    return {**pod, "spec": {**spec, "containers": new}}
