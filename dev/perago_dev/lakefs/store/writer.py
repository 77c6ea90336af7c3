"""The one thread that writes. Knows transactions, not what is in them.

Each job is all or nothing (a savepoint); jobs that wait together share one commit, so one flush to the disk serves
many. An answer is given only after the commit.
"""

import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from perago_dev.lakefs.store.state import State

GROUP = 128
"""Jobs in one commit at most; keeps the first from waiting long for the last."""

Result = TypeVar("Result")
_Job = tuple[Callable[[State], Any], "Future[Any]"]


class Writer:
    """Runs jobs one after another on its own connection."""

    def __init__(self, connection: sqlite3.Connection, state: State) -> None:
        self._db = connection
        self._state = state
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[State], Result]) -> "Future[Result]":
        """The job's result, or its exception, once it is durable or undone."""
        future: Future[Result] = Future()
        self._jobs.put((job, future))
        return future

    def close(self) -> None:
        """Ends after the jobs already submitted."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._jobs.get()) is not None:
            group, last = self._gather(first)
            self._commit(group)
            if last:
                return

    def _gather(self, first: _Job) -> tuple[list[_Job], bool]:
        group = [first]
        while len(group) < GROUP:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return group, True
            group.append(job)
        return group, False

    def _commit(self, group: list[_Job]) -> None:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            answers = [self._attempt(job, future) for job, future in group]
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            answers = [_failing(future, error) for _, future in group]
        for answer in answers:
            answer()

    def _attempt(self, job: Callable[[State], Any], future: "Future[Any]") -> Callable[[], None]:
        if not future.set_running_or_notify_cancel():
            return lambda: None
        self._db.execute("SAVEPOINT job")
        try:
            result = job(self._state)
        except Exception as error:  # noqa: BLE001  an edge: the exception is the answer to whoever submitted the job
            self._db.execute("ROLLBACK TO job")
            self._db.execute("RELEASE job")
            return _failing(future, error)
        self._db.execute("RELEASE job")
        return lambda: future.set_result(result)


def _failing(future: "Future[Any]", error: Exception) -> Callable[[], None]:
    return lambda: future.set_exception(error)
