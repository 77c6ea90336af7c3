"""What the probes say of a replica, and the numbers that Prometheus reads."""

import asyncio

from perago_operator.ports import complaints
from tests import builders as b
from tests.fakes.waiting import until
from tests.unit.perago_operator.replica import Replica


async def test_a_silent_watch_is_a_complaint_only_while_working() -> None:
    """A standby watches nothing and is alive."""
    replica = Replica()
    health = replica.operator.health(bytes)
    replica.seconds = 301.0
    assert complaints(health.alive) == []
    running = asyncio.create_task(replica.operator.work.run())
    await until(lambda: replica.operator.work.working)
    replica.seconds += 301.0
    silent = "nothing heard from the API server for 301 s"
    assert complaints(health.alive) == [f"watch attempts: {silent}", f"watch pods: {silent}"]
    running.cancel()
    replica.operator.work.kill()


def test_a_watch_that_audits_find_behind_is_a_complaint() -> None:
    """kopf's watches cannot be asked when they last heard something."""
    replica = Replica()
    replica.operator.work.audits[0].behind = 3
    assert complaints(replica.operator.health(bytes).alive) == ["watch tasks: 3 audits in a row found it behind"]


async def test_a_standby_is_ready_and_a_leader_once_everything_is_listed() -> None:
    """A standby is ready to take over, once lakeFS and Conductor have answered it."""
    replica = Replica()
    health = replica.operator.health(bytes)
    assert len(complaints(health.ready)) == 2
    await replica.operator.preflight.ask("lakeFS")
    await replica.operator.preflight.ask("Conductor")
    assert complaints(health.ready) == []
    replica.watch_begins.clear()
    running = asyncio.create_task(replica.operator.life.run())
    await until(lambda: replica.operator.leadership.leading)
    assert complaints(health.ready) == ["work: attempts, tasks and pods are being listed"]
    replica.watch_begins.set()
    await until(lambda: complaints(health.ready) == [])
    replica.stop.set()
    await running


async def test_attempts_are_counted_by_phase_and_result() -> None:
    """And the outcomes that Conductor has not got yet, the pods, and whether this replica leads."""
    replica = Replica()
    stores = replica.operator.stores
    stores.attempts.put(b.attempt(status={"phase": "Running"}))
    finishing = {"phase": "Finishing", "outcome": b.completed(), "reporting": {"state": "Pending"}}
    stores.attempts.put(b.attempt(meta={"name": "a2", "uid": "uid-a2"}, status=finishing))
    stores.pods.put(b.pod())
    read = {gauge.name: dict(gauge.read()) for gauge in replica.operator.gauges()}
    assert read["perago_attempts"] == {("Running", ""): 1, ("Finishing", "COMPLETED"): 1}
    assert read["perago_reports_pending"] == {(): 1}
    assert (read["perago_pods"], read["perago_leader"]) == ({(): 1}, {(): 0.0})


def test_the_oldest_outcome_tells_how_late_reports_are() -> None:
    """One that was accepted counts no more, however many come after it."""
    replica = Replica()
    attempts = replica.operator.stores.attempts
    (oldest,) = (gauge for gauge in replica.operator.gauges() if gauge.name == "perago_reports_oldest_seconds")
    pending = {"outcome": b.completed(), "reporting": {"state": "Pending"}}

    def age() -> float:
        return dict(oldest.read())[()]

    assert age() == 0
    attempts.put(b.attempt(status=pending))
    assert age() == 0
    replica.seconds += 60
    attempts.put(b.attempt(meta={"name": "a2", "uid": "uid-a2"}, status=pending))
    assert age() == 60
    attempts.put(b.attempt(meta={"resourceVersion": "2"}, status=pending | {"reporting": {"state": "Accepted"}}))
    replica.seconds += 5
    assert age() == 5
