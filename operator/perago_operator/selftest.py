"""`python -m perago_operator.selftest`: runs two attempts and says whether they ended as they should, for `helm test`.

The first has no workspace, and shows that pods start, that agents may write, and that task code runs. The second has
one, and shows that the keys of lakeFS work. `verdict` decides and is pure. It is a program of its own in the operator's
image, beside `__main__`, and no part of the operator's process.
"""

import argparse
import asyncio
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from perago.wire import API_GROUP, API_VERSION
from perago_operator.adapters import kube_access
from perago_operator.adapters.kube import KubeCluster, utc_now
from perago_operator.adapters.kube_api import KubeApi
from perago_operator.api.attempt_status import AttemptStatus
from perago_operator.api.base import JsonObject
from perago_operator.api.conditions import condition
from perago_operator.api.reasons import ConditionType, Reason
from perago_operator.ports import Cluster, PortError

LOOK_SECONDS = 1.0
NO_REPOSITORY = "perago-selftest"
"""Named where no repository is given. It should not exist: lakeFS says so only to keys that it accepts."""
NO_COMMIT = "0" * 64


@dataclass(frozen=True, slots=True)
class Case:
    """An attempt to run, and the reason that its outcome should have."""

    name: str
    task_input: JsonObject
    expected: Reason
    shows: str
    """What is known once it has ended in that way."""


def cases(repository: str, commit: str, branch: str) -> Iterator[Case]:
    """What is tried, in this order."""
    alone: JsonObject = {"params": {"text": "hello"}}
    pods = "a pod has started, its agent has written the outcome, and task code has run"
    yield Case("alone", alone, Reason.COMPLETED, pods)
    workspace: JsonObject = {"repository": repository or NO_REPOSITORY, "branch": branch}
    files: JsonObject = {"workspace": {**workspace, "refType": "commit", "ref": commit or NO_COMMIT}, "params": {}}
    if repository:
        shows = f"the files of {repository} can be read"
        yield Case("files", files, Reason.COMPLETED, shows)
    else:
        shows = f"lakeFS answers, and knows the keys: it has no repository {NO_REPOSITORY}"
        yield Case("files", files, Reason.REPOSITORY_NOT_FOUND, shows)


def manifest(case: Case, name: str, namespace: str, image: str, seconds: int) -> JsonObject:
    """The attempt of a case, of a task that the runner's image has. The operator deletes it if this program cannot."""
    return {
        "apiVersion": f"{API_GROUP}/{API_VERSION}",
        "kind": "PeragoAttempt",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "task": {"module": f"perago.selftest.{case.name}", "image": image},
            "input": case.task_input,
            "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
            "activeDeadlineSeconds": seconds,
            "ttlSecondsAfterFinished": 600,
        },
    }


def verdict(case: Case, status: AttemptStatus) -> tuple[bool, str] | None:
    """Whether the attempt ended as it should, and a sentence; None while it has not ended."""
    if (outcome := status.outcome) is None:
        return None
    if outcome.reason == case.expected:
        return True, case.shows
    return False, f"the attempt ended with {outcome.status} ({outcome.reason}): {outcome.message or 'no message'}"


def waiting(status: AttemptStatus) -> str:
    """What an attempt waits for that has not ended in time."""
    ready = condition(status.conditions, ConditionType.POD_READY)
    if ready and ready.status != "True":
        return f"{ready.reason}: {ready.message}"
    return (
        f"step {status.step}"
        if status.step
        else "no operator has looked at it: is one running that serves this namespace?"
    )


class SelfTest:
    """Runs cases in a namespace. `clock` counts seconds and never goes back; `say` prints a line."""

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        image: str,
        seconds: int,
        *,
        clock: Callable[[], float],
        say: Callable[[str], object],
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._image = image
        self._seconds = seconds
        self._clock = clock
        self._say = say

    async def run(self, case: Case, name: str) -> bool:
        """Whether the case passes. Its attempt is deleted, unless it failed: then people want to look at it."""
        await self._cluster.create_attempt(
            self._namespace, manifest(case, name, self._namespace, self._image, self._seconds)
        )
        passed, words, uid = await self._ended(case, name)
        self._say(f"{'passed' if passed else 'FAILED'}: {self._namespace}/{name}: {words}")
        if passed:
            await self._cluster.delete_attempt(self._namespace, name, uid)
        return passed

    async def _ended(self, case: Case, name: str) -> tuple[bool, str, str]:
        deadline = self._clock() + self._seconds
        while True:
            attempt = await self._cluster.read_attempt(self._namespace, name)
            if attempt is None:
                return False, "somebody has deleted the attempt", ""
            status = AttemptStatus.model_validate(attempt.get("status", {}))
            if (ended := verdict(case, status)) is not None:
                return *ended, attempt["metadata"]["uid"]
            if self._clock() >= deadline:
                return False, f"no outcome after {self._seconds} s; it waits for {waiting(status)}", ""
            await asyncio.sleep(LOOK_SECONDS)


async def run(options: argparse.Namespace) -> bool:
    """Run all cases, also those after one that fails."""
    async with KubeApi(kube_access.load()) as api:
        cluster = KubeCluster(api, component="perago-selftest", now=utc_now)
        test = SelfTest(cluster, options.namespace, options.image, options.seconds, clock=time.monotonic, say=_say)
        tried = cases(options.repository, options.commit, options.branch)
        suffix = secrets.token_hex(3)
        passed = [await test.run(case, f"selftest-{case.name}-{suffix}") for case in tried]
    return all(passed)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the test; the exit status is 0 if every attempt ended as it should."""
    parser = argparse.ArgumentParser(prog="python -m perago_operator.selftest")
    parser.add_argument("--namespace", required=True, help="where to create the attempts")
    parser.add_argument("--image", required=True, help="the image of the runner, which has the tasks that are run")
    parser.add_argument("--repository", default="", help="a lakeFS repository to read")
    parser.add_argument("--commit", default="", help="a commit of the repository, by its id")
    parser.add_argument("--branch", default="main", help="the commit's branch")
    parser.add_argument("--seconds", type=int, default=180, help="for how long to wait for each attempt")
    try:
        return 0 if asyncio.run(run(parser.parse_args(arguments))) else 1
    except (PortError, kube_access.AccessError) as error:
        _say(f"FAILED: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
