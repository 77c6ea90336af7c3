"""The attempt that is made of a polled task."""

from typing import Any

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
