"""Keeps the logs of all operators of a run: those that are killed take theirs with them."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from perago_dev.errors import CommandFailed
from tests.chaos.stage import NAMESPACE, Stage

EVERY = 3.0


@contextmanager
def kept_logs(stage: Stage, folder: Path) -> Iterator[None]:
    """In this block the log of each operator's pod is followed into a file of its name."""
    over, readers = threading.Event(), dict[str, subprocess.Popen[bytes]]()
    follower = threading.Thread(target=_follow, args=(stage, folder, over, readers))
    follower.start()
    try:
        yield
    finally:
        over.set()
        follower.join()
        for reader in readers.values():
            reader.terminate()
            reader.wait()


def _follow(stage: Stage, folder: Path, over: threading.Event, readers: dict[str, subprocess.Popen[bytes]]) -> None:
    while not over.wait(EVERY):
        try:
            pods = stage.json("get", "pods", "-l", f"app.kubernetes.io/instance={NAMESPACE}")["items"]
        except CommandFailed:
            continue
        for name in (pod["metadata"]["name"] for pod in pods if pod["status"].get("phase") == "Running"):
            if name not in readers or readers[name].poll() is not None:  # cut off, or restarted
                with (folder / f"{name}.log").open("ab") as file:
                    readers[name] = subprocess.Popen(
                        stage.cluster.command("logs", "--follow", name), stdout=file, stderr=subprocess.DEVNULL
                    )
