"""What pod templates may say, and what the pod must keep of ours once they are merged into it. Pure.

An attempt's template says what its author may decide, a PeragoTask's also what its author is trusted with:
`api.podfields` has the table. Both are checked as they were written. Then the merged pod is compared with the pod
without any template, so that what the first check overlooks cannot take away what is ours.
"""

from collections.abc import Iterable, Iterator, Sequence

from pydantic import JsonValue

from perago_operator.api.base import JsonObject
from perago_operator.api.podfields import (
    AGENT_FIELDS,
    KEY_PREFIX,
    LONGEST_GRACE,
    METADATA_FIELDS,
    ONLY_RESOURCES,
    ONLY_THE_TASK,
    POD_FIELDS,
    TASK_CONTAINER_FIELDS,
    PodField,
    Whose,
    refusal,
)
from perago_operator.api.podschema import ENV_FIELDS, PORT_FIELDS
from perago_operator.core.config import AttemptLimits
from perago_operator.core.names import AGENT_CONTAINER, TASK_CONTAINER
from perago_operator.core.pod.limits import above_ceiling
from perago_operator.core.pod.shapes import object_of, objects_of

MOST_LEVELS = 32
"""Levels of objects and lists in a template; a pod has about 15."""
CONFINING = (".beta.kubernetes.io/", ".alpha.kubernetes.io/")
"""In annotations by which older clusters choose AppArmor and seccomp profiles."""

_EMPTY: JsonObject = {}


def structure_problem(template: JsonObject) -> str | None:
    """Why a template cannot even be read: merge directives, null, and nesting without end."""
    level: list[tuple[str, JsonValue]] = [("podTemplate", template)]
    for _ in range(MOST_LEVELS):
        for path, value in level:
            if value is None:
                return f"{path} is null. Leave the field out."
            if isinstance(value, dict) and (key := next((key for key in value if key.startswith("$")), None)):
                return f"{path} has the merge directive {key!r}. Set the fields that differ instead."
        level = [inner for path, value in level for inner in _inside(path, value)]
    return f"podTemplate has more than {MOST_LEVELS} levels. Make it flatter." if level else None


