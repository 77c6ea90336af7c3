"""What applies to every tier: no proxy for servers of this host, and how tests are distributed over workers."""

import os
import re
from collections.abc import Sequence

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from perago_dev.host import proxies

os.environ.update(proxies.exempted(os.environ))

settings.register_profile("perago", deadline=None, derandomize=True, database=None)
settings.load_profile("perago")
"""The same examples in every run, however slow the machine; what was once found stands in the tests as `@example`."""


ADDRESS = re.compile(r"0x[0-9a-f]{6,}")


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Refuse ids that hold an object's address: each worker has others, and none could be run again by its id."""
    if unstable := [item.nodeid for item in items if ADDRESS.search(item.nodeid)]:
        raise pytest.UsageError(f"ids that differ from run to run; give these cases ids of their own: {unstable}")


LONG = tuple(f"tests/e2e/test_{name}.py" for name in ("bad_input", "crashes", "demo", "parity"))
"""End-to-end modules that take as long as all others together; like these, they wait most of the time."""


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


ON_LAKEFS = frozenset({"agent", "branches", "lakefs", "objects", "races", "versions"})
"""Folders of contract tests that need a lakeFS; the others share an API server."""


class Spread(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """What shares a server or the environment stays on one worker, in order.

    That is all end-to-end tests but the long modules, the contract tests with one kind of server (none is started
    twice), a module of unit tests (its imports are paid once).
    """

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        if module in LONG or module.startswith("tests/unit/"):
            return module
        _, tier, folder, *_ = module.split("/")
        if tier == "contract":
            return "lakefs" if folder in ON_LAKEFS else "cluster"
        return tier


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Spread:
    """Our own way to spread, whatever `--dist` says."""
    return Spread(config, log)
