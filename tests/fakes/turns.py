"""A turn that nobody grants."""

import math


class FreeTurn:
    """`publisher.Turn`: it is there at once, and lasts without an end."""

    async def take(self) -> float:
        """See `Turn`."""
        return math.inf

    async def give_back(self) -> None:
        """See `Turn`."""