def _inside(path: str, value: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    if isinstance(value, dict):
        yield from ((f"{path}.{key}", inner) for key, inner in value.items())
    if isinstance(value, list):
        yield from ((f"{path}[{index}]", inner) for index, inner in enumerate(value))


def field_problem(template: JsonObject, whose: Whose, limits: AttemptLimits) -> str | None:
    """Why this template of an attempt or of a PeragoTask is refused; None when its fields may all be set."""
    return next(_problems(template, whose, limits), None)


def _problems(template: JsonObject, whose: Whose, limits: AttemptLimits) -> Iterator[str]:
    yield from _unknown("podTemplate", template, ("metadata", "spec"))
    for name in ("metadata", "spec"):
        if not isinstance(template.get(name, _EMPTY), dict):
            yield f"podTemplate.{name} must be an object"
            return
    metadata, spec = (object_of(template.get(name)) for name in ("metadata", "spec"))
    yield from _fields("podTemplate.metadata", metadata, METADATA_FIELDS, whose)
    yield from _fields("podTemplate.spec", spec, POD_FIELDS, whose)
    for name in ("labels", "annotations"):
        yield from _keys(f"podTemplate.metadata.{name}", metadata.get(name))
    for list_name in ("containers", "initContainers"):
        for container in objects_of(spec.get(list_name)):
            yield from _container(f"podTemplate.spec.{list_name}", container, whose)
    if whose is Whose.ATTEMPT:
        yield from _of_an_attempt(metadata, spec, limits)


def _fields(path: str, value: JsonObject, fields: Sequence[PodField], whose: Whose) -> Iterator[str]:
    """What is wrong with an object: unknown fields, those that may not be set here, and those of the wrong kind."""
    yield from _unknown(path, value, [field.name for field in fields])
    for field in fields:
        if field.name not in value:
            continue
        if problem := refusal(f"{path}.{field.name}", field, whose):
            yield problem
        elif not _is_of_kind(value[field.name], field):
            yield f"{path}.{field.name} must be of type {_JSON_KINDS[field.kind][0]}"


def _unknown(path: str, value: JsonObject, names: Iterable[str]) -> Iterator[str]:
    fields = frozenset(names)
    yield from (
        f"{path}.{name} cannot be set: no such field. Check its spelling." for name in value if name not in fields
    )


_JSON_KINDS: dict[str, tuple[str, type]] = {
    "string": ("string", str),
    "boolean": ("boolean", bool),
    "integer": ("integer", int),
    "object": ("object", dict),
    "texts": ("object", dict),
    "resources": ("object", dict),
    "objects": ("array", list),
    "strings": ("array", list),
}


def _is_of_kind(value: JsonValue, field: PodField) -> bool:
    if isinstance(value, bool) and field.kind != "boolean":
        return False
    if isinstance(value, list) and field.kind == "objects":
        return all(isinstance(element, dict) for element in value)
    return isinstance(value, _JSON_KINDS[field.kind][1])


def _keys(path: str, value: JsonValue) -> Iterator[str]:
    for key in object_of(value):
        if key.startswith(KEY_PREFIX) or any(part in key for part in CONFINING):
            yield f"{path} cannot have the key {key}: the operator decides what it stands for. Leave it out."


def _container(path: str, container: JsonObject, whose: Whose) -> Iterator[str]:
    name = container.get("name")
    if name == AGENT_CONTAINER and whose is Whose.TASK and set(container) - AGENT_FIELDS:
        yield ONLY_RESOURCES
    elif name != TASK_CONTAINER and whose is Whose.ATTEMPT:
        yield ONLY_THE_TASK
    fields = TASK_CONTAINER_FIELDS
    if name != TASK_CONTAINER:
        fields = tuple(field._replace(whose=Whose.TASK) for field in fields)
    yield from _fields(f"{path}[{name}]", container, fields, whose)


def _of_an_attempt(metadata: JsonObject, spec: JsonObject, limits: AttemptLimits) -> Iterator[str]:
    """What is wrong with values that an attempt may set at all."""
    for name, allowed in (("labels", limits.labels), ("annotations", limits.annotations)):
        for key in object_of(metadata.get(name)):
            if not any(key == pattern or (pattern.endswith("/") and key.startswith(pattern)) for pattern in allowed):
                yield _not_allowed(f"podTemplate.metadata.{name}", f"have the key {key}", f"attempts.{name}")
    grace, runtime = spec.get("terminationGracePeriodSeconds", 0), spec.get("runtimeClassName")
    if not isinstance(grace, int) or not 0 <= grace <= LONGEST_GRACE:
        yield f"podTemplate.spec.terminationGracePeriodSeconds must be from 0 to {LONGEST_GRACE}"
    if runtime is not None and runtime not in limits.runtime_classes:
        yield _not_allowed("podTemplate.spec.runtimeClassName", f"be {runtime}", "attempts.runtimeClassNames")
    for container in objects_of(spec.get("containers")):
        yield from _task_of_an_attempt(container, limits)


def _not_allowed(path: str, what: str, value: str) -> str:
    return f"{path} cannot {what} in an attempt. Set it in the PeragoTask, or allow it in the chart's {value}."


def _task_of_an_attempt(container: JsonObject, limits: AttemptLimits) -> Iterator[str]:
    path = f"podTemplate.spec.containers[{TASK_CONTAINER}]"
    for name, fields in (("env", ENV_FIELDS), ("ports", PORT_FIELDS)):
        for entry in objects_of(container.get(name)):
            yield from _fields(f"{path}.{name}", entry, fields, Whose.ATTEMPT)
    if container.get("env") and not limits.own_code:
        yield f"{path}.env cannot be set in an attempt here, as variables can choose code (attempts.ownCode is false)."
    yield from above_ceiling(f"{path}.resources", object_of(container.get("resources")), limits.ceiling)


def merged_problem(pod: JsonObject, ours: JsonObject) -> str | None:
    """What a merged pod has lost of the pod without any template; None when all of it is there."""
    spec, own = object_of(pod.get("spec")), object_of(ours.get("spec"))
    lost = next(_lost(spec, own), None)
    return f"podTemplate changes {lost} of the pod, which the operator decides. Leave it out." if lost else None


def _lost(spec: JsonObject, own: JsonObject) -> Iterator[str]:
    for field in POD_FIELDS:
        if field.whose in (Whose.OURS, Whose.REFUSED) and spec.get(field.name) != own.get(field.name):
            yield field.name
    yield from _missing("volume", spec.get("volumes"), own.get("volumes"), "name")
    names = [container.get("name") for container in objects_of(spec.get("containers"))]
    if names[:2] != [AGENT_CONTAINER, TASK_CONTAINER] or len(names) != len(set(map(str, names))):
        yield "the containers"
        return
    agent, task = objects_of(spec.get("containers"))[:2]
    own_agent, own_task = objects_of(own.get("containers"))
    yield from (f"{name} of the agent" for name in _differing(agent, own_agent, {*agent, *own_agent} - AGENT_FIELDS))
    decided = {field.name for field in TASK_CONTAINER_FIELDS if field.whose is Whose.OURS}
    yield from (f"{name} of the task" for name in _differing(task, own_task, decided))
    yield from _missing("mount", task.get("volumeMounts"), own_task.get("volumeMounts"), "mountPath")


def _differing(container: JsonObject, own: JsonObject, names: Iterable[str]) -> Iterator[str]:
    return (name for name in sorted(names) if container.get(name) != own.get(name))


def _missing(what: str, present: JsonValue, own: JsonValue, key: str) -> Iterator[str]:
    there = objects_of(present)
    yield from (f"the {what} {element.get(key)}" for element in objects_of(own) if element not in there)
