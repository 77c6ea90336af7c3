"""The cluster's API server as the recorder uses it: requests, with refusals as they come, and one watch of pods."""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import httpx

from perago_operator.adapters import kube_access
from tests.cases.pod_status.record.situation import Object, Until

SECONDS = 60.0
MERGE = {"Content-Type": "application/merge-patch+json"}


class Api:
    """Requests with all rights, or as another user."""

    def __init__(self, kubeconfig: Path) -> None:
        access = kube_access.load(kubeconfig)
        tls = access.tls()
        self._client = httpx.Client(
            base_url=access.server, verify=True if tls is None else tls, timeout=SECONDS, trust_env=False
        )

    def answer(self, method: str, path: str, body: Object | None = None, *, user: str = "") -> Object:
        """What the server answers, whatever it is: an object, or a Status that says why not."""
        headers = {**(MERGE if method == "PATCH" else {}), **({"Impersonate-User": user} if user else {})}
        answered: Object = self._client.request(method, path, json=body, headers=headers).json()
        return answered

    def __call__(self, method: str, path: str, body: Object | None = None) -> Object:
        """The answer to a request that is not refused. Raises RuntimeError with the refusal."""
        answered = self.answer(method, path, body)
        if answered.get("kind") == "Status" and answered.get("status") == "Failure":
            raise RuntimeError(f"{method} {path}: {answered['message']}")
        return answered

    def remove(self, path: str, **options: object) -> None:
        """Delete an object if it is there."""
        self.answer("DELETE", path, {"kind": "DeleteOptions", "apiVersion": "v1", **options})

    def lines(self, path: str, version: str) -> AbstractContextManager[httpx.Response]:
        """A watch's answer, to be read line by line."""
        query = {"watch": "true", "resourceVersion": version}
        return self._client.stream("GET", path, params=query, timeout=httpx.Timeout(SECONDS, read=None))


class Pods:
    """Every state of every pod of a namespace since the beginning, as one watch shows them."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api = api
        self._path = f"/api/v1/namespaces/{namespace}/pods"
        self._seen: dict[str, list[Object]] = defaultdict(list)
        self._changed = threading.Condition()
        threading.Thread(target=self._watch, daemon=True).start()

    def states(self, name: str) -> list[Object]:
        """All states of a pod so far."""
        with self._changed:
            return list(self._seen[name])

    def until(self, name: str, state: Until, seconds: float) -> Object:
        """The pod once it is in the state. Raises TimeoutError with what it showed last."""
        end = time.monotonic() + seconds
        with self._changed:
            while not (self._seen[name] and state(self._seen[name][-1])):
                if not self._changed.wait(end - time.monotonic()) or time.monotonic() > end:
                    last = self._seen[name][-1].get("status") if self._seen[name] else None
                    raise TimeoutError(f"pod {name}: not within {seconds:.0f} s: {json.dumps(last)}")
            return self._seen[name][-1]

    def _watch(self) -> None:
        version = str(self._api("GET", self._path)["metadata"]["resourceVersion"])
        while True:
            with self._api.lines(self._path, version) as response:
                for line in response.iter_lines():
                    version = self._keep(json.loads(line)) or version

    def _keep(self, event: Object) -> str | None:
        pod: Object = event["object"]
        if event["type"] in ("ADDED", "MODIFIED"):
            with self._changed:
                self._seen[pod["metadata"]["name"]].append(pod)
                self._changed.notify_all()
        version: str | None = pod["metadata"].get("resourceVersion")
        return version


def eventually(look: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
    """Wait until it holds. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while not look():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.5)
