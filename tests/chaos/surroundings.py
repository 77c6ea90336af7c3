"""What surrounds a run: the witness and the logs, the wait until nothing is left to do, and the audit."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from perago_dev.errors import CommandFailed
from tests.chaos.load import Load
from tests.chaos.logs import kept_logs
from tests.chaos.stage import NAMESPACE, OPERATOR, Stage
from tests.kubectl import Object

KINDS_OF_WITNESS = ("Pod", "PeragoAttempt")
SETTLING = 300.0
"""Seconds in which what has ended is cleaned up."""


def settle(stage: Stage, load: Load) -> None:
    """Wait until nothing is left to do, or for long enough, whether or not the API server answers meanwhile."""
    end, last = time.monotonic() + SETTLING, "nothing is known"
    while time.monotonic() < end:
        try:
            last = _left(stage, load)
        except CommandFailed as failed:
            last = str(failed).splitlines()[-1]
        if not last:
            return
        time.sleep(3)
    stage.journal(f"not settled after {SETTLING:.0f} s: {last}")


def _left(stage: Stage, load: Load) -> str:
    """What is left to do; an empty text when nothing is."""
    attempts = stage.json("get", "peragoattempts")["items"]
    pods = stage.json("get", "pods", "-l", "perago.dev/attempt")["items"]
    busy = [one for one in attempts if one["metadata"].get("finalizers") or load.goes_by_itself(one)]
    return f"{len(busy)} attempts, {len(pods)} pods" if busy or pods else ""


@contextmanager
def witnessed(stage: Stage, folder: Path) -> Iterator[None]:
    """In this block the auditor's witness writes down what it sees, and the operators' logs are kept."""
    words = [str(stage.env.kubeconfig), NAMESPACE, str(folder / "sightings.jsonl")]
    with witnessing([sys.executable, "-m", "tests.chaos.auditor.witness", *words]), kept_logs(stage, folder):
        yield


@contextmanager
def witnessing(command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """In this block the witness runs; it has read the first lists. Raises SystemExit when it ends before the block."""
    witness = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert witness.stdout is not None
    try:
        listed = [witness.stdout.readline().strip() for _ in KINDS_OF_WITNESS]
        if sorted(listed) != sorted(KINDS_OF_WITNESS):
            raise SystemExit(f"chaos: the witness has listed {listed}, not {list(KINDS_OF_WITNESS)}")
        yield witness
        if (code := witness.poll()) is not None:
            raise SystemExit(f"chaos: the witness ended with {code} during the run")
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
    expected = {**load.expected(), "leases": [OPERATOR]}
    return {"servers": servers, "expected": expected, "sightings": str(folder / "sightings.jsonl")}
