"""The schemas of pod templates in the CRDs, made from `podfields`, with rules against the fields that may not be set.

A field that may not be set is declared all the same: its rule can then say what to do instead, where the API server
would otherwise call it unknown, as it does with misspelt ones. Pure.
"""

from collections.abc import Iterable, Sequence

from pydantic import JsonValue

from perago_operator.api.base import QUANTITY_SCHEMA, RULES_KEY, JsonObject, rule
from perago_operator.api.podfields import (
    AGENT_FIELDS,
    KEY_PREFIX,
    LONGEST_GRACE,
    METADATA_FIELDS,
    ONLY_RESOURCES,
    ONLY_THE_TASK,
    POD_FIELDS,
    REFUSED_HERE,
    TASK_CONTAINER_FIELDS,
    PodField,
    Whose,
    remedy,
)

MOST_CONTAINERS = 16
"""Containers, and init containers, of a template."""
MOST_ENTRIES = 64
"""Labels, variables and other entries of a template."""

_ANY: JsonObject = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_REFUSED: JsonObject = {"description": "Refused."}


def template_schema(whose: Whose) -> JsonObject:
    """The schema of `podTemplate` of an attempt (`Whose.ATTEMPT`) or of a PeragoTask (`Whose.TASK`)."""
    spec = _refusing(POD_FIELDS, whose, "podTemplate.spec")
    declared = spec["properties"]
    assert isinstance(declared, dict)
    most = 1 if whose is Whose.ATTEMPT else MOST_CONTAINERS
    declared["containers"] = _list(_said(POD_FIELDS, "containers"), _containers(whose), most)
    if whose is Whose.TASK:
        declared["initContainers"] = _list(_said(POD_FIELDS, "initContainers"), _any_container())
    declared["terminationGracePeriodSeconds"] = {
        "type": "integer",
        "description": _said(POD_FIELDS, "terminationGracePeriodSeconds"),
        "minimum": 0,
        "maximum": LONGEST_GRACE if whose is Whose.ATTEMPT else 2**31 - 1,
    }
    metadata: JsonObject = {field.name: _labels(field) for field in METADATA_FIELDS}
    return {
        "type": "object",
        "properties": {
            "metadata": {"type": "object", "description": "Labels and annotations of the pod.", "properties": metadata},
            "spec": {"description": "What to merge into the pod's spec.", **spec},
        },
    }


def _refusing(fields: Sequence[PodField], whose: Whose, path: str) -> JsonObject:
    """An object with these fields, and rules against those that may not be set."""
    properties: JsonObject = {field.name: _typed(field, refused=bool(remedy(field, whose))) for field in fields}
    return {"type": "object", "properties": properties, RULES_KEY: _rules(fields, whose, path)}


def _rules(fields: Iterable[PodField], whose: Whose, path: str, unless: str = "") -> list[JsonValue]:
    """One rule for all fields of which the same is said; its message names the one that is set."""
    refused: dict[str, list[str]] = {}
    for field in fields:
        if instead := remedy(field, whose):
            refused.setdefault(instead, []).append(field.name)
    return [_rule(names, f"{REFUSED_HERE[whose]}. {instead}", path, unless) for instead, names in refused.items()]


def _rule(names: list[str], said: str, path: str, unless: str) -> JsonValue:
    expression = f"!({' || '.join(f'has(self.{name})' for name in names)})"
    expression = f"{unless} || {expression}" if unless else expression
    if len(names) == 1:
        return rule(expression, f"{path}.{names[0]} {said}")
    which = "".join(f"has(self.{name}) ? '{name}' : " for name in names[:-1]) + f"'{names[-1]}'"
    return {"rule": expression, "messageExpression": f"'{path}.' + ({which}) + {' ' + said!r}"}


def _typed(field: PodField, *, refused: bool) -> JsonObject:
    if refused and field.kind in ("objects", "strings"):
        return {"type": "array", "items": dict(_ANY) if field.kind == "objects" else {"type": "string"}, **_REFUSED}
    if refused:
        return {**(_ANY if field.kind in ("object", "texts", "resources") else {"type": field.kind}), **_REFUSED}
    kinds: dict[str, JsonObject] = {
        "object": _ANY,
        "objects": {"type": "array", "maxItems": MOST_ENTRIES, "items": dict(_ANY)},
        "strings": {"type": "array", "maxItems": MOST_ENTRIES, "items": {"type": "string", "maxLength": 4096}},
        "texts": _texts(),
        "resources": _ANY,
        "string": {"type": "string", "maxLength": 4096},
    }
    return {**kinds.get(field.kind, {"type": field.kind}), "description": field.say}


