"""The two sides on which the bodies of the parity tests run: `perago run` on this machine, and pods."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import uuid4

import lakefs

from perago.wire import Outcome
from perago_dev.demo.steps import example_image
from perago_dev.environment import Environment
from perago_dev.images import dockerfiles
from tests.e2e.flow import Flow
from tests.e2e.installation import TASKS, Installation
from tests.e2e.parity import COMPLETED, Changes, Ended, Group
from tests.e2e.repository import Repository
from tests.kubectl import Object

AT_ONCE = 7
"""So many pods: more of them at once would hold up the other tests, which share the node."""
UNPRIVILEGED = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()
"""Root without capabilities is bound by modes, as any author is."""
PLACES_OF_CACHES = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR")
"""Variables that would move what belongs below the home."""
Input = Mapping[str, bytes]


def image(env: Environment) -> str:
    """The bodies' own image, in the environment; the other tests need not wait for it."""
    given = {"EXAMPLE_IMAGE": example_image(env)}
    return dockerfiles.load(env, dockerfiles.build(TASKS / "Dockerfile.parity", TASKS, "e2e-parity", given))


def fill(folder: Path, files: Input) -> None:
    """Write these files."""
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


def ended_here(group: Group, top: Path, files: Input) -> Ended:
    """How the group's attempt ends by `perago run`, in a folder that its changes are applied to."""
    folder, home = top / group.name, top / f"{group.name}.home"
    fill(folder, files)
    home.mkdir()
    (home / "input.json").write_text(json.dumps({"params": group.params}))
    options = ["--input", str(home / "input.json"), "--workspace", str(folder), "--in-place", "--json"]
    command = [*UNPRIVILEGED, sys.executable, "-m", "perago.cli", "run", f"e2e_tasks.{group.module}", *options]
    done = subprocess.run(
        command, env=_environment(home), cwd=home, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    return _ended(json.loads(done.stdout), folder)


def _environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in PLACES_OF_CACHES}
    users = {name: os.environ.get("USER", "root") for name in ("USER", "LOGNAME")}
    return {**kept, **users, "HOME": str(home), "TMPDIR": "/tmp", "PYTHONPATH": str(TASKS)}


def _ended(answer: Object, folder: Path) -> Ended:
    result = answer["result"]
    return Ended(
        status=result["status"],
        message=result.get("reasonForIncompletion") or "",
        facts=_facts(result.get("output")),
        changes=answer["changes"] if answer["ok"] else _unchanged(),
        read=lambda path: (folder / path).read_bytes(),
    )


def _unchanged() -> Changes:
    return {"added": [], "modified": [], "deleted": []}


def _facts(output: Object | None) -> object:
    return output["result"]["facts"] if output else None


@dataclass(frozen=True)
class Pods:
    """The groups as attempts by hand, each on a branch of its own of one repository."""

    flow: Flow
    repository: Repository
    run: str
    """Makes the attempts' names unique to this run."""

    def attempt(self, group: Group, files: Input) -> Object:
        """The attempt of a group on a new branch with these files."""
        branch = self._branch(group.name).create(source_reference="main~1")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda path: branch.object(path).upload(data=files[path]), files))
        head = branch.commit(message="input").id
        workspace = {**self.repository.workspace(head), "branch": group.name}
        memory = {"volume": {"size": "64Mi", "medium": "Memory"}} if group.in_memory else {}
        given = {"workspace": workspace, "params": group.params}
        return self.flow.attempt(
            f"{self.run}-{group.name}", group.module, given, ttlSecondsAfterFinished=3600, **memory
        )

    def _branch(self, name: str) -> lakefs.Branch:
        return lakefs.Repository(self.repository.name, client=self.repository.client).branch(name)

    def ended(self, group: Group, attempt: Object) -> Ended:
        """How the group's attempt ended, by its status and by what is on its branch."""
        outcome, start = attempt["status"]["outcome"], attempt["spec"]["input"]["workspace"]["ref"]
        changes = _unchanged()
        for change in self.repository.at(start).diff(group.name):
            changes[{"added": "added", "changed": "modified", "removed": "deleted"}[change.type]].append(change.path)
        return Ended(
            status=outcome["status"],
            message=outcome["message"] if outcome["status"] != COMPLETED else "",
            facts=_facts(Outcome.model_validate(outcome).full_output()),
            changes=changes,
            read=partial(self._read, group.name),
        )

    def _read(self, branch: str, path: str) -> bytes:
        data = self.repository.at(branch).object(path).reader(mode="rb").read()
        assert isinstance(data, bytes)
        return data


def all_here(groups: Mapping[Group, Input], top: Path) -> dict[Group, Ended]:
    """How each group ends on this machine."""
    with ThreadPoolExecutor(2) as pool:
        ended = pool.map(lambda group: ended_here(group, top, groups[group]), groups)
        return dict(zip(groups, ended, strict=True))


@contextmanager
def all_there(groups: Mapping[Group, Input], installation: Installation, flow: Flow) -> Iterator[dict[Group, Ended]]:
    """How each group has ended in pods; what they published can be read in this block."""
    run = f"parity-{uuid4().hex[:6]}"
    pods = Pods(flow, installation.repository(run), run)
    attempts = [pods.attempt(group, files) for group, files in groups.items()]
    over: list[Object] = []
    for first in range(0, len(attempts), AT_ONCE):
        some = attempts[first : first + AT_ONCE]
        flow.cluster.apply(some)
        over += flow.cluster.all_finished([attempt["metadata"]["name"] for attempt in some], 300)
    yield {group: pods.ended(group, attempt) for group, attempt in zip(groups, over, strict=True)}
    pods.repository.delete()
