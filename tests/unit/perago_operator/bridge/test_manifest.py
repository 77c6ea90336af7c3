"""The attempt that is made of a polled task."""

from typing import Any

import pytest

from perago_operator.api.task import PeragoTask
from perago_operator.bridge.manifest import INPUT_LIMIT, attempt_manifest
from perago_operator.core import names
from perago_operator.ports import PolledTask
from tests import builders as b

TASK = PeragoTask.model_validate(b.task("build", taskType="build"))


def bridged(size: int = 10, **changes: Any) -> dict[str, Any]:
    """The attempt made of a polled task with an input of that many bytes."""
    manifest: dict[str, Any] = attempt_manifest(PolledTask(b.conductor_task(**changes), {"params": {}}, size), TASK)
    return manifest


def test_a_polled_task_becomes_an_attempt_of_its_name() -> None:
    """In the PeragoTask's namespace, held from the start, findable by workflow and type."""
    metadata = bridged()["metadata"]
    assert (metadata["name"], metadata["namespace"]) == (b.NAME, "ns")
    assert metadata["finalizers"] == [names.ATTEMPT_FINALIZER]
    assert metadata["labels"][names.WORKFLOW_LABEL] == "wf-1"


def test_its_spec_is_the_reference_the_identity_and_the_input() -> None:
    """Everything else comes from the PeragoTask when the pod is made."""
    spec = bridged()["spec"]
    assert spec["taskRef"] == {"name": "build"}
    assert spec["input"] == {"params": {}}
    assert spec["conductor"] == b.conductor_task().to_json()


def test_a_large_input_stays_in_conductor() -> None:
    """Over 256 KiB the agent reads it from there."""
    assert bridged(INPUT_LIMIT)["spec"]["input"] == {"params": {}}
    large = bridged(INPUT_LIMIT + 1)["spec"]
    assert (large["inputFrom"], "input" in large) == ("Conductor", False)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1.0"), (2**63, "9223372036854775808"), ("\udce9", r'"\udce9"'), (["ü", -0.0], '["ü",-0.0]')],
)
def test_an_input_that_the_object_would_change_is_there_as_text_too(value: object, text: str) -> None:
    """Exactly as Conductor gave it; beside what kubectl shows."""
    polled = PolledTask(b.conductor_task(), {"params": {"x": value}}, 10)
    spec = attempt_manifest(polled, TASK)["spec"]
    assert isinstance(spec, dict)
    assert spec["inputJson"] == f'{{"params":{{"x":{text}}}}}'
    assert spec["input"] == {"params": {"x": value}}


@pytest.mark.parametrize("value", [None, 0.5, 2**63 - 1, "ü"])
def test_any_other_input_is_there_once(value: object) -> None:
    """As most are."""
    spec = attempt_manifest(PolledTask(b.conductor_task(), {"params": {"x": value}}, 10), TASK)["spec"]
    assert isinstance(spec, dict)
    assert "inputJson" not in spec
