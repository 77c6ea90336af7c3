"""Waits for a workflow or an attempt, and shows the attempts as kubectl prints them while they move."""

import sys
import time
from collections.abc import Callable
from typing import TypeVar

from perago_dev.demo.checks import CheckFailed, failed_tasks, is_complete
from perago_dev.demo.cluster import Cluster
from perago_dev.demo.table import Attempts
from perago_dev.objects import Object
from perago_dev.servers import conductor_client

T = TypeVar("T")

LOOK_SECONDS = 0.4
WORKFLOW_SECONDS = 300.0
ATTEMPT_SECONDS = 180.0
WIDTHS = {"NAME": 36, "TASK": 17, "PHASE": 9, "STEP": 11, "RESULT": 9, "RETRY": 5, "REPORTED": 11, "AGE": 4}


class Follower:
    """Waits, and prints an attempt's line when it has changed. Attempts that existed before are not shown."""

    def __init__(self, cluster: Cluster) -> None:
        """Follow the attempts of the demo's namespace."""
        self._cluster = cluster
        self._screen = Attempts(WIDTHS)
        self._screen.changes(cluster.listing())
        self._head_shown = False

    def workflow(self, server: conductor_client.ConductorServer, identity: str) -> Object:
        """The workflow once it has ended, or once one of its tasks has failed."""

        def look() -> Object | None:
            workflow = server.workflow(identity)
            over = workflow["status"] in conductor_client.TERMINAL or bool(failed_tasks(workflow))
            return workflow if over else None

        return self.until(look, f"workflow {identity} did not end", WORKFLOW_SECONDS)

    def attempts(self, names: list[str]) -> list[Object]:
        """These attempts once they are complete."""

        def look() -> list[Object] | None:
            attempts = [self._cluster.attempt(name) for name in names]
            return attempts if all(map(is_complete, attempts)) else None

        return self.until(look, f"attempts {', '.join(names)} were not complete", ATTEMPT_SECONDS)

    def until(self, look: Callable[[], T | None], otherwise: str, seconds: float) -> T:
        """The first result of `look` that is not None."""
        end = time.monotonic() + seconds
        while True:
            answer = look()
            self._show_changes()
            if answer is not None:
                return answer
            if time.monotonic() > end:
                raise CheckFailed(f"{otherwise} within {seconds:.0f} s\n{self._cluster.troubles()}")
            time.sleep(LOOK_SECONDS)

    def _show_changes(self) -> None:
        lines = self._screen.changes(self._cluster.listing())
        if lines and not self._head_shown:
            lines.insert(0, self._screen.head())
            self._head_shown = True
        for line in lines:
            sys.stdout.write(f"    {line}\n")
        sys.stdout.flush()
