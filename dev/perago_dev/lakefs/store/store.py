"""The data directory as the server uses it: reads, walks, writes, blobs. Knows no rule of lakeFS and no HTTP."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from sqlite3 import Connection as _Connection
from typing import TypeVar

from perago_dev.lakefs.store.blobs import Blobs
from perago_dev.lakefs.store.cache import Cache
from perago_dev.lakefs.store.schema import connect, prepare
from perago_dev.lakefs.store.state import State
from perago_dev.lakefs.store.writer import Writer

THREADS = 8
Result = TypeVar("Result")


class Store:
    """Opens (and creates) a data directory. Readers see the last commit and never wait for the writer."""

    def __init__(self, root: Path, clock: Callable[[], int] = time.time_ns) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._path = root / "state.sqlite"
        self._clock = clock
        self._cache = Cache()
        prepare(self._path)
        self.blobs = Blobs(root)
        self._local = threading.local()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="store")
        connection = connect(self._path)
        self._writer = Writer(connection, State(connection, self._cache, self.blobs, clock))

    def read(self, look: Callable[[State], Result]) -> Result:
        """A look at a few rows, at one moment, in the calling thread (the event loop included)."""
        state, connection = self._reader()
        connection.execute("BEGIN")
        try:
            return look(state)
        finally:
            connection.execute("COMMIT")

    async def walk(self, look: Callable[[State], Result]) -> Result:
        """The same in a thread, for looks at many rows."""
        return await self.in_thread(lambda: self.read(look))

    async def write(self, job: Callable[[State], Result]) -> Result:
        """Runs a job alone and atomically; returns when it is on the disk. The job's exception undoes it."""
        return await asyncio.wrap_future(self._writer.submit(job))

    async def in_thread(self, work: Callable[[], Result]) -> Result:
        """Runs blocking work of the store beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def close(self) -> None:
        """Finishes what was submitted."""
        self._writer.close()
        self._threads.shutdown()

    def _reader(self) -> tuple[State, _Connection]:
        if not hasattr(self._local, "pair"):
            connection = connect(self._path)
            self._local.pair = (State(connection, self._cache, self.blobs, self._clock), connection)
        pair: tuple[State, _Connection] = self._local.pair
        return pair
