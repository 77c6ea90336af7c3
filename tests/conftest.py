"""What holds for every tier: no proxy between a test and a server of this host, and how tests are spread over workers.

What shares a server or the environment stays on one worker, in order.
"""

import os
from pathlib import Path

import pytest

from perago_dev import proxies

TESTS = Path(__file__).parent

os.environ.update(proxies.exempted(os.environ))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A group per folder of tests with servers, so that no server is started twice; unit tests go anywhere."""
    for item in items:
        tier, folder, *_ = [*item.path.relative_to(TESTS).parts, "", ""]
        if tier == "e2e":
            item.add_marker(pytest.mark.xdist_group("e2e"))
        elif tier == "contract":
            item.add_marker(pytest.mark.xdist_group(folder))
