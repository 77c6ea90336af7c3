"""`python -m tests.chaos.soak [--hours 1] [--rate 12]`: attempts at a steady rate, and what the operator uses.

The environment that PERAGO_ENV names must be up. RATE is attempts a minute, most of them without a workspace. Each half
minute the leader's metrics are read: memory, open file descriptors (connections are among them), CPU time. In the end
they are printed as curves, the auditor judges the attempts, and the last line is the verdict.
"""

import argparse
import os
import re
import sys
import threading
import time
from collections import defaultdict

from perago_dev import environment
from perago_dev.environment import DEFAULT_NAME
from perago_dev.errors import CommandFailed
from tests.chaos.curve import Series
from tests.chaos.installation import made_folder, prepare
from tests.chaos.load import Load
from tests.chaos.stage import Stage
from tests.chaos.surroundings import audit, settle, witnessed
from tests.e2e.installation import installed

AT_ONCE = 6
ENDED_TTL = 60
"""Seconds: what has ended is not to fill the cluster."""
EVERY = 30.0
MIB = 2**20
PERIOD = ("free", "free", "mixed", "free", "free", "fails")
"""Workflows in turn; they make seven attempts."""
ATTEMPTS_OF_PERIOD = 7
MEASURED = {"memory MiB": ("process_resident_memory_bytes", MIB, 8.0), "open fds": ("process_open_fds", 1, 8.0)}
"""Series → metric, unit, and growth in that unit that says nothing: one connection more to each server, and buffers."""


class Samples:
    """The leader's metrics over time, and the attempts that the cluster holds."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.series: dict[str, list[float]] = defaultdict(list)
        self.leaders: set[str] = set()

    def take(self) -> None:
        """One sample; none while the API server does not answer."""
        try:
            leader = self._stage.leader()
            path = f"/api/v1/namespaces/{self._stage.cluster.namespace}/pods/{leader}:8080/proxy/metrics"
            text = self._stage.ask("get", "--raw", path)
            attempts = self._stage.json("get", "peragoattempts")["items"]
        except CommandFailed as failed:
            self._stage.journal(f"no sample: {str(failed).splitlines()[-1][:150]}")
            return
        self.leaders.add(leader)
        for name, (metric, unit, _) in MEASURED.items():
            self.series[name].append(value(text, metric) / unit)
        self.series["attempts in the cluster"].append(len(attempts))

    def keep_going(self, over: threading.Event) -> None:
        """A sample each half minute until it is over."""
        while not over.wait(EVERY):
            self.take()


def value(metrics: str, name: str) -> float:
    """One metric without labels, of what /metrics answers."""
    found = re.search(rf"^{name} (\S+)$", metrics, re.MULTILINE)
    if found is None:
        raise SystemExit(f"soak: the operator has no metric {name}")
    return float(found[1])


def main() -> int:
    """Run it; 0 when everything is flat and the auditor finds nothing wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.soak", description=__doc__)
    parser.add_argument("--hours", type=float, default=1)
    parser.add_argument("--rate", type=float, default=12, help="attempts a minute")
    given = parser.parse_args()
    env = environment.load(os.environ.get("PERAGO_ENV", DEFAULT_NAME))
    run, folder = made_folder(env, "soak")
    stage = prepare(env, folder, replicas=1)
    load = Load(run, env, installed(env.name).image, stage.journal, ttl=ENDED_TTL)
    stage.cluster.apply(load.register())
    count = round(given.hours * 60 * given.rate / ATTEMPTS_OF_PERIOD * len(PERIOD))
    stage.journal(f"run {run}: {count} workflows in {given.hours} h, files in {folder}")
    samples, over = Samples(stage), threading.Event()
    sampling = threading.Thread(target=samples.keep_going, args=(over,))
    with witnessed(stage, folder):
        sampling.start()
        load.keep_going((PERIOD * count)[:count], given.hours * 3600, AT_ONCE, over)
        load.finish(time.monotonic() + 600)
        over.set()
        sampling.join()
        settle(stage, load)
    counted, code = audit(stage, load, folder)
    return max(code, _judge(stage, samples, counted))


def _judge(stage: Stage, samples: Samples, counted: dict[str, int]) -> int:
    series = [Series(name, samples.series[name], slack) for name, (_, _, slack) in MEASURED.items()]
    for one in (*series, Series("attempts in the cluster", samples.series["attempts in the cluster"], 0)):
        stage.journal(one.line())
    grown = ", ".join(f"{one.name} {one.growth:+.1f}" for one in series)
    flat = all(one.is_flat for one in series) and len(samples.leaders) == 1
    wrong = sum(counted[kind] for kind in ("lost", "doubled", "leaked"))
    verdict = "flat" if flat else "NOT FLAT"
    if len(samples.leaders) != 1:
        verdict += f" (led by {len(samples.leaders)} processes)"
    stage.journal(f"soak: {counted['attempts']} attempts, violations: {wrong}, {grown}: {verdict}")
    return 0 if flat and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
