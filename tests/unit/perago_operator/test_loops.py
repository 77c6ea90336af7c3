"""A loop with a fault goes on, and the fault is not silent."""

import asyncio

import pytest
from loguru import logger

from perago_operator.loops import lasting


async def test_a_fault_is_logged_and_the_loop_goes_on() -> None:
    """With its traceback."""
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(str(message)), level="ERROR")
    faults = [KeyError("surprise"), ValueError("another")]

    async def step() -> None:
        if faults:
            raise faults.pop(0)

    await lasting("the loop", step, pause=0)
    logger.remove(sink)
    assert len(lines) == 2
    assert "the loop" in lines[0]
    assert "KeyError: 'surprise'" in lines[0]


async def test_a_cancellation_is_no_fault() -> None:
    """It ends the loop."""

    async def step() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await lasting("the loop", step, pause=0)
