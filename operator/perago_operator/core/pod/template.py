"""Pod templates: how they are merged into a pod, and that none of them reaches the agent's keys, token or cache. Pure.

Which fields a template may set at all is checked in `allowed`.
"""

from posixpath import normpath

from pydantic import JsonValue

from perago_operator.api.base import JsonObject
from perago_operator.core.config import NodeCache
from perago_operator.core.pod.shapes import object_of, objects_of

AGENT_VOLUMES = frozenset({"lakefs-keys", "conductor-keys", "cluster-token", "agent-tmp", "trusted-ca", "node-cache"})
"""Volumes that only the agent mounts."""

MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "imagePullSecrets": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
}
"""Lists whose elements have an identity; all other lists are replaced as a whole."""


def template_problem(template: JsonObject, secrets: frozenset[str]) -> str | None:
    """What this template reaches for that is the agent's alone; None when nothing.

    `secrets` are the names of the Secrets with keys.
    """
    spec = object_of(template.get("spec"))
    containers = objects_of(spec.get("containers")) + objects_of(spec.get("initContainers"))
    problems = (
        *(_container_problem(container, secrets) for container in containers),
        *(_volume_problem(volume, secrets) for volume in objects_of(spec.get("volumes"))),
    )
    return next((problem for problem in problems if problem), None)


def _container_problem(container: JsonObject, secrets: frozenset[str]) -> str | None:
    name = container.get("name")
    for mount in objects_of(container.get("volumeMounts")):
        if mount.get("name") in AGENT_VOLUMES:
            return f"podTemplate mounts the volume {mount.get('name')!r}, which is the agent's alone"
    for entry in objects_of(container.get("env")) + objects_of(container.get("envFrom")):
        if _names(entry) & secrets:
            return f"podTemplate gives container {name!r} a Secret with the agent's keys"
    return None


def _volume_problem(volume: JsonObject, secrets: frozenset[str]) -> str | None:
    if volume.get("name") in AGENT_VOLUMES:
        return f"podTemplate changes the volume {volume.get('name')!r}, which is the agent's alone"
    projected = objects_of(object_of(volume.get("projected")).get("sources"))
    if any("serviceAccountToken" in source for source in projected):
        return "podTemplate projects a service account token, which is the agent's alone"
    if _names(volume) & secrets:
        return f"podTemplate volume {volume.get('name')!r} holds a Secret with the agent's keys"
    return None


def cache_problem(template: JsonObject, cache: NodeCache | None) -> str | None:
    """Why this template is refused for the sake of the node's cache: it mounts what agents alone may write."""
    volumes = objects_of(object_of(template.get("spec")).get("volumes")) if cache is not None else []
    name = next((volume.get("name") for volume in volumes if cache is not None and _reaches(volume, cache)), None)
    return None if name is None else f"podTemplate volume {name!r} reaches the node's cache, which is the agents' alone"


def _reaches(volume: JsonObject, cache: NodeCache) -> bool:
    if cache.kind == "persistentVolumeClaim":
        return object_of(volume.get("persistentVolumeClaim")).get("claimName") == cache.name
    path = object_of(volume.get("hostPath")).get("path")
    return isinstance(path, str) and _overlap(path, cache.name)


def _overlap(folder: str, other: str) -> bool:
    """Whether one of two folders is, or is in, the other."""
    shorter, longer = sorted((normpath(path).strip("/") + "/" for path in (folder, other)), key=len)
    return shorter == "/" or longer.startswith(shorter)


def _names(value: JsonValue) -> set[str]:
    """Every name of a Secret anywhere inside, by the two spellings of the pod API."""
    if isinstance(value, list):
        return set().union(*(_names(element) for element in value))
    if not isinstance(value, dict):
        return set()
    own = {name for key in ("secretName", "name") if isinstance(name := value.get(key), str)}
    return own.union(*(_names(field) for field in value.values()))


def merged(base: JsonObject, patch: JsonObject) -> JsonObject:
    """`base` with `patch` merged in: objects by field, lists with an identity by element; neither is changed."""
    return {**base, **{name: _merged_field(name, base.get(name), value) for name, value in patch.items()}}


def _merged_field(name: str, old: JsonValue, new: JsonValue) -> JsonValue:
    if isinstance(old, dict) and isinstance(new, dict):
        return merged(old, new)
    if isinstance(old, list) and isinstance(new, list) and name in MERGE_KEYS:
        return _merged_list(old, new, MERGE_KEYS[name])
    return new


def _merged_list(old: list[JsonValue], new: list[JsonValue], key: str) -> list[JsonValue]:
    """Elements of `old` in their order, changed by those of `new`; then the new ones."""
    changes = {_identity(element, key): element for element in new}
    result: list[JsonValue] = []
    for element in old:
        change = changes.pop(_identity(element, key), None)
        result.append(merged(element, change) if isinstance(element, dict) and isinstance(change, dict) else element)
    return result + list(changes.values())


def _identity(element: JsonValue, key: str) -> str:
    return repr(element.get(key)) if isinstance(element, dict) else repr(element)
