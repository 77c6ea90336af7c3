"""What a body does on its author's machine, it does in a pod: the same outcome, the same facts, the same changes.

Each body runs once by `perago run` and once as an attempt, on a branch of its own of one repository. A few pods are
there at once; a test then compares the two ends of one body.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import lakefs
import pytest

from perago.wire import Outcome
from tests.e2e.flow import Flow
from tests.e2e.installation import TASKS, Installation
from tests.e2e.repository import SMALL, Repository
from tests.kubectl import Object, eventually, is_complete

pytestmark = pytest.mark.cluster

SOURCES = [TASKS / "e2e_tasks" / f"parity_{part}.py" for part in ("files", "kinds", "world")]
BODIES = [name for source in SOURCES for name in re.findall(r"^@body\ndef (\w+)", source.read_text(), re.MULTILINE)]
IN_MEMORY = ("memory_map_read_then_written", "memory_map_only_written", "rewrite_with_old_times", "copy_onto")
"""Bodies that also run on a volume in memory, where the times of a file prove nothing."""
SUFFIX = "_in_memory"
AT_ONCE = 8
"""So many pods: more of them at once would hold up the other tests, which share the node."""
NAMES = [*BODIES, *(name + SUFFIX for name in IN_MEMORY)]
INPUT = {
    "data.csv": b"1,2\n",
    "deep/er/file.txt": b"deep",
    "tool.sh": b"#!/bin/sh\necho tool\n",
    "map.bin": bytes(8192),
}
GIT = ".git/"
"""What is below has each side's own inodes, times and compression; the commit's id is among the facts."""
UNPRIVILEGED = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()
"""Root without capabilities is bound by modes, as any author is."""
MOST_CONTENTS = 50
"""So many changed files are compared byte by byte; of thousands of files, the paths have to do."""


@dataclass(frozen=True)
class End:
    """How a body ended: status, reason, what it saw, the paths that changed, and their content."""

    status: str
    message: str
    facts: object
    changes: dict[str, list[str]]
    content: dict[str, bytes]


def without_place(message: str) -> str:
    """A message without the place of the workspace."""
    return re.sub(r"/[^' ]*task_id=[^/' ]*", "<workspace>", message)


def fill(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write these files."""
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The input: a repository of git with one commit, as far as files make one."""
    folder = tmp_path_factory.mktemp("input")
    fill(folder, INPUT)
    who = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main")
    for command in (["init", "--quiet", "--template="], ["add", "."], ["commit", "--quiet", "--message", "input"]):
        subprocess.run(["git", "-C", str(folder), *who, *command], check=True)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def run_here(name: str, top: Path, files: Mapping[str, bytes]) -> End:
    """The body by `perago run`, in a folder that its changes are applied to."""
    folder, home = top / name, top / f"{name}.home"
    fill(folder, files)
    home.mkdir()
    (home / "input.json").write_text(json.dumps({"params": {"name": name.removesuffix(SUFFIX)}}))
    options = ["--input", str(home / "input.json"), "--workspace", str(folder), "--in-place", "--json"]
    command = [*UNPRIVILEGED, sys.executable, "-m", "perago.cli", "run", "e2e_tasks.parity", *options]
    names = {"HOME": str(home), "TMPDIR": "/tmp", "PYTHONPATH": str(TASKS)}
    users = {name: os.environ.get("USER", "root") for name in ("USER", "LOGNAME")}
    env = {**os.environ, **users, **names}
    done = subprocess.run(command, env=env, cwd=home, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode in (0, 1), done.stderr
    return _end_of(json.loads(done.stdout), folder)


def _end_of(answer: Object, folder: Path) -> End:
    result = answer["result"]
    changes = {kind: list(paths) for kind, paths in answer["changes"].items()} if answer["ok"] else _unchanged()
    changed = sorted([*changes["added"], *changes["modified"]])[:MOST_CONTENTS]
    return End(
        status=result["status"],
        message=without_place(result.get("reasonForIncompletion") or ""),
        facts=_facts(result.get("output")),
        changes=changes,
        content={path: (folder / path).read_bytes() for path in changed if not path.startswith(GIT)},
    )


def _unchanged() -> dict[str, list[str]]:
    return {"added": [], "modified": [], "deleted": []}


def _facts(output: Object | None) -> object:
    return output["result"]["facts"] if output else None


@dataclass(frozen=True)
class Pods:
    """The same bodies as attempts by hand, each on a branch of one repository."""

    flow: Flow
    repository: Repository
    run: str
    """Makes the attempts' names unique to this run."""

    def attempt(self, name: str) -> Object:
        """The attempt of one body."""
        branch, body = self._branch(name), name.removesuffix(SUFFIX)
        workspace = {**self.repository.workspace(), "branch": branch.id}
        memory = {"volume": {"size": "64Mi", "medium": "Memory"}} if name.endswith(SUFFIX) else {}
        given = {"workspace": workspace, "params": {"name": body}}
        return self.flow.attempt(self.name_of(name), "parity", given, ttlSecondsAfterFinished=3600, **memory)

    def name_of(self, body: str) -> str:
        """The name of its attempt."""
        return f"p{self.run}-{body.replace('_', '-')}"

    def _branch(self, name: str) -> lakefs.Branch:
        made = lakefs.Repository(self.repository.name, client=self.repository.client).branch(name.replace("_", "-"))
        return made.create(source_reference="main")

    def finished(self, number: int) -> dict[str, Object] | None:
        """The status of each attempt by its name, once so many of them are over."""
        prefix = f"p{self.run}-"
        ours = [one for one in self.flow.cluster.list("peragoattempts") if one["metadata"]["name"].startswith(prefix)]
        complete = [one for one in ours if is_complete(one.get("status", {}))]
        return {one["metadata"]["name"]: one["status"] for one in complete} if len(complete) == number else None

    def end_of(self, name: str, status: Object) -> End:
        """How the body ended, by the attempt's status and by what is on its branch."""
        outcome, branch = status["outcome"], name.replace("_", "-")
        changes = _unchanged()
        for change in self.repository.at("main").diff(branch):
            changes[{"added": "added", "changed": "modified", "removed": "deleted"}[change.type]].append(change.path)
        changed = [*changes["added"], *changes["modified"]]
        return End(
            status=outcome["status"],
            message=without_place(outcome["message"]) if outcome["status"] != "COMPLETED" else "",
            facts=_facts(Outcome.model_validate(outcome).full_output()),
            changes={kind: sorted(paths) for kind, paths in changes.items()},
            content={
                path: self._read(branch, path) for path in sorted(changed)[:MOST_CONTENTS] if not path.startswith(GIT)
            },
        )

    def _read(self, branch: str, path: str) -> bytes:
        data = self.repository.at(branch).object(path).reader(mode="rb").read()
        assert isinstance(data, bytes)
        return data


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]) -> dict[str, End]:
    """Each body's end on this machine."""
    top = tmp_path_factory.mktemp("parity")
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(NAMES, pool.map(lambda name: run_here(name, top, files), NAMES), strict=True))


