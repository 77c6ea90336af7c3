"""What the chart promises to those who install it, in the environment's own cluster."""

import subprocess

import pytest

from tests.e2e.installation import INSIDE, Installation

pytestmark = pytest.mark.cluster


def test_helm_test_runs_attempts_and_shows_what_it_saw(installation: Installation) -> None:
    """With its log, as the documentation says it; the attempts are gone afterwards."""
    words = (installation.env.bin_dir / "helm", "test", INSIDE, "--namespace", INSIDE, "--logs", "--timeout=200s")
    done = subprocess.run(words, env=installation.variables(), capture_output=True, text=True, timeout=240)
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.count("\npassed: e2e/selftest-") == 2, done.stdout
        left = installation.cluster(INSIDE).json("get", "peragoattempts")["items"]
        assert [attempt["metadata"]["name"] for attempt in left if "selftest" in attempt["metadata"]["name"]] == []
    finally:
        installation.cluster(INSIDE).delete("pod", f"{INSIDE}-perago-operator-test")
