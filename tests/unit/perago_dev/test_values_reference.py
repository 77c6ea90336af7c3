"""The chart's values: each is described, and each is in the schema, which is closed at every level."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from perago_dev.source import REPOSITORY
from perago_dev.values_reference import CHART, PAGE, rendered, values
from perago_operator.settings import Settings, variable

Schema = dict[str, Any]
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA: Schema = json.loads((CHART / "values.schema.json").read_text())
SAMPLE = """\
# About a.
a:
  # The first,
  # on two lines.
  b: 1
  c: {}
  d: [{e: f}]
"""


def test_the_pages_are_up_to_date() -> None:
    """What is committed is what values and settings say."""
    for path, text in rendered().items():
        assert (REPOSITORY / path).read_text() == text


def test_a_value_has_the_comment_above_it() -> None:
    """As one paragraph, with its default; one that has values of its own has none."""
    assert [(value.path, value.comment, value.default) for value in values(SAMPLE)] == [
        ("a", "About a.", None),
        ("a.b", "The first, on two lines.", "1"),
        ("a.c", "", "{}"),
        ("a.d", "", '[{"e": "f"}]'),
    ]


def test_every_setting_is_listed_once() -> None:
    """As a value's variable in the chart, or by its name."""
    page = rendered()[PAGE]
    environment = (CHART / "templates" / "_env.tpl").read_text()
    for field in Settings.model_fields:
        assert (f"`{variable(field)}`" in page) != (f"{variable(field)}\n" in environment), field


def resolved(schema: Schema) -> Schema:
    """A schema without its reference."""
    name = schema.get("$ref", "").removeprefix("#/definitions/")
    return resolved(SCHEMA["definitions"][name]) if name else schema


def paths(schema: Schema, given: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Schema]]:
    """Objects of the values that the schema describes property by property, with their schemas."""
    schema = resolved(schema)
    if "properties" in schema:
        yield path, schema
        for name, part in schema["properties"].items():
            if isinstance(given, dict) and name in given:
                yield from paths(part, given[name], (*path, name))


CLOSED = {".".join(path): (path, schema) for path, schema in paths(SCHEMA, VALUES)}


@pytest.mark.parametrize("name", CLOSED)
def test_a_typo_is_refused(name: str) -> None:
    """At every level of the values."""
    path, _ = CLOSED[name]
    broken = copy.deepcopy(VALUES)
    part = broken
    for key in path:
        part = part[key]
    part["tpyo"] = 1
    with pytest.raises(jsonschema.ValidationError, match="tpyo"):
        jsonschema.validate(broken, SCHEMA)


@pytest.mark.parametrize("name", CLOSED)
def test_every_value_is_in_the_schema_and_has_a_default(name: str) -> None:
    """What the schema knows and `values.yaml` does not would be documented nowhere. Manifests of Kubernetes are left
    to their own documentation."""
    path, schema = CLOSED[name]
    given = VALUES
    for key in path:
        given = given[key]
    known = set(schema["properties"]) - {"global"}
    if given:
        assert known == set(given) or (name == "resources" and set(given) <= known)


def test_the_defaults_are_valid() -> None:
    """All of them."""
    jsonschema.validate(VALUES, SCHEMA)


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("resources", {"limit": {"memory": "1Gi"}}),
        ("extraEnv", [{"name": "A", "value": 60}]),
        ("extraEnv", [{"name": "A", "valeu": "60"}]),
        ("tolerations", [{"efect": "NoSchedule"}]),
        ("affinity", {"nodeAffinty": {}}),
        ("topologySpreadConstraints", [{"maxSkew": 1, "topologyKey": "a", "whenUnsatisfiable": "Never"}]),
        ("installation", "x y/z"),
        ("networkPolicy", {"servers": [{"from": []}]}),
        ("networkPolicy", {"private": ["metadata"]}),
        ("podLabels", {"a": 1}),
        ("podDisruptionBudget", {"minAvailable": "half"}),
        ("updateStrategy", {"type": "Rolling"}),
        ("extraVolumes", [{"name": "a"}]),
    ],
)
def test_a_wrong_value_is_refused(path: str, wrong: Any) -> None:
    """Also within what is handed on to Kubernetes, as deep as a typo is likely."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**VALUES, path: wrong}, SCHEMA)
