"""The scenarios: what happens in a course of events beside the faults. One small function each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.crash.pods import Body, PodRun, in_a_pod, publishes
from tests.crash.world import Script, World


async def healthy(run: PodRun) -> None:
    """A pod that does its work."""
    await in_a_pod(run, publishes)


def always_healthy(run: PodRun) -> Body:
    """What each pod does where nothing else is said."""
    return healthy


@dataclass(frozen=True)
class Scenario:
    """What happens by itself, what the pods do, and the operator's settings where they matter."""

    name: str
    script: Script
    body: Callable[[PodRun], Body] = always_healthy
    settings: Mapping[str, Any] = field(default_factory=dict)


async def success(world: World) -> None:
    """One task is handed out."""
    world.apply_task()
    world.hand_out()


SCENARIOS = (Scenario("success", success),)
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
