"""Crash dumps: operator, agent and task crash while they hold their keys, and what that leaves on nodes is found.

The kernel decides by a process and by its working directory: none of ours can be dumped, and a read-only root takes no
file. A task may dump itself where it may write, for as long as its pod runs. It shows that the search finds what there
is, and it has no keys.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.hostile import nodes
from tests.hostile.api import attempts, core
from tests.hostile.sites import CRASHES
from tests.hostile.stage import Stage
from tests.kubectl import eventually

FAULT = 139
"""The exit code of a process that SIGSEGV has ended."""
CRASH = "import os, signal; os.kill(1, signal.SIGUSR1)"
"""`sitecustomize.py` and `hostile_tasks.holds` answer it with a fault; the kernel keeps others from process 1."""
FOLDERS = ("*/coredump/*", "*/crash/*")
"""Where programs that take dumps from the kernel keep them."""
FIND = r"""
mounts=$(awk '$3 ~ /^(ext[234]|xfs|btrfs|overlay|tmpfs)$/ {print $2}' /proc/mounts)
find $mounts -xdev -type f -size +16k \( -name "$1" -o -path "$2" -o -path "$3" \) -exec sh -c '
    for file; do
        kind=$(od -An -tx1 -N18 "$file" | tr -d " \n" | cut -c1-8,33-36)
        [ "$kind" = 7f454c460400 ] && echo "$file"
    done; true' sh {} +
"""
"""Files that are core dumps by their first bytes (ELF, type 4), in all file systems of a node."""


@dataclass(frozen=True)
class Victim:
    """A container that crashes."""

    namespace: str
    pod: str
    container: str


def dump_name(pattern: str) -> str:
    """What files are called that the kernel writes by this `core_pattern`, for `find -name`."""
    name = pattern.strip().rpartition("/")[2]
    return "core*" if pattern.startswith("|") else re.sub(r"%.", "*", name) + "*"


def crash(stage: Stage) -> Sequence[str]:
    """Let operator, agent and a process of a task crash; returns what crashed."""
    here = stage.at(CRASHES)
    given = {"workspace": here.workspace("held"), "params": {}}
    names = ("agent", "task")
    made = [here.attempt(name, "holds", given, disruptionRetries=0, keepFailedPodsSeconds=3600) for name in names]
    here.make(*made)
    for name in names:
        eventually(lambda at=name: _holds(here, at), f"the body of attempt {name}", 120)  # type: ignore[misc]
    selector = f"app.kubernetes.io/instance={CRASHES.release}"
    (operator,) = here.api.read(core(CRASHES.system, "pods"), labelSelector=selector)["items"]
    victims = {
        **{f"a pod's {name}": Victim(CRASHES.namespace, f"{name}-1", name) for name in names},
        "the operator": Victim(CRASHES.system, operator["metadata"]["name"], "operator"),
    }
    for what, victim in victims.items():
        _execute(here, victim, "python", "-I", "-c", CRASH)  # it may be gone before it can say that it has ended
        eventually(lambda at=victim: _has_crashed(here, at), f"the end of {what}", 120)  # type: ignore[misc]
    return list(victims)


def _execute(stage: Stage, victim: Victim, *words: str) -> bool:
    """Whether a command succeeds in the container."""
    command = ("exec", victim.pod, "-c", victim.container, "--", *words)
    return stage.cluster(victim.namespace).ended(*command).returncode == 0


def _holds(stage: Stage, name: str) -> bool | None:
    found = stage.api.read(attempts(CRASHES.namespace, name))
    return found.get("status", {}).get("step") == "Executing" or None


def _has_crashed(stage: Stage, victim: Victim) -> bool | None:
    """A task goes on after its process has crashed, and leaves a mark."""
    if victim.container == "task":
        return _execute(stage, victim, "test", "-e", "/tmp/crashed") or None
    statuses = stage.api.read(core(victim.namespace, "pods", victim.pod))["status"]["containerStatuses"]
    status = next(status for status in statuses if status["name"] == victim.container)
    ended = status["state"].get("terminated") or status.get("lastState", {}).get("terminated") or {}
    return ended.get("exitCode") == FAULT or None


def dumps(stage: Stage) -> Iterator[tuple[str, bytes]]:
    """Every dump on a node, with its content."""
    for node in nodes.nodes(stage):
        name = dump_name(nodes.output(node, "cat", "/proc/sys/kernel/core_pattern"))
        for path in sorted(set(nodes.output(node, "sh", "-c", FIND, "find", name, *FOLDERS).splitlines())):
            yield f"crash dump {path} on {node}", nodes.content(node, path)
