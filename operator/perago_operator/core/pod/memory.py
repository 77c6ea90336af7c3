"""Memory for a workspace in memory, where its pages are counted. Pure."""

from functools import partial

from pydantic import JsonValue

from perago_operator.api.base import JsonObject
from perago_operator.core.config import PodSettings
from perago_operator.core.names import AGENT_CONTAINER
from perago_operator.core.pod.quantity import number_of_bytes
from perago_operator.core.pod.shapes import with_containers
from perago_operator.core.pod.volumes import volume_size
from perago_operator.core.resolve import Resolved


def with_room_in_memory(pod: JsonObject, resolved: Resolved, settings: PodSettings) -> JsonObject:
    """The pod, with the size of a memory volume added to the agent's memory, whatever a template made of it.

    The kernel counts a page against the container that first wrote it: a download is the agent's.
    """
    if resolved.volume.medium != "Memory" or resolved.volume.storage_class_name:
        return pod
    return with_containers(pod, partial(_roomier, size=number_of_bytes(volume_size(resolved, settings))))


def _roomier(container: JsonObject, size: int) -> JsonObject:
    resources = container.get("resources")
    if container.get("name") != AGENT_CONTAINER or not isinstance(resources, dict):
        return container
    return {**container, "resources": {kind: _with_more(amounts, size) for kind, amounts in resources.items()}}


def _with_more(amounts: JsonValue, size: int) -> JsonValue:
    memory = amounts.get("memory") if isinstance(amounts, dict) else None
    if not isinstance(amounts, dict) or not isinstance(memory, int | float | str):
        return amounts
    return {**amounts, "memory": str(number_of_bytes(memory) + size)}
