"""What the environment itself must hold for longer than a test run."""

import pytest

from perago_dev.host import processes
from perago_dev.host.preflight import provider
from perago_dev.servers import lakefs, workloads
from tests.e2e.installation import Installation
from tests.e2e.repository import Repository

MAP = ("nft", "list", "map", "ip", "kube-proxy", "service-nodeports")


@pytest.mark.skipif(provider() != "podman", reason="on Docker kind's own node image runs kube-proxy")
def test_kube_proxy_reads_its_own_rules_back_by_name(installation: Installation) -> None:
    """It compares them once an hour, and would delete every service of which it reads `6` where it wrote `tcp`."""
    listed = installation.cluster("kube-system")("exec", "ds/kube-proxy", "--", *MAP)
    assert "tcp . 30800" in listed, listed


def test_lakefs_keeps_what_it_holds_when_its_pod_goes(installation: Installation, repository: Repository) -> None:
    """The next pod has the same keys and repositories, at the same address."""
    env = installation.env
    if env.lakectl is None:
        pytest.skip("the environment uses a lakeFS that was given")
    head = repository.head()
    installation.cluster(workloads.NAMESPACE)("delete", "pods", "-l", f"app={lakefs.NAME}")
    processes.wait_until(lambda: processes.answers(env.lakefs_endpoint + lakefs.HEALTH), 60, "lakeFS's next pod")
    assert repository.head() == head
    assert repository.files()["kept/deep.txt"] == b"first kept/deep.txt"
