"""Inputs and outputs cross a real API server with the values and types that they were sent with."""

import json
from pathlib import Path
from typing import Any

import pytest

from perago import wire
from perago.agent import outcome
from perago.agent.clients.attempt_api import attempt_object
from perago.wire.exact import kept_in_merge_patch, kept_when_created
from perago_operator.adapters import kube_access
from perago_operator.adapters.kube import attempts_path
from perago_operator.adapters.kube_api import KubeApi
from perago_operator.api.task import PeragoTask
from perago_operator.bridge.manifest import attempt_manifest
from perago_operator.ports import PolledTask
from tests import builders as b
from tests.contract.kube.names import fresh
from tests.contract.values import VALUES, exactly

TASK = PeragoTask.model_validate(b.task("build", taskType="build"))


def manifest(namespace: str, task_id: str, value: object) -> dict[str, Any]:
    """The attempt that the bridge makes of a task with this value in its input."""
    polled = PolledTask(b.conductor_task(task_id=task_id), sent(value), 10)
    made: dict[str, Any] = attempt_manifest(polled, TASK)
    return {**made, "metadata": {"name": made["metadata"]["name"], "namespace": namespace}}


def sent(value: object) -> dict[str, Any]:
    """The input that has the value."""
    return {"params": {"value": value}}


async def test_inputs_are_stored_exactly(kubeconfig: Path) -> None:
    """As JSON text where the object changes them, and only there; the agent reads the text."""
    namespace, found, texts = fresh("values"), {}, {}
    async with KubeApi(kube_access.load(kubeconfig)) as api:
        await api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
        for number, (name, value) in enumerate(VALUES.items()):
            stored = await api.create(attempts_path(namespace), manifest(namespace, f"t-{number}", value))
            found[name] = exactly(stored["spec"]["input"]) == exactly(sent(value))
            texts[name] = json.loads(text) if (text := attempt_object(dict(stored)).input_json) else sent(value)
    assert found == {name: kept_when_created(value) for name, value in VALUES.items()}
    assert exactly(texts) == exactly({name: sent(value) for name, value in VALUES.items()})


async def test_outputs_are_stored_exactly(kubeconfig: Path) -> None:
    """Compressed where a merge patch would change them, and only there."""
    namespace = fresh("values")
    async with KubeApi(kube_access.load(kubeconfig)) as api:
        await api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
        for number, (name, value) in enumerate(VALUES.items()):
            made = await api.create(attempts_path(namespace), manifest(namespace, f"t-{number}", 1))
            output = {"result": {"value": value}}
            status = wire.StatusReport(outcome=outcome.completed(output)).to_json()
            path = f"{attempts_path(namespace)}/{made['metadata']['name']}"
            stored = (await api.patch(f"{path}/status", {"status": status}))["status"]["outcome"]
            assert exactly(wire.Outcome.model_validate(stored).full_output()) == exactly(output), name
            assert ("output" in stored) == kept_in_merge_patch(output), name


@pytest.mark.parametrize("name", VALUES)
def test_an_input_is_written_as_text_only_where_it_must_be(name: str) -> None:
    """So that kubectl shows most inputs once."""
    spec = manifest("ns", "t", VALUES[name])["spec"]
    assert exactly(spec["input"]) == exactly(sent(VALUES[name]))
    assert ("inputJson" in spec) != kept_when_created(VALUES[name])
