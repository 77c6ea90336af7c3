"""Lets the planned faults happen, each in a thread of its own, and undoes them whatever comes."""

import threading
import time
from collections.abc import Mapping, Sequence

from tests.chaos.faults import Fault
from tests.chaos.plan import Happening
from tests.chaos.stage import Stage


class Running:
    """The faults of one run. `happened` counts those that could be brought about, `failures` tells what has stayed."""

    def __init__(self, stage: Stage, faults: Mapping[str, Fault], planned: Sequence[Happening]) -> None:
        self._stage, self._faults = stage, faults
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._hit = {fault.kind.hits: threading.Lock() for fault in faults.values()}
        """What is undone slowly must be over before the same thing is hit again."""
        self._threads = [threading.Thread(target=self._run, args=(one,), name=one.fault) for one in planned]
        self._began = 0.0
        self.happened = 0
        self.failures: list[str] = []

    def start(self) -> None:
        """Let time begin."""
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()

    def at(self, limit: float) -> threading.Event:
        """An event that is set at this time, when no more faults start either."""
        timer = threading.Timer(limit - time.monotonic(), self._over.set)
        timer.daemon = True
        timer.start()
        return self._over

    def join(self) -> None:
        """Wait until all faults are over."""
        for thread in self._threads:
            thread.join()
        for failure in self.failures:
            self._stage.journal(f"could not be undone: {failure}")

    def _run(self, planned: Happening) -> None:
        if self._over.wait(max(0.0, self._began + planned.start - time.monotonic())):
            return
        fault = self._faults[planned.fault]
        with self._hit[fault.kind.hits]:
            self._happen(planned, fault)

    def _happen(self, planned: Happening, fault: Fault) -> None:
        journal, end = self._stage.journal, time.monotonic() + planned.end - planned.start
        journal(f"start {planned.fault}")
        try:
            fault.start(self._stage, planned.choice)
            with self._lock:
                self.happened += 1
        except Exception as failed:  # noqa: BLE001 -- whatever it is, the other faults go on
            journal(f"  {planned.fault} did not happen: {_short(failed)}")
        self._over.wait(max(0.0, end - time.monotonic()))
        self._undo(planned, fault)
        journal(f"stop  {planned.fault}")

    def _undo(self, planned: Happening, fault: Fault) -> None:
        try:
            self._stage.patiently(lambda: fault.stop(self._stage, planned.choice), f"undoing {planned.fault}")
        except Exception as failed:  # noqa: BLE001 -- told when all faults are over
            with self._lock:
                self.failures.append(f"{planned.fault}: {_short(failed)}")


def _short(failed: Exception) -> str:
    return f"{type(failed).__name__}: {str(failed).strip().splitlines()[-1][:200] if str(failed).strip() else ''}"
