"""The operator as a process of this host, so that a test can end it at an exact moment."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


class OperatorProcess:
    """One operator for one namespace; `kill` is SIGKILL, `start` starts it again with the same settings."""

    def __init__(self, variables: Mapping[str, str], log: Path) -> None:
        self._variables = dict(variables)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; its log goes to the end of the log file."""
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "perago_operator"]
            self._process = subprocess.Popen(command, env=self._variables, stdout=log, stderr=log)

    def runs(self) -> bool:
        """Whether the process that was started last has not ended."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """End it with no chance to tidy up; returns when it is gone."""
        assert self._process is not None, "the operator has not been started"
        self._process.kill()
        self._process.wait()
        self._process = None

    def restart_if_ended(self) -> None:
        """Start it unless it runs."""
        if not self.runs():
            self.start()

    def stop(self) -> None:
        """End it as Kubernetes does, if it runs: what it has polled becomes attempts, and its lease is free."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=60)
            self._process = None

    def log(self) -> str:
        """All that it has written."""
        return self._log.read_text(errors="replace")
