"""Wrong addresses, paths and keys are said when the operator starts, and an outage later on is told from them."""

import asyncio
from collections.abc import Iterator

import pytest
from loguru import logger

from perago_operator.ports import NotFound, PortError, Refused, Unreachable, complaints
from perago_operator.process import preflight as process
from perago_operator.process.preflight import Finding, Preflight, Server, judged, servers
from tests.fakes.conductor import FakeConductor
from tests.fakes.faulty import raising
from tests.fakes.versions import FakeVersions
from tests.fakes.waiting import until

UNAUTHORIZED = Refused("HTTP 401: wrong key", status=401, message="wrong key")
AWAY = Unreachable("connection refused")


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What is logged."""
    found: list[str] = []
    sink = logger.add(lambda message: found.append(message.record["message"]))
    yield found
    logger.remove(sink)


def preflight(conductor: FakeConductor, versions: FakeVersions) -> Preflight:
    """Over fakes at addresses of their names."""
    return Preflight(servers(conductor, versions), lambda name: f"http://{name.lower()}")


async def asked(subject: Preflight) -> list[str]:
    """What keeps the replica from being ready once both servers were asked."""
    names: tuple[Server, Server] = ("Conductor", "lakeFS")
    for name in names:
        await subject.ask(name)
    return complaints(subject.checks())


async def test_a_replica_is_ready_once_both_servers_have_answered() -> None:
    """That lakeFS has no such repository is an answer."""
    subject = preflight(FakeConductor(), FakeVersions())
    assert complaints(subject.checks()) == [
        "Conductor: at http://conductor: it has not been asked yet",
        "lakeFS: at http://lakefs: it has not been asked yet",
    ]
    assert await asked(subject) == []
    assert dict(subject.gauge().read()) == {("Conductor",): 1.0, ("lakeFS",): 1.0}


async def test_a_server_that_refuses_is_named_with_its_address_and_its_words(lines: list[str]) -> None:
    """In the log and by readiness; once, however often it is asked."""
    versions = FakeVersions()
    versions.faults.on("staging_branches", raising(UNAUTHORIZED), times=2)
    subject = preflight(FakeConductor(), versions)
    assert await asked(subject) == ["lakeFS: at http://lakefs: HTTP 401: wrong key"]
    await asked(subject)
    said = "lakeFS at http://lakefs cannot be used: HTTP 401: wrong key"
    assert [line for line in lines if "cannot be used" in line] == [said]
    assert await asked(subject) == []
    assert lines[-1] == "lakeFS at http://lakefs can be used"


@pytest.mark.parametrize(
    ("error", "good"),
    [
        (None, True),
        (NotFound("no such repository"), True),
        (Refused("forbidden", status=403, message="forbidden"), True),
        (UNAUTHORIZED, False),
        (Refused("redirected", status=302, message="redirected"), False),
        (AWAY, False),
    ],
)
def test_an_answer_of_the_right_server_is_good(error: PortError | None, good: bool) -> None:
    """It need not grant what is asked: only address, path and keys are tried."""
    assert (judged(Finding(), error).wrong is None) is good


def test_an_outage_leaves_a_replica_ready_that_was_ready() -> None:
    """One whose server was never there is not, and one whose keys are refused ceases to be."""
    good = judged(Finding(), None)
    assert judged(Finding(), AWAY).complaint == "connection refused"
    assert judged(good, AWAY).complaint is None
    assert judged(good, AWAY).wrong == "connection refused"
    assert judged(good, UNAUTHORIZED).complaint == "HTTP 401: wrong key"
    assert judged(judged(good, UNAUTHORIZED), AWAY).complaint is None


@pytest.mark.parametrize("good", [True, False])
async def test_both_servers_are_asked_again_and_again(good: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the replica ends, whether or not they can be used."""
    for name in ("RIGHT_SECONDS", "WRONG_SECONDS"):
        monkeypatch.setattr(process, name, 0.0)
    conductor, versions = FakeConductor(), FakeVersions()
    if not good:
        conductor.faults.on("queue_size", raising(UNAUTHORIZED), times=None)
        versions.faults.on("staging_branches", raising(UNAUTHORIZED), times=None)
    running = asyncio.create_task(preflight(conductor, versions).run())
    try:
        await until(lambda: conductor.faults.seen.count("queue_size") >= 2)
        await until(lambda: versions.faults.seen.count("staging_branches") >= 2)
        assert not running.done()
    finally:
        running.cancel()
