"""Containers that the node's runtime cannot start, through no fault of theirs. Each breaks the node for a moment."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from tests.cases.pod_status.record.situation import Situation, alone, condition, ended
from tests.cases.pod_status.record.stage import Stage

WRAPPER = """#!/bin/sh
# Fails for the containers of a pod, and not for its sandbox.
case " $* " in
  *" create "*) bundle=$(echo "$*" | sed 's/.*--bundle \\([^ ]*\\).*/\\1/')
    if grep -q '"io.kubernetes.cri.container-name":"task"' "$bundle/config.json"; then
      BREAK
    fi ;;
esac
exec RUNC.real "$@"
"""


def broken(what: str) -> Callable[[Stage], AbstractContextManager[None]]:
    """`runc` of the worker does that instead of creating the task's container."""

    @contextmanager
    def there(stage: Stage) -> Iterator[None]:
        path = stage.on_node("command -v runc").strip()
        script = WRAPPER.replace("BREAK", what).replace("RUNC", path)
        stage.on_node(f"mv {path} {path}.real && cat > {path} <<'END'\n{script}\nEND\nchmod 755 {path}")
        try:
            yield
        finally:
            stage.on_node(f"mv {path}.real {path}")

    return there


def start_error(name: str, story: str, what: str) -> Situation:
    """A task whose container the runtime fails to create once its sandbox and the agent are there."""
    return Situation(name, story, ended("task"), cluster=broken(what))


SITUATIONS = (
    start_error(
        "runtime_no_processes",
        "The runtime could not start a process: the node had no more process ids.",
        "echo 1 > /dev/null; group=/sys/fs/cgroup/pids/perago-record; mkdir -p $group; echo 8 > $group/pids.max; "
        "echo $$ > $group/cgroup.procs",
    ),
    start_error("runtime_no_files", "The runtime could not open files: it had too many of them open.", "ulimit -n 6"),
    start_error("runtime_killed", "The runtime was killed while it created the container.", "kill -KILL $$"),
    start_error("runtime_crashed", "The runtime crashed without a word.", "exit 2"),
    start_error(
        "runtime_hook_failed",
        "A hook of the node failed when the container was created.",
        'jq \'.hooks.createRuntime = [{"path": "/bin/false"}]\' "$bundle/config.json" > "$bundle/new.json" '
        '&& mv "$bundle/new.json" "$bundle/config.json"',
    ),
    start_error(
        "runtime_cgroup_failed",
        "The container's control group could not be made.",
        'jq \'.linux.cgroupsPath = "/proc/none/" + ("x" * 300)\' "$bundle/config.json" > "$bundle/new.json" '
        '&& mv "$bundle/new.json" "$bundle/config.json"',
    ),
    start_error(
        "runtime_device_missing",
        "A device of the node was not there.",
        'jq \'.mounts += [{"destination": "/dev/none", "source": "/dev/none", "type": "bind", "options": ["bind"]}]\' '
        '"$bundle/config.json" > "$bundle/new.json" && mv "$bundle/new.json" "$bundle/config.json"',
    ),
    Situation(
        "sandbox_refused",
        "The pod asks for a user namespace, which the node's runtime does not give: there is no sandbox.",
        condition("PodReadyToStartContainers", "False"),
        settings={"host_users": False},
        cluster=alone,
        when=condition("PodReadyToStartContainers", "False"),
        act=lambda stage, pod: time.sleep(8),
    ),
)
