"""A running environment with the chart installed, and for each test what it works with."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from perago_dev.host.locks import exclusive
from tests import environment
from tests.e2e.flow import Flow
from tests.e2e.gate import Gate
from tests.e2e.installation import INSIDE, OWN, Installation, install, installed
from tests.e2e.operator_process import OperatorProcess
from tests.e2e.repository import Repository
from tests.faults.proxy import proxied
from tests.kubectl import eventually


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory, testrun_uid: str) -> Installation:
    """The environment that `PERAGO_ENV` names, with the chart installed once for all workers of this run.

    A test without an environment fails.
    """
    name = environment.name()
    shared = tmp_path_factory.getbasetemp().parent
    done = shared / f"installed-{testrun_uid}"
    with exclusive(shared / f"installed-{testrun_uid}.lock", "the installation"):
        if not done.exists():
            install(name)
            done.touch()
    return installed(name)


@pytest.fixture(autouse=True)
def undisturbed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, testrun_uid: str
) -> Iterator[None]:
    """A test marked `alone` restarts what others rely on, so it waits for them on every worker, and they for it."""
    alone = request.node.get_closest_marker("alone") is not None
    with environment.undisturbed(tmp_path_factory, testrun_uid, alone=alone):
        yield


@pytest.fixture(scope="module")
def flow(installation: Installation, request: pytest.FixtureRequest) -> Flow:
    """Workflows whose attempts the operator in the cluster runs; the task types are this module's own."""
    module = request.module.__name__.rpartition("test_")[2].replace("_", "-")
    return installation.flow(f"{INSIDE}-{module}")


@pytest.fixture
def repository(installation: Installation) -> Iterator[Repository]:
    """A repository of the test's own, deleted afterwards, when no branch of an attempt is left in it."""
    made = installation.repository(f"e2e-{uuid4().hex[:12]}")
    yield made
    eventually(lambda: made.staging_branches() == [] or None, "the end of the staging branches", 60)
    made.delete()


@pytest.fixture
def own_flow(installation: Installation) -> Flow:
    """Workflows whose attempts the test's own operator runs."""
    return installation.flow(OWN, OWN)


@pytest.fixture(scope="module")
def gate(installation: Installation) -> Iterator[Gate]:
    """What the test's own operator sees of Conductor."""
    with proxied(installation.env.conductor_url) as proxy:
        yield Gate(proxy)


@pytest.fixture(scope="module")
def operator_process(
    installation: Installation, gate: Gate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """An operator for the tests of one module, which starts with no attempt of an earlier run."""
    folder = tmp_path_factory.mktemp("operator")
    operator = OperatorProcess(_own_variables(installation, gate, folder), folder / "operator.log")
    operator.start()
    try:
        installation.cluster(OWN)("delete", "peragoattempts", "--all", "--timeout=100s")
        yield operator
    finally:
        operator.stop()


def _own_variables(installation: Installation, gate: Gate, folder: Path) -> dict[str, str]:
    env = installation.env
    keys = {
        "endpoint": env.lakefs_endpoint,
        "accessKeyId": env.lakefs_access_key,
        "secretAccessKey": env.lakefs_secret_key,
    }
    for name, value in keys.items():
        (folder / name).write_text(value)
    settings = {
        "PERAGO_NAMESPACES": OWN,
        "PERAGO_RUNNER_IMAGE": env.runner_image,
        "PERAGO_LAKEFS_KEYS": str(folder),
        "PERAGO_CONDUCTOR_URL": gate.address,
        "PERAGO_LEASE_NAMESPACE": OWN,
        "PERAGO_IDENTITY": "own",  # a second process of this name takes over from a killed one at once
        "PERAGO_HTTP_HOST": "127.0.0.1",
        "PERAGO_HTTP_PORT": "0",
    }
    return installation.variables() | settings


@pytest.fixture
def own_operator(
    installation: Installation, gate: Gate, operator_process: OperatorProcess
) -> Iterator[OperatorProcess]:
    """A running operator that the test may kill; afterwards its attempts are deleted, finalizers and all."""
    gate.reset()
    operator_process.restart_if_ended()
    yield operator_process
    gate.reset()
    cluster = installation.cluster(OWN)
    cluster("delete", "peragotasks", "--all")
    operator_process.restart_if_ended()
    cluster("delete", "peragoattempts", "--all", "--timeout=100s")


def _secret(installation: Installation, name: str, **data: str) -> str:
    env = installation.env
    given = {
        "endpoint": env.lakefs_cluster_endpoint,
        "accessKeyId": env.lakefs_access_key,
        "secretAccessKey": env.lakefs_secret_key,
    }
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": given | data}
    installation.cluster(INSIDE).apply([secret])
    return name


@pytest.fixture
def wrong_keys(installation: Installation) -> str:
    """Name of a Secret with keys that lakeFS does not know."""
    return _secret(installation, "wrong-keys", secretAccessKey="wrong-secret")


@pytest.fixture
def no_lakefs(installation: Installation) -> str:
    """Name of a Secret with an address where nothing listens."""
    return _secret(installation, "no-lakefs", endpoint="http://127.0.0.1:9")
