"""Pod templates: what one may not do, and how it is merged into a pod. Pure.

A template may not reach the agent's keys, its token or its identity, nor take away what confines the task.
"""

from posixpath import normpath

from pydantic import JsonValue

from perago_operator.api.base import JsonObject
from perago_operator.core.config import NodeCache
from perago_operator.core.names import AGENT_CONTAINER, TASK_CONTAINER

FORBIDDEN_POD_FIELDS = (
    "serviceAccountName",
    "serviceAccount",
    "automountServiceAccountToken",
    "shareProcessNamespace",
    "hostPID",
    "hostIPC",
    "hostNetwork",
    "hostUsers",
    "restartPolicy",
    "securityContext",
)
"""Fields of the pod that would let the task reach the agent, or change how the attempt ends."""
AGENT_FIELDS = frozenset({"name", "resources"})
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

DIRECTIVE = "$patch"


def template_problem(template: JsonObject, secrets: frozenset[str]) -> str | None:
    """Why this template is refused; None when it may be merged. `secrets` are the names of the Secrets with keys."""
    problems = (
        _shape_problem(template),
        _pod_problem(_object(template.get("spec"))),
        *_part_problems(_object(template.get("spec")), secrets),
    )
    return next((problem for problem in problems if problem), None)


def _shape_problem(template: JsonObject) -> str | None:
    for name in ("metadata", "spec"):
        if not isinstance(template.get(name, {}), dict):
            return f"podTemplate.{name} must be an object"
    return None


def _pod_problem(spec: JsonObject) -> str | None:
    if DIRECTIVE in spec:
        return "podTemplate.spec cannot be replaced as a whole: set the fields that differ"
    name = next((name for name in FORBIDDEN_POD_FIELDS if name in spec), None)
    return f"podTemplate.spec.{name} cannot be set: the operator decides it" if name else None


def _part_problems(spec: JsonObject, secrets: frozenset[str]) -> tuple[str | None, ...]:
    containers = _objects(spec.get("containers")) + _objects(spec.get("initContainers"))
    return (
        *(_container_problem(container, secrets) for container in containers),
        *(_volume_problem(volume, secrets) for volume in _objects(spec.get("volumes"))),
    )


def _container_problem(container: JsonObject, secrets: frozenset[str]) -> str | None:
    name = container.get("name")
    if name == AGENT_CONTAINER and set(container) - AGENT_FIELDS:
        return f"podTemplate may set only resources of the container {AGENT_CONTAINER!r}"
    if name == TASK_CONTAINER and "securityContext" in container:
        return f"podTemplate cannot set the security context of the container {TASK_CONTAINER!r}"
    if name == TASK_CONTAINER and DIRECTIVE in container:
        return f"podTemplate can neither replace nor delete the container {TASK_CONTAINER!r}"
    for mount in _objects(container.get("volumeMounts")):
        if mount.get("name") in AGENT_VOLUMES:
            return f"podTemplate mounts the volume {mount.get('name')!r}, which is the agent's alone"
    for entry in _objects(container.get("env")) + _objects(container.get("envFrom")):
        if _names(entry) & secrets:
            return f"podTemplate gives container {name!r} a Secret with the agent's keys"
    return None


def _volume_problem(volume: JsonObject, secrets: frozenset[str]) -> str | None:
    if volume.get("name") in AGENT_VOLUMES:
        return f"podTemplate changes the volume {volume.get('name')!r}, which is the agent's alone"
    projected = _objects(_object(volume.get("projected")).get("sources"))
    if any("serviceAccountToken" in source for source in projected):
        return "podTemplate projects a service account token, which is the agent's alone"
    if _names(volume) & secrets:
        return f"podTemplate volume {volume.get('name')!r} holds a Secret with the agent's keys"
    return None


def cache_problem(template: JsonObject, cache: NodeCache | None) -> str | None:
    """Why this template is refused for the sake of the node's cache: it mounts what agents alone may write."""
    volumes = _objects(_object(template.get("spec")).get("volumes")) if cache is not None else []
    name = next((volume.get("name") for volume in volumes if cache is not None and _reaches(volume, cache)), None)
    return None if name is None else f"podTemplate volume {name!r} reaches the node's cache, which is the agents' alone"


def _reaches(volume: JsonObject, cache: NodeCache) -> bool:
    if cache.kind == "persistentVolumeClaim":
        return _object(volume.get("persistentVolumeClaim")).get("claimName") == cache.name
    path = _object(volume.get("hostPath")).get("path")
    return isinstance(path, str) and _overlap(path, cache.name)


def _overlap(one: str, other: str) -> bool:
    """Whether one of two folders is, or is in, the other."""
    shorter, longer = sorted((normpath(path).strip("/") + "/" for path in (one, other)), key=len)
    return shorter == "/" or longer.startswith(shorter)


def _names(value: JsonValue) -> set[str]:
    """Every name of a Secret anywhere inside, by the two spellings of the pod API."""
    if isinstance(value, list):
        return set().union(*(_names(element) for element in value))
    if not isinstance(value, dict):
        return set()
    own = {name for key in ("secretName", "name") if isinstance(name := value.get(key), str)}
    return own.union(*(_names(field) for field in value.values()))


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _objects(value: JsonValue) -> list[JsonObject]:
    return [element for element in value if isinstance(element, dict)] if isinstance(value, list) else []


def merged(base: JsonObject, patch: JsonObject) -> JsonObject:
    """`base` with `patch` merged in as `kubectl patch` does it: named things merge by name; neither is changed.

    `null` removes a field, `$patch: replace` the whole object.
    """
    if patch.get(DIRECTIVE) == "replace":
        return _without_directive(patch)
    result = dict(base)
    for name, value in patch.items():
        if name == DIRECTIVE:
            continue
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _merged_field(name, result.get(name), value)
    return result


def _merged_field(name: str, old: JsonValue, new: JsonValue) -> JsonValue:
    if isinstance(new, dict):
        return merged(old if isinstance(old, dict) else {}, new)
    if isinstance(new, list) and name in MERGE_KEYS:
        return _merged_list(old if isinstance(old, list) else [], new, MERGE_KEYS[name])
    return new


def _merged_list(old: list[JsonValue], new: list[JsonValue], key: str) -> list[JsonValue]:
    """Elements of `old` in their order, changed or (`$patch: delete`) removed by those of `new`; then the new ones."""
    changes = {_identity(element, key): element for element in new if isinstance(element, dict)}
    result: list[JsonValue] = []
    for element in old:
        change = changes.pop(_identity(element, key), None)
        if change is None:
            result.append(element)
        elif isinstance(element, dict) and change.get(DIRECTIVE) != "delete":
            result.append(merged(element, change))
    additions = (change for change in changes.values() if change.get(DIRECTIVE) != "delete")
    return result + [_without_directive(addition) for addition in additions]


def _identity(element: JsonValue, key: str) -> str:
    return repr(element.get(key)) if isinstance(element, dict) else repr(element)


def _without_directive(patch: JsonObject) -> JsonObject:
    return {name: value for name, value in patch.items() if name != DIRECTIVE}
