"""The README's manifests are what the API takes."""

import re
from pathlib import Path

import yaml

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.task import PeragoTask

ROOT = Path(__file__).resolve().parents[3]


def test_manifests_are_valid() -> None:
    """The README's PeragoTask and PeragoAttempt are what the models accept, field by field."""
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    task, attempt = (yaml.safe_load(block) for block in blocks)
    assert PeragoTask.model_validate(task).to_json()["spec"] == task["spec"]
    assert PeragoAttempt.model_validate(attempt).to_json()["spec"] == attempt["spec"]
