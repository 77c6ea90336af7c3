"""Images that cannot be had, each for its own reason. A program on the node plays the registry."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cases.pod_status.record.situation import Object, Situation, alone, both, created, running, waits
from tests.cases.pod_status.record.stage import Stage

PORT = 5055
REGISTRY = f"""
import http.server, json, time

class Registry(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.split("/")[2] if self.path.count("/") > 2 else ""
        if name == "slow":
            time.sleep(3600)
        code, error = {{
            "gone": (404, "MANIFEST_UNKNOWN"), "private": (401, "UNAUTHORIZED"), "denied": (403, "DENIED"),
            "busy": (429, "TOOMANYREQUESTS"), "broken": (500, "UNKNOWN"),
        }}.get(name, (200, ""))
        body = json.dumps({{"errors": [{{"code": error, "message": error.lower()}}]}}).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)
    do_HEAD = do_GET

http.server.ThreadingHTTPServer(("127.0.0.1", {PORT}), Registry).serve_forever()
"""


@contextmanager
def registry(stage: Stage) -> Iterator[None]:
    """A registry at localhost on the worker's node, which answers by the image's name; containerd takes http there."""
    pod: Object = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "registry"},
        "spec": {
            "hostNetwork": True,
            "nodeName": stage.worker,
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {"name": "registry", "image": stage.env.runner_image, "command": ["python", "-c", REGISTRY]}
            ],
        },
    }
    stage.api.remove(stage.path("pods", "registry"), gracePeriodSeconds=0)
    stage.create("pods", pod)
    stage.pods.until("registry", running("registry"), 60)
    yield
    stage.api.remove(stage.path("pods", "registry"), gracePeriodSeconds=0)


def image(reference: str) -> Object:
    """An attempt whose task has that image."""
    return {"task": {"module": "situation", "image": reference}}


def refused(name: str, story: str) -> Situation:
    """An image that the registry refuses, seen at the first try."""
    until = waits("task", "ErrImagePull")
    return Situation(f"image_{name}", story, until, spec=image(f"localhost:{PORT}/{name}:1"))


SITUATIONS = (
    Situation(
        "image_registry_unknown",
        "The registry's name is not known; the first try failed.",
        waits("task", "ErrImagePull"),
        spec=image("registry.invalid/app:1"),
    ),
    Situation(
        "image_pull_backoff",
        "The kubelet waits before it tries to pull again.",
        both(waits("task", "ImagePullBackOff"), running("agent")),
        spec=image("registry.invalid/app:1"),
        sequence=True,
    ),
    refused("gone", "The registry does not have the image."),
    refused("private", "The registry wants to be told who pulls."),
    refused("denied", "The registry does not let us pull the image."),
    refused("busy", "The registry has had too many requests."),
    refused("broken", "The registry answers with an error of its own."),
    Situation(
        "image_slow",
        "The agent runs, and the task's image is being pulled for a long time; the kubelet does not say so.",
        created,
        spec=image(f"localhost:{PORT}/slow:1"),
        when=created,
        act=lambda stage, pod: time.sleep(20),
        cluster=alone,
    ),
    Situation(
        "image_name_invalid", "The image's name is not valid.", waits("task", "InvalidImageName"), spec=image("App:1:2")
    ),
    Situation(
        "image_never_pulled",
        "The pull policy is Never, and the node has no such image.",
        waits("task", "ErrImageNeverPull"),
        spec=image("registry.invalid/app:1"),
        template={"containers": [{"name": "task", "imagePullPolicy": "Never"}]},
    ),
    Situation(
        "agent_image_unknown",
        "The operator's own image cannot be pulled.",
        waits("agent", "ImagePullBackOff"),
        settings={"runner_image": "registry.invalid/runner:1"},
    ),
)
