"""`python -m tests.chaos [--attempts 200] [--faults WORDS] [--seed N] [--rounds N] [--minutes N]`: see `tests.chaos`.

The environment that PERAGO_ENV names must be up with two workers or more. The faults follow from the seed; WORDS choose
those whose name contains one of them (separated by commas). The journal, what the witness saw, and the operators' logs
stay in a folder that the run names.
"""

import argparse
import os
import sys
import time
from collections.abc import Mapping

from perago_dev import environment
from perago_dev.environment import DEFAULT_NAME
from tests.chaos import installation
from tests.chaos.faults import TABLE, Fault
from tests.chaos.load import SHAPES, Load
from tests.chaos.plan import length, schedule, workflows
from tests.chaos.running import Running
from tests.chaos.stage import Stage
from tests.chaos.surroundings import audit, settle, witnessed
from tests.e2e.installation import installed

AT_ONCE = 8


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--attempts", type=int, default=200)
    parser.add_argument("--faults", default="", help="words, separated by commas; default: all faults")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=6, help="rounds of several faults at once")
    parser.add_argument("--minutes", type=float, default=60, help="no run takes much longer")
    return parser.parse_args()


def main() -> int:
    """Run it; 0 when the auditor finds nothing wrong in what was put to the test."""
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
    stage.journal(f"chaos: {counted['attempts']} attempts, faults: {faults.happened}, {found}")
    return ended(code, counted["attempts"], faults)


def ended(code: int, attempts: int, faults: Running) -> int:
    """How the run ends, after what the auditor says: 2 when a fault has stayed, none has happened, or nothing ran."""
    return max(code, 2 if faults.failures or not faults.happened or not attempts else 0)


def _chosen(words: str, stage: Stage) -> Mapping[str, Fault]:
    chosen = {name: fault for name, fault in TABLE.items() if any(word in name for word in words.split(","))}
    if len(stage.workers) < 2:
        stage.journal("nodes are left alone: the environment has fewer than two workers")
        chosen = {name: fault for name, fault in chosen.items() if fault.kind.hits != "nodes"}
    return chosen


def _let_loose(stage: Stage, load: Load, faults: Mapping[str, Fault], given: argparse.Namespace) -> Running:
    """Faults and workflows side by side; the faults when they are over."""
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
    return running


if __name__ == "__main__":
    sys.exit(main())
