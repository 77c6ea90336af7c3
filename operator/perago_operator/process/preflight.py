"""Asks lakeFS and Conductor whether the operator's address, path and keys are right, when it starts and from then on.

A wrong setting is said within seconds, in the log, by /readyz and as a number, before there is work to lose. A replica
becomes ready with the first good answer, and ceases to be when it is refused; an outage later on leaves it ready.
`judged` decides; `Preflight` asks and remembers.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

from loguru import logger

from perago_operator.loops import lasting
from perago_operator.ports import Check, Conductor, Gauge, NotFound, PortError, Refused
from perago_operator.process.sweeper import SweepableVersions

NOBODYS = "perago-preflight"
"""A task type and a repository that need not exist: that lakeFS says so is a good answer."""
WRONG_SECONDS, RIGHT_SECONDS = 10.0, 60.0
"""The time until a server is asked again."""
FORBIDDEN = 403

Server = Literal["Conductor", "lakeFS"]
Ask = Callable[[], Coroutine[None, None, object]]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known of a server: whether it has ever given a good answer, and what is wrong with it now."""

    ever: bool = False
    wrong: str | None = "it has not been asked yet"
    refused: bool = False

    @property
    def complaint(self) -> str | None:
        """Why the replica is not ready, if this is a reason."""
        return self.wrong if self.refused or not self.ever else None


def judged(before: Finding, error: PortError | None) -> Finding:
    """What is known after an answer, of which None is a good one.

    That something does not exist, or is not allowed, is one as well: so says the right server, which knows the keys.
    """
    if error is None or isinstance(error, NotFound) or (isinstance(error, Refused) and error.status == FORBIDDEN):
        return Finding(ever=True, wrong=None)
    return Finding(before.ever, str(error), isinstance(error, Refused))


def servers(conductor: Conductor, versions: SweepableVersions) -> dict[Server, Ask]:
    """What each of the two is asked: reading calls that need its address, its path and the keys."""
    return {
        "Conductor": partial(conductor.queue_size, NOBODYS, None),
        "lakeFS": partial(versions.staging_branches, NOBODYS),
    }


class Preflight:
    """Asks each server again and again; `address` tells where one of them is, as its Secret says."""

    def __init__(self, servers: Mapping[Server, Ask], address: Callable[[Server], str]) -> None:
        self._servers = servers
        self._address = address
        self.findings: dict[Server, Finding] = {name: Finding() for name in servers}

    async def run(self) -> None:
        """Ask until canceled."""
        async with asyncio.TaskGroup() as group:
            for name in self._servers:
                group.create_task(lasting(f"preflight of {name}", partial(self._repeat, name)))

    async def _repeat(self, name: Server) -> None:
        while True:
            await self.ask(name)
            await asyncio.sleep(RIGHT_SECONDS if self.findings[name].wrong is None else WRONG_SECONDS)

    async def ask(self, name: Server) -> None:
        """Ask one server, and say what has changed."""
        error: PortError | None = None
        try:
            await self._servers[name]()
        except PortError as raised:
            error = raised
        before, after = self.findings[name], judged(self.findings[name], error)
        self.findings[name] = after
        if after.wrong is not None and after.wrong != before.wrong:
            logger.warning("{} at {} cannot be used: {}", name, self._address(name), after.wrong)
        elif after.wrong is None and before.wrong is not None:
            logger.info("{} at {} can be used", name, self._address(name))

    def checks(self) -> dict[str, Check]:
        """For readiness."""
        return {name: partial(self._complaint, name) for name in self._servers}

    def _complaint(self, name: Server) -> str | None:
        complaint = self.findings[name].complaint
        return None if complaint is None else f"at {self._address(name)}: {complaint}"

    def gauge(self) -> Gauge:
        """For each scrape."""
        meaning = "1 if the server gave a good answer when it was last asked"
        return Gauge("perago_server_usable", meaning, ("server",), self._usable)

    def _usable(self) -> Iterable[tuple[tuple[str, ...], float]]:
        return [((name,), float(finding.wrong is None)) for name, finding in self.findings.items()]
