"""What the environment's servers keep when they are restarted."""

import pytest

from perago_dev.host import processes
from perago_dev.servers import lakefs, workloads
from tests.e2e.installation import Installation
from tests.e2e.repository import Repository


@pytest.mark.alone
def test_lakefs_keeps_what_it_holds_when_its_pod_goes(installation: Installation, repository: Repository) -> None:
    """The next pod has the same keys and repositories, at the same address."""
    env = installation.env
    if env.lakectl is None:
        pytest.skip("the environment uses a lakeFS that was given")
    head = repository.head()
    installation.cluster(workloads.NAMESPACE)("delete", "pods", "-l", f"app={lakefs.NAME}")
    processes.wait_until(lambda: processes.answers(env.lakefs_endpoint + lakefs.HEALTH), 240, "lakeFS's next pod")
    assert repository.head() == head
    assert repository.files()["kept/deep.txt"] == b"first kept/deep.txt"
