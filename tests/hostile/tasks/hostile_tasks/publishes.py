"""Leaves in a writable workspace what must not be published, one way for each attempt, chosen by `way`."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel

import perago
from hostile_tasks import talk


class Way(BaseModel):
    """Which way."""

    way: str


class Told(BaseModel):
    """What the agent has answered."""

    told: str


@perago.task(name="hostile-publishes", owner_email="tests@example.com", workspace=perago.WorkspaceSpec())
def body(workspace: Path, params: Way) -> Told:
    """Prepare it; the task side then publishes, unless the conversation was held here."""
    return Told(told=str(WAYS[params.way](workspace)))


def _link(workspace: Path, target: str, name: str = "sly") -> None:
    (workspace / name).symlink_to(target)


def _hook(workspace: Path) -> None:
    folder = workspace / "_lakefs_actions"
    folder.mkdir()
    (folder / "evil.yaml").write_text("name: evil\n")


def _listed(*paths: str) -> str:
    """Publish with a list of changes of its own, in place of the task side's."""
    folder = next(Path("/workspace").glob("task_id=*"))
    listed = folder.parent / f".perago-changes-{folder.name.partition('-exec=')[2]}.jsonl"
    rows = [{"version": 1, "added": len(paths), "modified": 0, "deleted": 0}, *paths]
    listed.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return _published()


def _pipe_for_a_list() -> str:
    folder = next(Path("/workspace").glob("task_id=*"))
    os.mkfifo(folder.parent / f".perago-changes-{folder.name.partition('-exec=')[2]}.jsonl")
    return _published()


def _published() -> str:
    """Hold the rest of the conversation; raises the agent's first refusal, and ends if there is none."""
    output = {"result": {"told": "published"}}
    fence = {"call": "loadCurrentAttempt"}
    for call in (fence, {"call": "stage"}, fence, {"call": "publish", "output": output}, talk.result(output=output)):
        if "refused" in (said := talk.say(call)):
            raise RuntimeError(said)
    os._exit(0)


def _listed_link(workspace: Path) -> str:
    """The task side would refuse the link before its agent has seen it."""
    _link(workspace, "/etc/perago/lakefs/secretAccessKey")
    return _listed("sly")


def _swapped(workspace: Path) -> str:
    """A file that is a link by the time that the agent looks."""
    (workspace / "swapped").write_text("harmless")
    if os.fork() == 0:
        end = time.monotonic() + 5
        while time.monotonic() < end:
            (workspace / "other").symlink_to("/proc/self/environ")
            (workspace / "other").replace(workspace / "swapped")
            (workspace / "plain").write_text("harmless")
            (workspace / "plain").replace(workspace / "swapped")
        os._exit(0)
    return "swapping"


def _long(workspace: Path) -> None:
    """Deeper than lakeFS keeps."""
    folder = workspace.joinpath(*["d" * 200] * 7)
    folder.mkdir(parents=True)
    (folder / "file").write_text("x")


WAYS: dict[str, Callable[[Path], object]] = {
    "a link to a file": lambda workspace: _link(workspace, "/etc/passwd"),
    "a link to the agent's environment": lambda workspace: _link(workspace, "/proc/self/environ"),
    "a link to the keys": lambda workspace: _link(workspace, "/etc/perago/lakefs", "keys"),
    "a hook of the repository": _hook,
    "a pipe": lambda workspace: os.mkfifo(workspace / "pipe"),
    "a path out of the workspace": lambda _: _listed("../../etc/passwd"),
    "a path from the root": lambda _: _listed("/etc/perago/lakefs/secretAccessKey"),
    "no path": lambda _: _listed(""),
    "a change that is not there": lambda _: _listed("absent"),
    "a pipe for a list": lambda _: _pipe_for_a_list(),
    "a link in a list of its own": _listed_link,
    "a file that changes into a link": _swapped,
    "success without a publication": lambda _: talk.say(talk.result(output={"result": {"told": "invented"}})),
    "a name that is too long": _long,
}
