"""What is wrong with an attempt after a change. Decides, and reads nothing."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Ended:
    """What Conductor, lakeFS and Kubernetes show of one workflow of one task, once it has ended."""

    tasks: Sequence[tuple[str, int]]
    """Status and retry count of each task."""
    commits: int
    """Commits on its branch above the input."""
    published: str
    """What the branch's file says."""
    wanted: str
    """What it should say."""
    branches: Sequence[str]
    """Branches of its repository beside the one it publishes to."""
    pods: Sequence[str]
    """Pods of its attempt."""


def problems(ended: Ended) -> list[tuple[str, str]]:
    """Pairs of a kind, `lost`, `doubled`, `blamed` or `leaked`, and a sentence; none when all is well."""
    found = []
    retries = [retry for _, retry in ended.tasks if retry]
    if [status for status, _ in ended.tasks][-1:] != ["COMPLETED"]:
        found.append(("lost", f"the tasks ended as {list(ended.tasks)}"))
    if retries or len(ended.tasks) != 1:
        found.append(("blamed", f"Conductor has tried it {len(ended.tasks)} times: {list(ended.tasks)}"))
    if ended.commits > 1:
        found.append(("doubled", f"{ended.commits} commits were published"))
    if ended.commits == 0 or ended.published != ended.wanted:
        found.append(("lost", f"the branch says {ended.published!r}, not {ended.wanted!r}"))
    if ended.branches or ended.pods:
        found.append(("leaked", f"left over: {[*ended.branches, *ended.pods]}"))
    return found
