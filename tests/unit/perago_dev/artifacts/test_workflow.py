"""The workflow for a public CI runs what this repository runs, and no action that could change meanwhile."""

import re

import yaml

from perago_dev.source import REPOSITORY

TEXT = (REPOSITORY / ".github" / "workflows" / "ci.yml").read_text()
JOBS = yaml.safe_load(TEXT)["jobs"]


def commands(job: str) -> str:
    return "\n".join(step.get("run", "") for step in JOBS[job]["steps"])


def test_actions_are_pinned_by_commit() -> None:
    """A tag of somebody else's can be moved."""
    used = [step["uses"] for job in JOBS.values() for step in job["steps"] if "uses" in step]
    assert used
    assert [name for name in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", name)] == []


def test_nothing_from_outside_is_pasted_into_a_command() -> None:
    """Names of branches and tags reach a shell as variables only."""
    assert "${{" not in "".join(commands(job) for job in JOBS)


def test_each_change_is_tested_and_each_tag_released() -> None:
    """A release is made of what has passed."""
    assert ".ci/run" in commands("test")
    assert "make release" in commands("release")
    assert JOBS["release"]["needs"] == "test"
    assert (REPOSITORY / ".ci" / "run").exists()
