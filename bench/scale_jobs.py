"""Jobs of one pod each, by Kubernetes' own controller: what the operator is compared with."""

import asyncio
import time
from typing import Any

from bench.scale_api import Api
from perago_dev.servers import controlplane
from perago_dev.servers.controlplane import UNTHROTTLED, ControlPlane

CONTROLLERS = ("job-controller", "garbage-collector-controller")
TUNED = (*UNTHROTTLED, "--concurrent-job-syncs=20")
LIMIT_SECONDS = 900.0


async def jobs(plane: ControlPlane, count: int, *, tuned: bool) -> dict[str, Any]:
    """Create so many Jobs and wait until all have succeeded."""
    namespace, done, over = f"jobs-{'tuned' if tuned else 'stock'}", set[str](), asyncio.Event()

    def seen(_: str, job: dict[str, Any]) -> None:
        if job.get("status", {}).get("succeeded"):
            done.add(job["metadata"]["name"])
        if len(done) == count:
            over.set()

    path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    plane.kubectl("create", "namespace", namespace)
    with controlplane.controllers(plane, CONTROLLERS, TUNED if tuned else ()):
        async with Api(plane.kubeconfig) as api, api.following(path, seen):
            began = time.monotonic()
            async with asyncio.timeout(LIMIT_SECONDS):
                await api.create(path, (_job(number) for number in range(count)))
                await over.wait()
            seconds = time.monotonic() - began
    return {"n": count, "seconds": round(seconds, 1), "per_s": round(count / seconds, 2)}


def _job(number: int) -> dict[str, Any]:
    container = {"name": "c", "image": "i:1"}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": f"j-{number}"},
        "spec": {"template": template},
    }
