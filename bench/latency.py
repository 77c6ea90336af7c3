"""How long an attempt takes around its body, and how much memory its processes need.

Run `python -m bench.latency [--count 20] [--lives 10]` on a running environment that has the images. Attempts run one
after another, with Conductor tasks that the benchmark polls itself, so that "created" is the moment at which the object
is sent to the API server, to the millisecond (a creationTimestamp has whole seconds). Baseline: a bare pod of the same
image that prints the time. All clocks are this machine's. `--lives` says of how many attempts, bare pods and Jobs the
whole life is followed, for a table in Markdown of what waits for what (`--count 0` leaves out all the rest). The last
line is JSON.
"""

import argparse
import json
import os
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote
from uuid import uuid4

from kubernetes import client, config  # type: ignore[import-untyped]

from bench import lives
from bench.lives import ATTEMPTS, Object, accepted
from bench.memory import resident_mib
from bench.waterfall import Stamps, table
from perago_dev.environment import DEFAULT_NAME
from tests.e2e.flow import Flow
from tests.e2e.installation import INSIDE, Installation, install, installed
from tests.e2e.repository import Repository
from tests.kubectl import is_complete

OPERATOR = f"{INSIDE}-perago-operator"
"""Name of the operator's service account and of its Lease; release and namespace have the same name."""


def polled_task(flow: Flow, task_type: str, repository: Repository, delay: float = 0.0) -> Object:
    """A Conductor task of this type, polled by this benchmark as if it were a replica of the operator."""
    flow.start(task_type, repository, text="bench", delay=delay)
    lease = flow.cluster.json("get", "lease", OPERATOR)["metadata"]["uid"]
    worker = quote(f"bench@{INSIDE}.{INSIDE}/{lease}", safe="")
    while True:
        path = f"/tasks/poll/batch/{task_type}?count=1&timeout=5000&workerid={worker}"
        answer = flow.conductor.call("GET", path).json()
        if answer:
            task: Object = answer[0]
            return task


def attempt_of(task: Object, task_type: str) -> Object:
    """The attempt that the operator itself would create for the task."""
    keys = ["workflowInstanceId", "taskId", "referenceTaskName", "seq", "iteration", "retryCount", "workerId"]
    identity = {key: task[key] for key in keys if task.get(key) is not None}
    return {
        "apiVersion": "perago.dev/v1alpha1",
        "kind": "PeragoAttempt",
        "metadata": {"name": task["taskId"], "finalizers": ["perago.dev/attempt"]},
        "spec": {
            "taskRef": {"name": task_type},
            "input": task["inputData"],
            "conductor": {"taskType": task_type, "responseTimeoutSeconds": 60, **identity},
        },
    }


def timed_attempt(flow: Flow, manifest: Object) -> Stamps:
    """When the object was sent, when its body began, when Conductor had the result, and when the status said so."""
    name, api, created = manifest["metadata"]["name"], client.CustomObjectsApi(as_operator()), time.time()
    attempt = api.create_namespaced_custom_object(namespace=flow.cluster.namespace, body=manifest, **ATTEMPTS)
    at, status = accepted(api, flow.cluster.namespace, name, attempt["metadata"]["resourceVersion"])
    begun = float(status["outcome"]["output"]["result"]["text"].split()[0])
    return {"created": created, "body": begun, "conductor": conductors_end(flow, name), "accepted": at}


def conductors_end(flow: Flow, task_id: str) -> float:
    """When Conductor ended the task, by its own word."""
    return float(flow.conductor.call("GET", f"/tasks/{task_id}").json()["endTime"]) / 1000


def timed_pod(api: client.CoreV1Api, namespace: str, image: str) -> float:
    """Seconds from a bare pod's creation until its process runs."""
    name = f"bare-{uuid4().hex[:8]}"
    created = time.time()
    api.create_namespaced_pod(namespace, {"metadata": {"name": name}, "spec": lives.pod_spec(image, 0.0)})
    try:
        while api.read_namespaced_pod(name, namespace).status.phase not in {"Succeeded", "Failed"}:
            time.sleep(0.1)
        return float(lives.log(namespace, name).split()[0]) - created
    finally:
        api.delete_namespaced_pod(name, namespace, grace_period_seconds=0)


def spread(values: list[float]) -> dict[str, float]:
    """Median and 95th percentile, in seconds."""
    return {
        "p50": round(statistics.median(values), 3),
        "p95": round(statistics.quantiles(values, n=20, method="inclusive")[-1], 3),
    }


