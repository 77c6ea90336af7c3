"""From models to structural schemas."""

from typing import Any

import pytest

from perago_operator.api.attempt import MUTABLE, AttemptSpec, PeragoAttempt
from perago_operator.api.base import RULES_KEY
from perago_operator.api.crds import attempt_crd, main, rendered, task_crd
from perago_operator.api.schema import structural
from perago_operator.api.shared import Metadata
from perago_operator.api.task import PeragoTask
from tests import builders as b

CRDS: list[Any] = [attempt_crd(), task_crd()]


def nodes(schema: dict[str, Any], path: str = "") -> dict[str, dict[str, Any]]:
    """Every node of a schema by path."""
    by_path = {path: schema}
    for name, field in schema.get("properties", {}).items():
        by_path |= nodes(field, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            by_path |= nodes(schema[name], f"{path}[]")
    return by_path


def schema_of(crd: dict[str, Any]) -> dict[str, Any]:
    """A CRD's schema."""
    return dict(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"])


@pytest.mark.parametrize("crd", CRDS, ids=["attempt", "task"])
def test_every_node_has_a_type(crd: dict[str, Any]) -> None:
    """Structural; a quantity is a number or a string."""
    for path, node in nodes(schema_of(crd)).items():
        assert "type" in node or node.get("x-kubernetes-int-or-string"), path


@pytest.mark.parametrize("crd", CRDS, ids=["attempt", "task"])
@pytest.mark.parametrize("word", ["$ref", "title", "default", "const", "oneOf", "$defs"])
def test_what_the_api_server_does_not_know_is_gone(crd: dict[str, Any], word: str) -> None:
    """References, titles, and defaults: these come from the PeragoTask and the settings."""
    assert [path for path, node in nodes(schema_of(crd)).items() if word in node] == []


def test_only_free_form_fields_keep_what_is_unknown() -> None:
    """Input, output, and what the API server checks with the pod; anywhere else a typing error is refused."""
    free = {p for p, node in nodes(schema_of(CRDS[0])).items() if node.get("x-kubernetes-preserve-unknown-fields")}
    template = {path for path in free if path.startswith(".spec.podTemplate.spec.")}
    assert free - template == {".spec.input", ".status.outcome.output"}


def test_the_status_is_optional() -> None:
    """People write no status."""
    assert schema_of(CRDS[0])["required"] == ["spec"]


def test_every_field_of_the_spec_is_immutable_but_two() -> None:
    """A new field must not be forgotten."""
    spec = nodes(schema_of(CRDS[0]))[".spec"]
    rules = " ".join(rule["message"] for rule in spec[RULES_KEY])
    free = {name for name in spec["properties"] if f"spec.{name} cannot be changed" not in rules}
    assert free == {"cancel", "ttlSecondsAfterFinished"}
    assert set(AttemptSpec.model_fields) >= MUTABLE


def test_conditions_are_a_map_by_type() -> None:
    """As server-side apply wants them."""
    conditions = nodes(schema_of(CRDS[0]))[".status.conditions"]
    assert (conditions["x-kubernetes-list-type"], conditions["x-kubernetes-list-map-keys"]) == ("map", ["type"])


def test_descriptions_are_sentences() -> None:
    """In one line each, as `kubectl explain` wraps them itself."""
    described = [
        node["description"] for crd in CRDS for node in nodes(schema_of(crd)).values() if "description" in node
    ]
    assert [text for text in described if "\n" in text or not text.endswith(".")] == []


def test_reading_ignores_what_a_newer_version_added() -> None:
    """An older operator must not stumble over it."""
    attempt = b.attempt(status={"phase": "Running", "novel": 1})
    assert PeragoAttempt.model_validate(attempt).status.phase == "Running"


def test_a_model_gives_back_what_it_read() -> None:
    """camelCase, absent fields left out."""
    spec = b.attempt(volume={"size": "1Gi"}, activeDeadlineSeconds=5)["spec"]
    read = PeragoAttempt.model_validate(b.attempt(volume={"size": "1Gi"}, activeDeadlineSeconds=5)).spec.to_json()
    assert {key: read[key] for key in spec if key != "conductor"} == {k: v for k, v in spec.items() if k != "conductor"}


def test_both_kinds_make_a_schema() -> None:
    """And metadata is read, too."""
    assert "spec" in str(structural(PeragoTask))
    assert Metadata.model_validate(b.metadata("n", "u")).creation_timestamp == b.START


def test_the_check_notices_a_difference(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """It names the file, and writes nothing."""
    assert main([str(tmp_path)]) == 0
    assert main(["--check", str(tmp_path)]) == 0
    name = next(iter(rendered()))
    (tmp_path / name).write_text("changed")
    assert main(["--check", str(tmp_path)]) == 1
    assert name in capsys.readouterr().err
    assert (tmp_path / name).read_text() == "changed"
