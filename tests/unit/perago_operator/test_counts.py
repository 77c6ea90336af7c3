"""What an attempt costs the operator, in numbers that no machine changes: writes, lines that run, objects held.

The times that follow from them are measured by `make bench-scale`; the modules at the start are in `test_main`.
"""

import gc
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from perago_operator.core.config import Config, Limits
from perago_operator.ports import Manifest
from tests import builders as b
from tests.unit.perago_operator.replica import SOURCES
from tests.unit.perago_operator.world import KEY, World

MANY, FEW = 2000, 20
READS = ["pod_log_tail", "read_pod", "read_attempt"]
OBJECTS = 100
"""That Python's collector counts, for each live attempt: 88 on Python 3.11, and some room for other versions."""
ONE_AT_A_TIME = Config(limits=Limits(per_task=1))
A1 = re.compile(r"\ba1\b")


def by_hand(name: str = KEY.name) -> Manifest:
    """An attempt of the PeragoTask `build` that belongs to no Conductor task."""
    metadata = b.metadata(name, f"uid-{name}", finalizers=[])
    return b.attempt(meta=metadata, standalone=True, taskRef={"name": "build"})


async def world_with_task(config: Config | None = None, *, quiet: bool = True) -> World:
    """A world with the PeragoTask."""
    world = World(config, quiet=quiet)
    await world.add(b.task())
    return world


async def begin(world: World) -> None:
    """An attempt is created, and its pod runs."""
    await world.add(by_hand())
    await world.kubelet(b.pod())
    await world.kubelet(b.running_pod())


async def complete(world: World) -> None:
    """Its agent is at work, and reports that it has completed."""
    await world.agent(step="Executing")
    await world.agent(step=None, outcome=b.completed())
    assert world.status()["phase"] == "Succeeded"


async def running() -> list[Manifest]:
    """An attempt and its pod, of which all that is to be said is written."""
    world = await world_with_task(quiet=False)
    await begin(world)
    return [world.attempt(), world.cluster.objects["Pod", "ns", "a1-1"]]


async def waiting() -> list[Manifest]:
    """An attempt that waits behind another one, and says so."""
    world = await world_with_task(ONE_AT_A_TIME)
    await world.add(by_hand("first"))
    await world.add(by_hand())
    return [world.attempt()]


async def fill(world: World, templates: list[Manifest], count: int) -> None:
    """Copies of the attempt and of its pod are there, a second younger, and have been looked at."""
    texts = [json.dumps(obj) for obj in templates]
    for number in range(count):
        for text in texts:
            obj = json.loads(A1.sub(f"other-{number:04}", text))
            obj["metadata"]["creationTimestamp"] = b.stamp(1)
            world.cluster.objects[obj["kind"], "ns", obj["metadata"]["name"]] = obj
            world._put(obj)
        if number % 100 == 0:
            await world.settle()
    await world.settle()


@contextmanager
def counted_lines() -> Iterator[list[int]]:
    """How many lines of the operator's code run."""
    lines = [0]

    def trace(frame: FrameType, event: str, _: object) -> Any:
        if not frame.f_code.co_filename.startswith(SOURCES):
            return None
        lines[0] += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield lines
    finally:
        sys.settrace(before)


async def lines_beside_running(count: int) -> int:
    """How many lines the whole life of an attempt takes beside so many others that run."""
    world = await world_with_task()
    await fill(world, await running(), count)
    with counted_lines() as lines:
        await begin(world)
        await complete(world)
    return lines[0]


async def lines_before_waiting(count: int) -> int:
    """How many lines the end of an attempt takes that so many others wait for, and the start of the next one."""
    world = await world_with_task(ONE_AT_A_TIME)
    await begin(world)
    await fill(world, await waiting(), count)
    created = world.cluster.faults.seen.count("create_pod")
    with counted_lines() as lines:
        await complete(world)
    assert world.cluster.faults.seen.count("create_pod") == created + 1
    return lines[0]


async def test_an_attempt_by_hand_costs_six_writes() -> None:
    """Held, pod created, pod deleted and released, the status, released; whatever others there are."""
    world = await world_with_task()
    await fill(world, await running(), FEW)
    await begin(world)
    await complete(world)
    writes = [call for call in world.cluster.faults.seen if call not in READS]
    deletion = ["delete_pod", "release_pod"]
    assert writes == ["hold_attempt", "create_pod", *deletion, "patch_attempt_status", "release_attempt"]
    assert world.cluster.events == []


async def test_an_attempt_costs_the_same_beside_two_thousand_that_run() -> None:
    """No event and no look goes through all attempts."""
    assert await lines_beside_running(MANY) <= await lines_beside_running(FEW) * 1.02


async def test_an_attempt_costs_the_same_before_two_thousand_that_wait() -> None:
    """The room that it leaves concerns the next one."""
    assert await lines_before_waiting(MANY) <= await lines_before_waiting(FEW) * 1.02


async def test_a_live_attempt_holds_few_objects() -> None:
    """Its models, its memory, its places in the indices; and nothing once it is gone."""
    world, templates = await world_with_task(), await running()
    await fill(world, templates, FEW)
    world.cluster.objects.clear()
    before = held()
    await fill(world, templates, MANY // 4)
    world.cluster.objects.clear()
    assert (held() - before) / (MANY // 4 - FEW) < OBJECTS
    for store in world.stores.pods, world.stores.attempts:
        for key in store.versions():
            store.remove(key)
    await world.settle()
    assert held() < before


def held() -> int:
    """Objects that Python's collector counts."""
    gc.collect()
    return len(gc.get_objects())
