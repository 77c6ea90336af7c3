"""How many attempts a second the operator manages, and at which cost, beside other controllers in the same run.

Run `python -m bench.scale [--count 1000] [CASE …]`. The control plane is real and on loopback: etcd, API server,
scheduler; KWOK takes the place of the kubelets. The operator is the real process. The agents run in this process, and
report through the same code as in pods: a task without a workspace that completes at once. A Job's pod completes at
once, too. Everything is complete when its object says so and nothing is held any more; for attempts that includes that
their pods are deleted, which Jobs leave to their time to live.

Jobs are measured with the controller manager's own settings (a fifth of the count, since the rate is the settings'),
and with those for scale: no throttling and 20 workers. Argo Workflows has one step a workflow and its manual's settings
for scale; its pods complete at once as well, and stay. The last line is JSON. Writes are counted in the API server's
audit log by user agent.
"""

import argparse
import asyncio
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from loguru import logger

from bench.scale_argo import workflows
from bench.scale_attempts import attempts, limited
from bench.scale_jobs import jobs
from perago_dev.servers import controlplane
from perago_dev.servers.controlplane import ControlPlane

NODES = 4
Case = Callable[[ControlPlane, int, Path | None], dict[str, Any]]
CRDS = Path(__file__).parents[1] / "crds"
STOCK_SHARE = 5
PEERS = ("jobs-stock", "jobs-tuned", "argo")

CASES: dict[str, Case] = {
    "jobs-stock": lambda plane, count, _: asyncio.run(jobs(plane, max(count // STOCK_SHARE, 20), tuned=False)),
    "jobs-tuned": lambda plane, count, _: asyncio.run(jobs(plane, count, tuned=True)),
    "argo": lambda plane, count, _: asyncio.run(workflows(plane, count)),
    "attempts": lambda plane, count, sources: asyncio.run(attempts(plane, count, sources)),
    "attempts-limited": lambda plane, count, sources: asyncio.run(limited(plane, count, sources)),
}


def main() -> int:
    """Print one line for each case, and all of them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", choices=[*CASES, []], help="which cases; all of them unless given")
    parser.add_argument("--count", type=int, default=1000, help="how many objects each case has")
    parser.add_argument("--sources", type=Path, help="a checkout whose operator is measured, to compare two versions")
    arguments = parser.parse_args()
    logger.disable("perago.agent")
    with tempfile.TemporaryDirectory(prefix="perago-scale-") as folder:
        measured = measure(Path(folder), arguments.cases or list(CASES), arguments.count, arguments.sources)
    print(json.dumps({"bench": "scale", "case": compared(measured)}))
    return 0


def measure(folder: Path, cases: list[str], count: int, sources: Path | None) -> dict[str, dict[str, Any]]:
    """The figures of each case, one after the other on one control plane."""
    measured = {}
    with controlplane.local(folder, nodes=NODES) as plane:
        plane.kubectl("apply", "--server-side", "-f", str(CRDS))
        plane.kubectl("wait", "--for=condition=Established", "--timeout=240s", "crd", "--all")
        for name in cases:
            measured[name] = CASES[name](plane, count, sources)
            print(name, json.dumps(measured[name]), flush=True)
    return measured


def compared(measured: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """With the ratios to the others' rates, where those were measured."""
    baselines = {f"ratio_{name.replace('-', '_')}": measured[name]["per_s"] for name in PEERS if name in measured}
    return {
        name: figures | {ratio: round(figures["per_s"] / per_s, 2) for ratio, per_s in baselines.items()}
        for name, figures in measured.items()
    }


if __name__ == "__main__":
    raise SystemExit(main())
