"""A stage without an environment."""

from pathlib import Path

import pytest

from perago_dev.environment import Environment
from tests.chaos.stage import Journal, Stage
from tests.kubectl import Kubectl


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Its journal is a file of the test's folder; there is no cluster behind it."""
    env = Environment(
        name="none",
        kubeconfig=tmp_path / "none",
        bin_dir=tmp_path,
        conductor_url="",
        conductor_cluster_url="",
        lakefs_endpoint="",
        lakefs_cluster_endpoint="",
        lakefs_access_key="",
        lakefs_secret_key="",
        operator_image="",
        runner_image="",
        state_dir=tmp_path,
    )
    return Stage(env, Kubectl(tmp_path / "none", tmp_path / "none"), Journal(tmp_path / "journal.txt"), ["worker"])
