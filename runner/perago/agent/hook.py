"""Whether lakeFS itself fences what an attempt publishes: it runs the hooks that the input ref has."""

from typing import Protocol

from loguru import logger

from perago.agent.clients.http import NoAnswer, describe
from perago.agent.clients.lakefs_errors import LakeFSError
from perago.fence_hook import PATH, standing_of
from perago.wire import FenceKind


class ReadsText(Protocol):
    """What of lakeFS this needs; see `perago.agent.clients.lakefs.LakeFS`."""

    async def object_text(self, ref: str, path: str) -> str | None: ...


async def fence_kind(lakefs: ReadsText, input_ref: str) -> FenceKind | None:
    """Hard with Perago's hook at the input ref, Soft without it; None where lakeFS does not say.

    It is for people alone, so it is asked once, and no failure of this call stops a publication.
    """
    try:
        return "Hard" if standing_of(await lakefs.object_text(input_ref, PATH)).fences else "Soft"
    except (LakeFSError, NoAnswer) as error:
        logger.warning("it is not known whether lakeFS itself fences this publication: {}", describe(error))
        return None
