"""Keeps the logs of all operators of a run: those that are killed take theirs with them."""

import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from perago_dev.errors import CommandFailed
from tests.chaos.stage import NAMESPACE, Stage
from tests.kubectl import Object

EVERY = 3.0


@contextmanager
def kept_logs(stage: Stage, folder: Path) -> Iterator[None]:
    """In this block the log of each operator is followed into a file of its own."""
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
        for pod, start in _running(pods):
            name = f"{pod}.{start}"
            if name not in readers or readers[name].poll() is not None:  # cut off: once more from its beginning
                with (folder / f"{name}.log").open("wb") as file:
                    readers[name] = subprocess.Popen(
                        stage.cluster.command("logs", "--follow", pod), stdout=file, stderr=subprocess.DEVNULL
                    )


def _running(pods: Sequence[Object]) -> Iterator[tuple[str, int]]:
    """Names of the pods whose operator runs, and how often it has been restarted."""
    for pod in pods:
        for container in pod["status"].get("containerStatuses", []):
            if "running" in container["state"]:
                yield pod["metadata"]["name"], container["restartCount"]
