"""Waits for a workflow or an attempt, and shows the attempts as kubectl prints them while they move."""

import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

from perago_dev.demo import conductor
from perago_dev.demo.checks import CheckFailed, failed_tasks, is_complete
from perago_dev.demo.cluster import Cluster
from perago_dev.demo.table import Attempts

Object = dict[str, Any]
T = TypeVar("T")

LOOK_SECONDS = 0.4
WORKFLOW_SECONDS = 300.0
ATTEMPT_SECONDS = 180.0
WIDTHS = {"NAME": 36, "TASK": 17, "PHASE": 9, "STEP": 11, "RESULT": 9, "RETRY": 5, "REPORTED": 11, "AGE": 4}


def workflow(server: conductor.ConductorServer, cluster: Cluster, identity: str) -> Object:
    """The workflow once it is over."""

    def look() -> Object | None:
        found = server.workflow(identity)
        over = found["status"] in conductor.TERMINAL or bool(failed_tasks(found))
        return found if over else None

    return _followed(look, cluster, f"workflow {identity} did not end", WORKFLOW_SECONDS)


def attempts(cluster: Cluster, names: list[str]) -> list[Object]:
    """These attempts once nothing more happens to them."""

    def look() -> list[Object] | None:
        found = [cluster.attempt(name) for name in names]
        return found if all(map(is_complete, found)) else None

    return _followed(look, cluster, f"attempts {', '.join(names)} were not complete", ATTEMPT_SECONDS)


def _followed(look: Callable[[], T | None], cluster: Cluster, otherwise: str, seconds: float) -> T:
    """The first answer of `look` that is not None; the attempts' changes are printed meanwhile."""
    screen = Attempts(WIDTHS)
    _print(screen.head())
    end = time.monotonic() + seconds
    while True:
        found = look()
        for line in screen.changes(cluster.listing()):
            _print(line)
        if found is not None:
            return found
        if time.monotonic() > end:
            raise CheckFailed(f"{otherwise} within {seconds:.0f} s\n{cluster.troubles()}")
        time.sleep(LOOK_SECONDS)


def _print(line: str) -> None:
    sys.stdout.write(f"    {line}\n")
    sys.stdout.flush()
