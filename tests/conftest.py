"""What applies to every tier: no proxy for servers of this host, and how tests are distributed over workers."""

import os

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from perago_dev.host import proxies

os.environ.update(proxies.exempted(os.environ))

settings.register_profile("perago", deadline=None, derandomize=True, database=None)
settings.load_profile("perago")
"""The same examples in every run, however slow the machine; what was once found stands in the tests as `@example`."""


class Spread(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """What shares a server or the environment stays on one worker, in order.

    That is a module of end-to-end tests, a folder of contract tests (no server is started twice), a module of unit
    tests (its imports are paid once).
    """

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return "/".join(module.split("/")[:3]) if module.startswith("tests/contract/") else module


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Spread:
    """Our own way to spread, whatever `--dist` says."""
    return Spread(config, log)
