"""The example's files say what its modules say: definitions, manifests, pins."""

import json
from pathlib import Path

import pytest
import yaml

import perago
from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.task import PeragoTask

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "examples" / "weather"
MODULES = ("summarise", "report")


def tasks() -> dict[str, PeragoTask]:
    """The PeragoTasks by their modules."""
    found = [
        PeragoTask.model_validate(one) for one in yaml.safe_load_all((EXAMPLE / "kubernetes/tasks.yaml").read_text())
    ]
    return {str(task.spec.module): task for task in found}


@pytest.mark.parametrize("module", MODULES)
def test_task_definitions_are_current(module: str, tmp_path: Path) -> None:
    """The committed JSON is what `perago extract` makes of the module, byte for byte."""
    perago.write_taskdef(perago.load_module_task(f"weather.{module}"), tmp_path / "made.json")
    assert (EXAMPLE / "conductor" / f"weather_{module}.taskdef.json").read_text() == (
        tmp_path / "made.json"
    ).read_text()


@pytest.mark.parametrize("module", MODULES)
def test_perago_task_polls_the_type_that_the_module_declares(module: str) -> None:
    """Task type in Kubernetes and name in the module are one."""
    declared = perago.load_module_task(f"weather.{module}")
    assert tasks()[f"weather.{module}"].spec.task_type == declared.name


def test_workflow_runs_both_tasks_in_order() -> None:
    """The second task's workspace is the first one's output."""
    first, second = json.loads((EXAMPLE / "conductor/workflow.json").read_text())["tasks"]
    names = [perago.load_module_task(f"weather.{module}").name for module in MODULES]
    assert [first["name"], second["name"]] == names
    assert second["inputParameters"]["workspace"] == "${summarise.output.workspace}"


def test_plain_attempt_refers_to_a_task_of_the_example() -> None:
    """Its PeragoTask exists, and its parameters are valid."""
    manifest = yaml.safe_load((EXAMPLE / "kubernetes/attempt.yaml").read_text())
    attempt = PeragoAttempt.model_validate(manifest)
    assert attempt.spec.task_ref is not None
    assert attempt.spec.task_ref.name in {task.metadata.name for task in tasks().values()}
    params = perago.load_module_task("weather.report").params_model
    params.model_validate(manifest["spec"]["input"]["params"])


def test_image_installs_the_versions_that_are_tested() -> None:
    """Each pin of the example's image is the repository's own."""
    constraints = (ROOT / "constraints.txt").read_text().splitlines()
    assert set((EXAMPLE / "requirements.txt").read_text().splitlines()) <= set(constraints)
