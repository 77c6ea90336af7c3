"""Single objects up and down for tests, through what the agent's threads use."""

import asyncio
from typing import Protocol

from perago.agent.clients.objects import ObjectStats
from perago.agent.data.moving import MovesBodies
from perago.agent.mounts import Keys, Mounted


class HasBodies(Protocol):
    """lakeFS, real or fake."""

    def bodies(self) -> MovesBodies: ...


async def uploaded(lake: HasBodies, branch: str, path: str, content: bytes) -> ObjectStats:
    """Upload an object; what the server says that it has stored."""
    bodies = lake.bodies()
    try:
        return await asyncio.to_thread(
            bodies.upload, branch, path, len(content), lambda: [memoryview(content)] if content else []
        )
    finally:
        bodies.close()


async def stored(lake: HasBodies, ref: str, path: str, first: int = 0, last: int | None = None) -> bytes:
    """An object's content, or a part of it."""
    bodies = lake.bodies()
    try:
        return await asyncio.to_thread(lambda: b"".join(map(bytes, bodies.read(ref, path, first, last))))
    finally:
        bodies.close()


def fixed(keys: Keys) -> Mounted[Keys]:
    """Keys that stay as they are."""
    return Mounted(lambda: keys)
