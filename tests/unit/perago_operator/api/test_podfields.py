"""The table of pod fields: complete, and what the CRDs and the reference are made from."""

from typing import Any

import pytest
from kubernetes.client import V1Container, V1ObjectMeta, V1PodSpec  # type: ignore[import-untyped]

from perago_operator.api.crds import attempt_crd, task_crd
from perago_operator.api.podfields import (
    AGENT_FIELDS,
    METADATA_FIELDS,
    POD_FIELDS,
    TASK_CONTAINER_FIELDS,
    PodField,
    Whose,
)
from perago_operator.api.podreference import rendered

TABLES: dict[Any, tuple[PodField, ...]] = {V1PodSpec: POD_FIELDS, V1Container: TASK_CONTAINER_FIELDS}
ALL = [*POD_FIELDS, *TASK_CONTAINER_FIELDS, *METADATA_FIELDS]


def json_kind(model: str) -> set[str]:
    """The kinds of the table that hold what the client calls this type."""
    if model.startswith("list["):
        return {"strings"} if model == "list[str]" else {"objects"}
    plain = {"str": {"string"}, "bool": {"boolean"}, "int": {"integer"}, "dict[str, str]": {"texts"}}
    return plain.get(model, {"object", "resources"})


@pytest.mark.parametrize("model", TABLES)
def test_no_field_of_the_client_is_missing(model: Any) -> None:
    """The pinned client knows a later Kubernetes than the cluster: a new field needs a row that says whose it is."""
    rows = {field.name: field.kind for field in TABLES[model]}
    fields = {model.attribute_map[name]: kind for name, kind in model.openapi_types.items()}
    assert {name for name in fields if name not in rows} == set()
    assert {name for name, kind in fields.items() if rows[name] not in json_kind(kind)} == set()


def test_a_template_sets_nothing_else_of_the_metadata() -> None:
    """Both fields exist."""
    assert {field.name for field in METADATA_FIELDS} <= set(V1ObjectMeta.attribute_map.values())


def test_rows_are_in_order_and_say_something() -> None:
    """By name, each once, in sentences."""
    for table in (POD_FIELDS, TASK_CONTAINER_FIELDS, METADATA_FIELDS):
        assert [field.name for field in table] == sorted({field.name for field in table})
    assert [field.name for field in ALL if not field.say.endswith(".")] == []
    assert {field.name for field in TASK_CONTAINER_FIELDS} >= AGENT_FIELDS


APART = {
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
}


@pytest.mark.parametrize("name", sorted(APART))
def test_the_fields_that_keep_the_task_from_the_agent_are_ours(name: str) -> None:
    """Each of them, set in a template, would let the task reach the agent or change how the attempt ends."""
    assert [field.whose for field in POD_FIELDS if field.name == name] == [Whose.OURS]


def test_the_reference_has_every_row() -> None:
    """With whose it is."""
    page = rendered()
    assert [field.name for field in ALL if f"| `{field.name}` | {field.whose}" not in page] == []


@pytest.mark.parametrize(("crd", "templates"), [(attempt_crd(), Whose.ATTEMPT), (task_crd(), Whose.TASK)])
def test_each_field_that_may_not_be_set_has_a_rule_in_the_crd(crd: Any, templates: Whose) -> None:
    """It names the field, which is declared, because CEL can only see what is."""
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    declared = spec["podTemplate"]["properties"]["spec"]
    assert set(declared["properties"]) == {field.name for field in POD_FIELDS}
    rules = " ".join(rule["rule"] for rule in declared["x-kubernetes-validations"])
    allowed = {Whose.ATTEMPT} if templates is Whose.ATTEMPT else {Whose.ATTEMPT, Whose.TASK}
    refused = {field.name for field in POD_FIELDS if field.whose not in allowed}
    assert {field.name for field in POD_FIELDS if f"has(self.{field.name})" in rules} == refused
