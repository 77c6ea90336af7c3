"""Failures on demand: which call of a fake fails next, how, and whether it was carried out all the same."""

from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failure:
    """One failing call; `landed`: it takes effect and only its answer is lost."""

    error: Exception
    landed: bool


class Trouble:
    """Failures in store for each method of a fake, and what was called."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._failures: dict[str, deque[Failure]] = defaultdict(deque)
        self._always: dict[str, Exception] = {}

    def fail(self, method: str, error: Exception, *, landed: bool = False, times: int = 1) -> None:
        """The next `times` calls of the method fail."""
        self._failures[method].extend([Failure(error, landed)] * times)

    def break_(self, method: str, error: Exception) -> None:
        """Every call of the method fails until it is mended."""
        self._always[method] = error

    def mend(self, method: str) -> None:
        """The method works again."""
        self._always.pop(method, None)

    @asynccontextmanager
    async def around(self, method: str) -> AsyncIterator[None]:
        """Surrounds the effect of a call: raises before it, after it, or not at all."""
        self.calls.append(method)
        if method in self._always:
            raise self._always[method]
        failure = self._failures[method].popleft() if self._failures[method] else None
        if failure is not None and not failure.landed:
            raise failure.error
        yield
        if failure is not None:
            raise failure.error