@pytest.fixture(scope="module")
def there(installation: Installation, flow: Flow, files: dict[str, bytes]) -> Iterator[dict[str, Callable[[], End]]]:
    """How to learn each body's end in a pod, after all have ended."""
    run = uuid4().hex[:6]
    pods = Pods(flow, installation.repository(f"parity-{run}", files), run)
    with ThreadPoolExecutor(8) as pool:
        attempts = list(pool.map(pods.attempt, NAMES))
    for first in range(0, len(attempts), AT_ONCE):
        flow.cluster.apply(attempts[first : first + AT_ONCE])
        number = min(first + AT_ONCE, len(attempts))
        statuses = eventually(partial(pods.finished, number), f"the end of {number} attempts", 300)
    yield {name: partial(pods.end_of, name, statuses[pods.name_of(name)]) for name in NAMES}
    pods.repository.delete()


@pytest.mark.parametrize("name", NAMES)
def test_a_body_ends_alike_here_and_there(
    name: str,
    here: dict[str, End],
    there: dict[str, Callable[[], End]],
    record_property: Callable[[str, Any], None],
) -> None:
    """Outcome, reason, what the body saw, and what it published."""
    record_property("parity", name)
    expected, seen = here[name], there[name]()
    assert (seen.status, seen.facts, seen.changes) == (expected.status, expected.facts, expected.changes)
    assert expected.message in seen.message
    assert seen.content == expected.content


def test_a_volume_in_memory_holds_more_than_the_agent_may_have_by_itself(
    installation: Installation, flow: Flow
) -> None:
    """What the agent downloads is counted as its memory, so its limit follows the volume's size."""
    name = f"large-{uuid4().hex[:6]}"
    repository = installation.repository(name, {**SMALL, "big.bin": bytes(280 << 20)})
    given = {"workspace": repository.workspace(), "params": {"text": "large"}}
    flow.cluster.apply([flow.attempt(name, "writable", given, volume={"size": "400Mi", "medium": "Memory"})])
    status = flow.cluster.finished(name)["status"]
    assert (status["phase"], status["executions"]) == ("Succeeded", 1)
    repository.delete()


def test_there_are_enough_bodies() -> None:
    """A pattern that finds too few of them would compare nothing."""
    assert len(BODIES) >= 40
