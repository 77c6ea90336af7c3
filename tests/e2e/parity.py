"""Which bodies share an attempt, and how each ended, whichever side it ran on. Decides only; it runs nothing."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from e2e_tasks.parity_body import Body
from tests.kubectl import Object

GIT = ".git/"
"""What is below has each side's own inodes, times and compression; the commit's id is among the facts."""
MOST_CONTENTS = 50
"""So many changed files of a body are compared byte by byte; of thousands of files, the paths have to do."""
COMPLETED = "COMPLETED"

Changes = dict[str, list[str]]
"""Paths by what happened to them: `added`, `modified`, `deleted`."""


@dataclass(frozen=True)
class Group:
    """Bodies that share one attempt, each in a folder with its own name; or one that has the workspace for itself."""

    name: str
    bodies: tuple[str, ...]
    apart: bool
    in_memory: bool = False

    @property
    def module(self) -> str:
        """The module in `e2e_tasks` whose task runs them."""
        return "parity_together" if self.apart else "parity"

    @property
    def params(self) -> Object:
        """What its task is told."""
        return {"names": list(self.bodies)} if self.apart else {"name": self.bodies[0]}

    def input(self, files: Mapping[str, bytes], whole: Mapping[str, bytes]) -> dict[str, bytes]:
        """The workspace: `whole` for a body that has it for itself, else `files` in each folder."""
        if not self.apart:
            return dict(whole)
        return {f"{body}/{path}": data for body in self.bodies for path, data in files.items()}


def grouped(bodies: Mapping[str, Body], in_memory: tuple[str, ...]) -> list[Group]:
    """All bodies in as few attempts as they allow, and once more those that also run on a volume in memory."""
    shared = {body.group: None for body in bodies.values() if body.group}
    return [
        *(Group(name, tuple(one for one in bodies if bodies[one].group == name), apart=True) for name in shared),
        Group("memory", in_memory, apart=True, in_memory=True),
        *(Group(name.replace("_", "-"), (name,), apart=False) for name in bodies if not bodies[name].group),
    ]


@dataclass(frozen=True)
class Ended:
    """How a whole attempt ended on one side; `read` gives the content of a path that it published."""

    status: str
    message: str
    facts: Any
    changes: Changes
    read: Callable[[str], bytes]


@dataclass(frozen=True)
class End:
    """How a body ended: status, reason, what it saw, the paths that changed, and their content."""

    status: str
    message: str
    facts: object
    changes: Changes
    content: dict[str, bytes]


def end_of(group: Group, body: str, ended: Ended) -> End:
    """How one body of the group ended; of a group that failed as a whole, every body did."""
    folder = f"{body}/" if group.apart else ""
    changes = {kind: sorted(_below(folder, paths)) for kind, paths in ended.changes.items()}
    changed = [
        path for path in sorted(changes["added"] + changes["modified"])[:MOST_CONTENTS] if not path.startswith(GIT)
    ]
    content = {path: ended.read(folder + path) for path in changed}
    seen = ended.facts[body] if group.apart and ended.facts else {"facts": ended.facts, "failure": ""}
    status, message = ("FAILED", seen["failure"]) if seen["failure"] else (ended.status, ended.message)
    return End(status, without_place(message), seen["facts"], changes, content)


def outside(group: Group, ended: Ended) -> list[str]:
    """The changed paths that belong to no body of the group."""
    paths = [path for kind in ended.changes.values() for path in kind]
    return [path for path in paths if group.apart and path.partition("/")[0] not in group.bodies]


def differences(here: End, there: End) -> list[str]:
    """What differs between a body's two ends, as text; a pod's message may say more than that of `perago run`."""
    return list(_differences(here, there))


def _differences(here: End, there: End) -> Iterator[str]:
    for name in (field.name for field in fields(End)):
        expected, seen = getattr(here, name), getattr(there, name)
        if not (expected in seen if name == "message" else expected == seen):
            yield f"{name}: {expected!r} by `perago run`, {seen!r} in the pod"


def _below(folder: str, paths: list[str]) -> Iterator[str]:
    return (path.removeprefix(folder) for path in paths if path.startswith(folder))


def without_place(message: str) -> str:
    """A message without the place of the workspace."""
    return re.sub(r"/[^' ]*task_id=[^/' ]*", "<workspace>", message)
