"""Follows the logs of all containers of a run: attempts' pods take theirs with them."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.hostile.sites import NAMESPACES
from tests.hostile.stage import Stage
from tests.kubectl import Object, documents


@contextmanager
def followed_logs(stage: Stage, folder: Path) -> Iterator[None]:
    """In this block the log of each container that runs is written to a file of its own."""
    watches = [Watch(stage, namespace, folder) for namespace in NAMESPACES]
    for watch in watches:
        watch.start()
    try:
        yield
    finally:
        for watch in watches:
            watch.stop()


class Watch(threading.Thread):
    """The pods of one namespace, as a watch shows them."""

    def __init__(self, stage: Stage, namespace: str, folder: Path) -> None:
        super().__init__(name=f"logs of {namespace}", daemon=True)
        self._cluster, self._folder, self._namespace = stage.cluster(namespace), folder, namespace
        self._readers: dict[str, subprocess.Popen[bytes]] = {}
        command = self._cluster.command("get", "pods", "--watch", "-o", "json")
        self._watching = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def run(self) -> None:
        """Begin to read each container as soon as it is seen to run, or to have ended."""
        assert self._watching.stdout is not None
        for pod in documents(self._watching.stdout):
            self._seen(pod)

    def stop(self) -> None:
        """End the watch and its readers."""
        self._watching.kill()
        self._watching.wait()
        self.join()
        for reader in self._readers.values():
            reader.terminate()
            reader.wait()

    def _seen(self, pod: Object) -> None:
        for container in pod["status"].get("containerStatuses", []):
            name = f"{self._namespace}.{pod['metadata']['name']}.{container['name']}.{pod['metadata']['uid'][:8]}"
            if "waiting" not in container["state"] and name not in self._readers:
                command = self._cluster.command("logs", "--follow", pod["metadata"]["name"], "-c", container["name"])
                with (self._folder / f"{name}.log").open("wb") as file:
                    self._readers[name] = subprocess.Popen(command, stdout=file, stderr=subprocess.DEVNULL)
