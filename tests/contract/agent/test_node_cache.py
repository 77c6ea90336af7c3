"""An agent that finds a node cache beside its other mounts: it fills and uses it, and needs none."""

from tests.contract.agent.pod import Pod
from tests.contract.agent.repository import Repository
from tests.contract.agent.test_paths import base_of

BOUNDS = {"limit": 1 << 30, "keepFree": 0}


def logged(pod: Pod) -> list[str]:
    """What the agent says of the cache."""
    lines = (pod.folder / "agent.log").read_text().splitlines()
    return [line.rpartition(" - ")[2] for line in lines if "node cache" in line]


async def test_the_next_execution_finds_what_the_first_has_downloaded(pod: Pod, repository: Repository) -> None:
    """Each agent says what it found and what it added."""
    base = await base_of(repository, a=b"a", b=b"bb")
    cache = pod.folder / "cache"
    cache.mkdir()
    pod.mounts["node_cache"] = str(cache)
    pod.ordered(module="read_only", nodeCache=BOUNDS).input(base)
    assert await pod.run() == (0, 0), pod.logs()
    pod.api.attempt["status"] = {}
    assert await pod.ordered(execution=2).run() == (0, 0), pod.logs()
    assert logged(pod) == [
        "node cache: 0 objects (0 bytes) found, 2 objects (3 bytes) added, 0 objects (0 bytes) evicted",
        "node cache: 2 objects (3 bytes) found, 0 objects (0 bytes) added, 0 objects (0 bytes) evicted",
    ]


async def test_a_cache_that_cannot_be_used_is_told_and_not_missed(pod: Pod, repository: Repository) -> None:
    """As on a node whose folder has not been prepared."""
    base = await base_of(repository, a=b"a")
    broken = pod.folder / "cache"
    broken.touch()
    pod.mounts["node_cache"] = str(broken)
    assert await pod.ordered(module="read_only", nodeCache=BOUNDS).input(base).run() == (0, 0), pod.logs()
    (line,) = logged(pod)
    assert line.startswith("the node cache cannot be used, so that all objects come from lakeFS")
