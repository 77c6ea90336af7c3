"""What the environment itself must hold for longer than a test run."""

import pytest

from perago_dev.host.preflight import provider
from tests.e2e.installation import Installation

MAP = ("nft", "list", "map", "ip", "kube-proxy", "service-nodeports")


@pytest.mark.skipif(provider() != "podman", reason="on Docker kind's own node image runs kube-proxy")
def test_kube_proxy_reads_its_own_rules_back_by_name(installation: Installation) -> None:
    """It compares them once an hour, and would delete every service of which it reads `6` where it wrote `tcp`."""
    listed = installation.cluster("kube-system")("exec", "ds/kube-proxy", "--", *MAP)
    assert "tcp . 30800" in listed, listed
