"""What a process that the bench measures has used, and what it has written to the API server."""

import os
import re
import subprocess
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perago_dev.host.commands import tail


@dataclass
class Process:
    """A controller's process, and its log."""

    running: "subprocess.Popen[bytes]"
    log: Path

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.running.pid

    def require(self) -> None:
        """Raises RuntimeError with its last words when it has ended: an operator that starves loses its Lease."""
        if self.running.poll() is not None:
            raise RuntimeError(f"{self.log.stem} has ended:\n{tail(self.log.read_text())}")

    def cpu_seconds(self) -> float:
        """Its processor time so far, in user and kernel mode."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mib(self) -> float:
        """The most memory that it has held."""
        match = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{self.pid}/status").read_text())
        assert match is not None
        return int(match[1]) / 1024


def by_client(writes: Counter[tuple[str, str]], count: int, clients: Mapping[str, str]) -> dict[str, Any]:
    """Writes for each of `count` objects: of these clients, named by their user agents, and all that are not rare."""

    def of(agent: str) -> float:
        return round(sum(number for (who, _), number in writes.items() if who == agent) / count, 2)

    common = {" ".join(what): round(number / count, 2) for what, number in writes.most_common() if number > count / 100}
    return {f"{name}_writes_per_attempt": of(agent) for name, agent in clients.items()} | {"writes": common}
