"""`python -m tests.chaos [--attempts 200] [--faults WORDS] [--seed N] [--rounds N] [--minutes N]`: see `tests.chaos`.

The environment that PERAGO_ENV names must be up with two workers or more. The faults follow from the seed; WORDS choose
those whose name contains one of them (separated by commas). The journal, what the witness saw, and the operators' logs
stay in a folder that the run names.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from perago_dev import environment
from perago_dev.environment import DEFAULT_NAME
from tests.chaos import installation
from tests.chaos.faults import TABLE, Fault
from tests.chaos.faults.operators import deployment
from tests.chaos.load import SHAPES, Load
from tests.chaos.logs import kept_logs
from tests.chaos.plan import length, schedule, workflows
from tests.chaos.running import Running
from tests.chaos.stage import NAMESPACE, Stage
from tests.e2e.installation import installed
from tests.kubectl import Object

AT_ONCE = 8
KINDS_OF_WITNESS = ("Pod", "PeragoAttempt")
SETTLING = 300.0
"""Seconds in which what has ended is cleaned up."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--attempts", type=int, default=200)
    parser.add_argument("--faults", default="", help="words, separated by commas; default: all faults")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=6, help="rounds of several faults at once")
    parser.add_argument("--minutes", type=float, default=60, help="no run takes much longer")
    return parser.parse_args()


def main() -> int:
    """Run it; 0 when the auditor finds nothing wrong."""
    given = _arguments()
    env = environment.load(os.environ.get("PERAGO_ENV", DEFAULT_NAME))
    run, folder = installation.made_folder(env, "chaos")
    stage = installation.prepare(env, folder)
    stage.journal(f"run {run}, seed {given.seed}, files in {folder}")
    load = Load(run, env, installed(env.name).image, stage.journal)
    stage.cluster.apply(load.register())
    with witnessed(stage, folder):
        faults = _let_loose(stage, load, _chosen(given.faults, stage), given)
        settle(stage, load)
    counted, code = audit(stage, load, folder)
    found = ", ".join(f"{kind}: {counted[kind]}" for kind in ("lost", "doubled", "leaked"))
    stage.journal(f"chaos: {counted['attempts']} attempts, faults: {faults}, {found}")
    return code


def _chosen(words: str, stage: Stage) -> Mapping[str, Fault]:
    chosen = {name: fault for name, fault in TABLE.items() if any(word in name for word in words.split(","))}
    if len(stage.workers) < 2:
        stage.journal("nodes are left alone: the environment has fewer than two workers")
        chosen = {name: fault for name, fault in chosen.items() if fault.kind.hits != "nodes"}
    return chosen


def _let_loose(stage: Stage, load: Load, faults: Mapping[str, Fault], given: argparse.Namespace) -> int:
    """Faults and workflows side by side; the number of faults that happened."""
    planned = schedule({name: fault.kind for name, fault in faults.items()}, given.seed, given.rounds)
    chosen = workflows({name: shape.attempts for name, shape in SHAPES.items()}, given.attempts, given.seed)
    stage.journal(f"{len(chosen)} workflows, {len(planned)} faults in {length(planned):.0f} s")
    running = Running(stage, faults, planned)
    limit = time.monotonic() + given.minutes * 60
    running.start()
    load.keep_going(chosen, length(planned), AT_ONCE, running.at(limit))
    running.join()
    left = load.finish(limit)
    stage.journal(f"{len(load.started)} workflows started, {len(left)} still open")
    return running.happened


def settle(stage: Stage, load: Load) -> None:
    """Wait until nothing is left to do, or for long enough."""
    end = time.monotonic() + SETTLING
    while time.monotonic() < end:
        attempts = stage.json("get", "peragoattempts")["items"]
        pods = stage.json("get", "pods", "-l", "perago.dev/attempt")["items"]
        busy = [one for one in attempts if one["metadata"].get("finalizers") or load.goes_by_itself(one)]
        if not (pods or busy):
            return
        time.sleep(3)
    stage.journal(f"not settled after {SETTLING:.0f} s: {len(busy)} attempts, {len(pods)} pods")


@contextmanager
def witnessed(stage: Stage, folder: Path) -> Iterator[None]:
    """In this block the auditor's witness writes down what it sees, and the operators' logs are kept."""
    words = [str(stage.env.kubeconfig), NAMESPACE, str(folder / "sightings.jsonl")]
    command = [sys.executable, "-m", "tests.chaos.auditor.witness", *words]
    witness = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert witness.stdout is not None
    try:
        for _ in KINDS_OF_WITNESS:
            witness.stdout.readline()  # it has read the first list
        with kept_logs(stage, folder):
            yield
    finally:
        witness.terminate()
        witness.wait()


def audit(stage: Stage, load: Load, folder: Path) -> tuple[dict[str, int], int]:
    """What the auditor counts, and how it ends; it prints what it finds."""
    env, file = stage.env, folder / "audit.json"
    file.write_text(json.dumps(_request(stage, load, folder), indent=2))
    command = [sys.executable, "-m", "tests.chaos.auditor", str(file)]
    keys = {"LAKEFS_ACCESS_KEY_ID": env.lakefs_access_key, "LAKEFS_SECRET_ACCESS_KEY": env.lakefs_secret_key}
    done = subprocess.run(command, env={**os.environ, **keys}, stdout=subprocess.PIPE, text=True)
    *lines, last = done.stdout.splitlines() or [""]
    for line in lines:
        stage.journal(line)
    if not last.startswith("{"):
        raise SystemExit(f"chaos: the auditor ended with {done.returncode}: {last}")
    return json.loads(last), done.returncode


def _request(stage: Stage, load: Load, folder: Path) -> Object:
    env = stage.env
    servers = {
        "kubeconfig": str(env.kubeconfig),
        "namespace": NAMESPACE,
        "conductor": env.conductor_url,
        "lakefs": env.lakefs_endpoint,
    }
    expected = {**load.expected(), "leases": [deployment(stage)]}
    return {"servers": servers, "expected": expected, "sightings": str(folder / "sightings.jsonl")}


if __name__ == "__main__":
    sys.exit(main())
