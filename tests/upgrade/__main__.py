"""`python -m tests.upgrade [--attempts 50] [--only WORDS]`: see `tests.upgrade`.

The environment that PERAGO_ENV names must be up and have no release of the chart, since one of the changes serves all
namespaces. For each change so many attempts are started; once their bodies run, the change is made, and only then may
they go on. The last line counts.
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from perago_dev import environment
from perago_dev.environment import DEFAULT_NAME
from perago_dev.release import namespace_of, secrets
from tests.e2e.flow import Flow
from tests.e2e.installation import Installation, installed
from tests.e2e.repository import Repository
from tests.upgrade.changes import CHANGES, OTHER, SERVED, SYSTEM, Change, Release
from tests.upgrade.verdict import Ended, problems

AT_ONCE = 4
"""Attempts that are started, or let go, side by side."""
RESPONSE_SECONDS = 300
"""A change takes less: Conductor must not hand a task out again although nobody was there to keep it."""
GONE_SECONDS = 90
SMALL = {"requests": {"cpu": "5m", "memory": "16Mi"}, "limits": {"memory": "96Mi"}}


@dataclass(frozen=True)
class Started:
    """A workflow of one task, in a repository of its own."""

    workflow: str
    repository: Repository
    before: str
    text: str


def main() -> int:
    """Make all changes; 0 when nothing was lost, doubled, blamed on a task, or left over."""
    parser = argparse.ArgumentParser(prog="python -m tests.upgrade", description=__doc__)
    parser.add_argument("--attempts", type=int, default=50, help="for each change")
    parser.add_argument("--only", default="", help="the changes whose name contains one of these words")
    given = parser.parse_args()
    env = environment.load(os.environ.get("PERAGO_ENV", DEFAULT_NAME))
    release, installation = Release(env), installed(env.name)
    for namespace in (SYSTEM, SERVED, OTHER):
        release.cluster(namespace).apply([namespace_of(namespace), *secrets(env, namespace)])
    chosen = {name: change for name, change in CHANGES.items() if any(word in name for word in given.only.split(","))}
    counted = Counter[str]()
    for number, (name, change) in enumerate(chosen.items()):
        release.install()
        flow = installation.flow(f"upgrade-{int(time.time()):x}-{number}", SERVED)
        counted.update(_tried(name, change, release, flow, _started(installation, flow, given.attempts)))
    release.helm("uninstall", "upgrade", "--wait")
    found = ", ".join(f"{kind}: {counted[kind]}" for kind in ("lost", "doubled", "blamed", "leaked"))
    print(f"upgrade: {given.attempts * len(chosen)} attempts, changes: {len(chosen)}, {found}")
    return 0 if chosen and not counted.total() else 1


def _started(installation: Installation, flow: Flow, count: int) -> Sequence[Started]:
    task_type = flow.serve("writable", retries=2, response_seconds=RESPONSE_SECONDS, resources=SMALL)

    def start(number: int) -> Started:
        repository, text = installation.repository(f"{flow.prefix}-{number}"), f"text {number}"
        workflow = flow.start(task_type, repository, waits=True, text=text)
        return Started(workflow, repository, repository.head(), text)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(start, range(count)))


def _tried(name: str, change: Change, release: Release, flow: Flow, started: Sequence[Started]) -> Sequence[str]:
    """Make a change while all of these run; the kinds of what is wrong afterwards."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        pods = list(pool.map(lambda one: _running_pod(flow, one), started))
        began = time.monotonic()
        change(release)
        took = time.monotonic() - began
        list(pool.map(flow.cluster.let_go, pods))
        every = [pair for one in pool.map(lambda one: _checked(flow, one), started) for pair in one]
    for kind, sentence in every:
        print(f"{kind.upper()}  {name}: {sentence}")
    print(f"{name}: {len(started)} attempts ran, the change took {took:.0f} s, {len(every)} problems", flush=True)
    return [kind for kind, _ in every]


def _running_pod(flow: Flow, one: Started) -> str:
    """The name of the pod whose body has begun."""
    attempt = flow.first_attempt(one.workflow)
    flow.cluster.attempt(attempt, lambda status: status.get("step") == "Executing", 300)
    return f"{attempt}-1"


def _checked(flow: Flow, one: Started) -> Sequence[tuple[str, str]]:
    tasks = flow.conductor.ended(one.workflow)["tasks"]
    attempts = [attempt["metadata"]["name"] for attempt in flow.attempts(one.workflow)]
    flow.cluster.all_finished(attempts, 120)
    pods = _left(flow, attempts)
    log = [commit.id for commit in one.repository.branch.log(max_amount=10)]
    ended = Ended(
        tasks=[(task["status"], task["retryCount"]) for task in tasks],
        commits=log.index(one.before),
        published=one.repository.files()["changed.txt"].decode(),
        wanted=one.text,
        branches=one.repository.staging_branches(),
        pods=pods,
    )
    if found := problems(ended):
        return [(kind, f"workflow {one.workflow}: {sentence}") for kind, sentence in found]
    one.repository.delete()
    return []


def _left(flow: Flow, attempts: Sequence[str]) -> Sequence[str]:
    """Pods of these attempts that do not go: one that was deleted takes a moment."""
    deadline = time.monotonic() + GONE_SECONDS
    while True:
        listed = (pod for attempt in attempts for pod in flow.cluster.list("pods", f"perago.dev/attempt={attempt}"))
        left = [pod["metadata"]["name"] for pod in listed]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main())
