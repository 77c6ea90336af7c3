"""Strategic merge of a pod template into a pod, as `kubectl patch` does it: named things merge by name. Pure."""

from pydantic import JsonValue

from perago_operator.api.base import JsonObject

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