def as_operator() -> client.ApiClient:
    """Only the operator may make an attempt of a Conductor task."""
    return client.ApiClient(header_name="Impersonate-User", header_value=f"system:serviceaccount:{INSIDE}:{OPERATOR}")


def measure_times(flow: Flow, repository: Repository, task_type: str, count: int) -> dict[str, dict[str, float]]:
    """The rows of times, measured in turns so that all see the same machine."""
    attempts, bare = list[Stamps](), list[float]()
    for turn in range(count):
        task = polled_task(flow, task_type, repository)
        attempts.append(timed_attempt(flow, attempt_of(task, task_type)))
        flow.cluster.finished(task["taskId"])
        bare.append(timed_pod(client.CoreV1Api(), flow.cluster.namespace, flow.image))
        lasted = ", ".join(f"{key} {at - attempts[-1]['created']:.2f} s" for key, at in attempts[-1].items())
        print(f"{turn + 1:3}  {lasted}, bare pod {bare[-1]:.2f} s", flush=True)
    return {
        "created_to_body": spread([attempt["body"] - attempt["created"] for attempt in attempts]),
        "body_to_conductor": spread([attempt["conductor"] - attempt["body"] for attempt in attempts]),
        "created_to_accepted": spread([attempt["accepted"] - attempt["created"] for attempt in attempts]),
        "bare_pod_created_to_started": spread(bare),
    }


def followed_lives(
    flow: Flow, repository: Repository, task_type: str, installation: Installation, count: int
) -> dict[str, list[Stamps]]:
    """The lives of so many attempts, bare pods and Jobs, in turns."""
    namespace, image = flow.cluster.namespace, flow.image
    operator = installation.operator_pod()
    stamps: dict[str, list[Stamps]] = {"attempt": [], "bare pod": [], "Job": []}
    with ThreadPoolExecutor() as threads:
        for turn in range(count):
            task = polled_task(flow, task_type, repository, lives.DELAY)
            life = lives.attempt(threads, as_operator(), namespace, attempt_of(task, task_type), operator)
            stamps["attempt"].append({**life, "conductor": conductors_end(flow, task["taskId"])})
            flow.cluster.finished(task["taskId"])
            stamps["bare pod"].append(lives.bare_pod(threads, namespace, image))
            stamps["Job"].append(lives.job(threads, namespace, image))
            print(f"{turn + 1:3}  three lives followed", flush=True)
    return stamps


def measure_memory(flow: Flow, repository: Repository, installation: Installation) -> dict[str, float]:
    """Peak resident memory, in MiB, with a 500 MB object in the workspace."""
    repository.branch.object("large.bin").upload(data=bytes(500_000_000))
    repository.branch.commit(message="a large object")
    name = f"memory-{uuid4().hex[:8]}"
    payload = {"workspace": repository.workspace(), "params": {"delay": 20.0, "text": "memory"}}
    flow.cluster.apply([flow.attempt(name, "writable", payload, volume={"size": "2Gi"})])
    flow.cluster.attempt(name, lambda status: status.get("step") == "Executing", 180)
    pod = f"{name}-1"
    figures = {side: resident_mib(flow.cluster, pod, side) for side in ("agent", "task")}
    figures["operator"] = resident_mib(installation.cluster(INSIDE), installation.operator_pod(), "operator")
    flow.cluster.attempt(name, is_complete)
    return figures


def main() -> None:
    """Run, print a line per attempt, the table of lives, and the JSON last."""
    parser = argparse.ArgumentParser(prog="bench.latency", description=__doc__)
    parser.add_argument("--count", type=int, default=20, help="attempts, one after another")
    parser.add_argument("--lives", type=int, default=10, help="attempts, bare pods and Jobs that are followed")
    options = parser.parse_args()
    name = os.environ.get("PERAGO_ENV", DEFAULT_NAME)
    install(name)
    installation = installed(name)
    config.load_kube_config(str(installation.env.kubeconfig))
    flow = installation.flow("bench")
    repository = installation.repository(f"bench-{uuid4().hex[:8]}")
    task_type = flow.serve("clock", response_seconds=60, paused=True)
    result: Object = {"bench": "latency"}
    if options.lives:
        sys.stdout.write(f"\n{table(followed_lives(flow, repository, task_type, installation, options.lives))}\n\n")
    if options.count:
        result["case"] = measure_times(flow, repository, task_type, options.count)
        result["rss_mib"] = measure_memory(flow, repository, installation)
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
