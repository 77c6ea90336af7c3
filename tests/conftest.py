"""What applies to every tier: no proxy for servers of this host, the same examples in every run, ids that stay."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import settings

from perago_dev.host import proxies
from tests import shares

os.environ.update(proxies.exempted(os.environ))

settings.register_profile("perago", deadline=None, derandomize=True, database=None)
settings.load_profile("perago")
"""The same examples in every run, however slow the machine. What others show becomes a case of its own in the tests."""


ADDRESS = re.compile(r"0x[0-9a-f]{6,}")


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Refuse ids that hold an object's address: each worker has others, and none could be run again by its id."""
    if unstable := [item.nodeid for item in items if ADDRESS.search(item.nodeid)]:
        raise pytest.UsageError(f"ids that differ from run to run; give these cases ids of their own: {unstable}")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave to the other workers of a run of all tests what is theirs (`tests/shares.py`)."""
    share = os.environ.get(shares.ENVIRONMENT_VARIABLE)
    if share is None:
        return None
    path = collection_path.relative_to(config.rootpath).as_posix()
    is_ours = shares.has_part_in(path, share) if collection_path.is_dir() else shares.share_of(path) == share
    return None if is_ours else True


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many bodies were compared between `perago run` and a pod, and how many of them differed."""
    reports = {outcome: terminalreporter.stats.get(outcome, []) for outcome in ("passed", "failed", "error")}
    counts = {
        outcome: len({name for report in found for name in _compared(report)}) for outcome, found in reports.items()
    }
    if total := sum(counts.values()):
        terminalreporter.write_line(f"parity: {total} bodies, differences: {total - counts['passed']}")


def _compared(report: pytest.TestReport | pytest.CollectReport) -> list[str]:
    """The body that a test compared, if it is one of those tests; a module that cannot be imported has none."""
    return [str(value) for name, value in getattr(report, "user_properties", ()) if name == "parity"]