def _texts() -> JsonObject:
    return {
        "type": "object",
        "maxProperties": MOST_ENTRIES,
        "additionalProperties": {"type": "string", "maxLength": 4096},
    }


def _labels(field: PodField) -> JsonObject:
    """A map whose keys are not ours."""
    ours = rule(
        f"!self.exists(key, key.startsWith('{KEY_PREFIX}'))",
        f"podTemplate.metadata.{field.name} cannot have keys that begin with {KEY_PREFIX}: the operator sets them",
    )
    return {**_texts(), "description": field.say, RULES_KEY: [ours]}


def _said(fields: Iterable[PodField], name: str) -> str:
    return next(field.say for field in fields if field.name == name)


def _list(description: str, item: JsonObject, most: int = MOST_CONTAINERS) -> JsonObject:
    """Containers, each with a name of its own."""
    return {
        "type": "array",
        "description": description,
        "maxItems": most,
        "items": item,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
    }


def _any_container() -> JsonObject:
    """A container of the PeragoTask's own: its fields are those of Kubernetes, which checks them with the pod."""
    fields = (field._replace(whose=Whose.TASK, say="As in Kubernetes.") for field in _CONTAINER)
    declared: JsonObject = {field.name: _typed(field, refused=False) for field in fields}
    declared["name"] = dict(_NAME)
    return {"type": "object", "required": ["name"], "properties": declared}


_CONTAINER = TASK_CONTAINER_FIELDS
_NAME: JsonObject = {"type": "string", "description": "Name of the container.", "maxLength": 63}


def _containers(whose: Whose) -> JsonObject:
    if whose is Whose.ATTEMPT:
        return _task_container()
    agents = " || ".join(f"has(self.{field.name})" for field in _CONTAINER if field.name not in AGENT_FIELDS)
    rules = _rules(_CONTAINER, whose, f"{_CONTAINERS}[task]", unless="self.name != 'task'")
    return {**_any_container(), RULES_KEY: [*rules, rule(f"self.name != 'agent' || !({agents})", ONLY_RESOURCES)]}


_CONTAINERS = "podTemplate.spec.containers"


def _task_container() -> JsonObject:
    """What an attempt may say of the container `task`."""
    container = _refusing(_CONTAINER, Whose.ATTEMPT, f"{_CONTAINERS}[task]")
    declared, rules = container["properties"], container[RULES_KEY]
    assert isinstance(declared, dict)
    assert isinstance(rules, list)
    quantities: JsonObject = {"type": "object", "maxProperties": 16, "additionalProperties": dict(QUANTITY_SCHEMA)}
    declared["name"] = dict(_NAME)
    declared["resources"] = {
        "type": "object",
        "description": _said(_CONTAINER, "resources"),
        "properties": {
            "requests": {**quantities, "description": "The least that the container needs."},
            "limits": {**quantities, "description": "The most that it may use."},
        },
    }
    declared["env"] = _items("Variables with literal values.", ENV_FIELDS, "name", "podTemplate env")
    declared["ports"] = _items("Ports of the container.", PORT_FIELDS, "containerPort", "podTemplate ports")
    rules.insert(0, rule("self.name == 'task'", ONLY_THE_TASK))
    return {**container, "required": ["name"]}


ENV_FIELDS = (
    PodField("name", "string", Whose.ATTEMPT, "Name of the variable."),
    PodField("value", "string", Whose.ATTEMPT, "Its value."),
    PodField("valueFrom", "object", Whose.TASK, "From a Secret, a ConfigMap or a field of the pod."),
)
"""What an attempt may say of a variable."""
PORT_FIELDS = (
    PodField("containerPort", "integer", Whose.ATTEMPT, "Number of the port."),
    PodField("name", "string", Whose.ATTEMPT, "Name of the port."),
    PodField("protocol", "string", Whose.ATTEMPT, "TCP, UDP or SCTP."),
    PodField("hostIP", "string", Whose.TASK, "Address of the node."),
    PodField("hostPort", "integer", Whose.TASK, "Port of the node."),
)
"""What an attempt may say of a port."""


def _items(description: str, fields: tuple[PodField, ...], key: str, path: str) -> JsonObject:
    item: JsonObject = {**_refusing(fields, Whose.ATTEMPT, path), "required": [key]}
    return {"type": "array", "description": description, "maxItems": MOST_ENTRIES, "items": item}
