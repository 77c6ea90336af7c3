"""What a pod template may not do: reach the agent's keys, its token or its identity. Pure."""

from pydantic import JsonValue

from perago_operator.api.base import JsonObject
from perago_operator.core.names import AGENT_CONTAINER, TASK_CONTAINER

FORBIDDEN_POD_FIELDS = (
    "serviceAccountName",
    "serviceAccount",
    "automountServiceAccountToken",
    "shareProcessNamespace",
    "hostPID",
    "hostIPC",
    "hostNetwork",
    "restartPolicy",
    "securityContext",
)
"""Fields of the pod that would let the task reach the agent, or change how the attempt ends."""
AGENT_FIELDS = frozenset({"name", "resources"})
AGENT_VOLUMES = frozenset({"lakefs-keys", "conductor-keys", "cluster-token", "agent-tmp"})
"""Volumes that only the agent mounts."""


def template_problem(template: JsonObject, secrets: frozenset[str]) -> str | None:
    """Why this template is refused; None when it may be merged. `secrets` are the names of the Secrets with keys."""
    spec = _object(template.get("spec"))
    for name in FORBIDDEN_POD_FIELDS:
        if name in spec:
            return f"podTemplate.spec.{name} cannot be set: the operator decides it"
    containers = _objects(spec.get("containers")) + _objects(spec.get("initContainers"))
    problems = [
        *(_container_problem(each, secrets) for each in containers),
        *(_volume_problem(each, secrets) for each in _objects(spec.get("volumes"))),
    ]
    return next((each for each in problems if each), None)


def _container_problem(container: JsonObject, secrets: frozenset[str]) -> str | None:
    name = container.get("name")
    if name == AGENT_CONTAINER and set(container) - AGENT_FIELDS:
        return f"podTemplate may set only resources of the container {AGENT_CONTAINER!r}"
    if name == TASK_CONTAINER and "securityContext" in container:
        return f"podTemplate cannot set the security context of the container {TASK_CONTAINER!r}"
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
    if any("serviceAccountToken" in each for each in projected):
        return "podTemplate projects a service account token, which is the agent's alone"
    if _names(volume) & secrets:
        return f"podTemplate volume {volume.get('name')!r} holds a Secret with the agent's keys"
    return None


def _names(value: JsonValue) -> set[str]:
    """Every name of a Secret anywhere inside, by the two spellings of the pod API."""
    if isinstance(value, list):
        return set().union(*(_names(each) for each in value))
    if not isinstance(value, dict):
        return set()
    found = set().union(*(_names(each) for each in value.values()))
    for key in ("secretName", "name"):
        if isinstance(name := value.get(key), str):
            found.add(name)
    return found


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _objects(value: JsonValue) -> list[JsonObject]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


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


def merged(base: JsonObject, patch: JsonObject) -> JsonObject:
    """`base` with `patch` merged in; neither is changed. `null` removes a field, `$patch: replace` the whole object."""
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
    changes = {_identity(each, key): each for each in new if isinstance(each, dict)}
    result: list[JsonValue] = []
    for each in old:
        change = changes.pop(_identity(each, key), None)
        if change is None:
            result.append(each)
        elif isinstance(each, dict) and change.get(DIRECTIVE) != "delete":
            result.append(merged(each, change))
    additions = (each for each in changes.values() if each.get(DIRECTIVE) != "delete")
    return result + [_without_directive(each) for each in additions]


def _identity(element: JsonValue, key: str) -> str:
    return repr(element.get(key)) if isinstance(element, dict) else repr(element)


def _without_directive(patch: JsonObject) -> JsonObject:
    return {name: value for name, value in patch.items() if name != DIRECTIVE}
