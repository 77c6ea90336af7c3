"""How long an attempt takes around its body, and how much memory its processes need.

Run `python -m bench.latency [--count 20]` on a running environment that has the images. Attempts run one after
another, with Conductor tasks that the benchmark polls itself, so that "created" is the moment at which the object is
sent to the API server, to the millisecond (a creationTimestamp has whole seconds). Baseline: a bare pod of the same
image that prints the time. All clocks are this machine's. The last line is JSON.
"""

import argparse
import json
import os
import statistics
import sys
import time
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from kubernetes import client, config, watch  # type: ignore[import-untyped]

from bench.memory import resident_mib
from perago_dev.environment import DEFAULT_NAME
from tests.e2e.flow import Flow
from tests.e2e.installation import INSIDE, Installation, install, installed
from tests.e2e.repository import Repository
from tests.kubectl import is_complete

ATTEMPTS = {"group": "perago.dev", "version": "v1alpha1", "plural": "peragoattempts"}
OPERATOR = f"{INSIDE}-perago-operator"
"""Name of the operator's service account and of its Lease; release and namespace have the same name."""
Object = dict[str, Any]


def polled_task(flow: Flow, task_type: str, repository: Repository) -> Object:
    """A Conductor task of this type, polled by this benchmark as if it were a replica of the operator."""
    flow.start(task_type, repository, text="bench")
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
        "metadata": {"name": task["taskId"]},
        "spec": {
            "taskRef": {"name": task_type},
            "input": task["inputData"],
            "conductor": {"taskType": task_type, "responseTimeoutSeconds": 60, **identity},
        },
    }


def timed_attempt(api: client.CustomObjectsApi, namespace: str, manifest: Object) -> tuple[float, float]:
    """Seconds from the object's creation to its body, and to its acceptance by Conductor."""
    name = manifest["metadata"]["name"]
    created = time.time()
    made = api.create_namespaced_custom_object(namespace=namespace, body=manifest, **ATTEMPTS)
    version = made["metadata"]["resourceVersion"]
    stream = watch.Watch().stream(
        api.list_namespaced_custom_object,
        namespace=namespace,
        field_selector=f"metadata.name={name}",
        resource_version=version,
        timeout_seconds=120,
        **ATTEMPTS,
    )
    for event in stream:
        status = event["object"].get("status", {})
        if status.get("reporting", {}).get("state") == "Accepted":
            begun = float(status["outcome"]["output"]["result"]["text"])
            return begun - created, time.time() - created
    raise SystemExit(f"attempt {name} was not accepted within 120 s")


def timed_pod(api: client.CoreV1Api, namespace: str, image: str) -> float:
    """Seconds from a bare pod's creation until its process runs."""
    name = f"bare-{uuid4().hex[:8]}"
    restricted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {"name": "bare", "image": image, "command": ["sh", "-c", "date +%s.%N"], "securityContext": restricted}
    spec = {
        "containers": [container],
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
    }
    created = time.time()
    api.create_namespaced_pod(namespace, {"metadata": {"name": name}, "spec": spec})
    try:
        while api.read_namespaced_pod(name, namespace).status.phase not in {"Succeeded", "Failed"}:
            time.sleep(0.1)
        return float(api.read_namespaced_pod_log(name, namespace)) - created
    finally:
        api.delete_namespaced_pod(name, namespace, grace_period_seconds=0)


def spread(values: list[float]) -> dict[str, float]:
    """Median and 95th percentile, in seconds."""
    return {
        "p50": round(statistics.median(values), 3),
        "p95": round(statistics.quantiles(values, n=20, method="inclusive")[-1], 3),
    }


def measure_times(flow: Flow, repository: Repository, count: int) -> dict[str, dict[str, float]]:
    """The three rows of times, measured in turns so that all see the same machine."""
    task_type = flow.serve("clock", response_seconds=60, paused=True)
    to_body, to_accepted, bare = [], [], []
    # only the operator may make an attempt of a Conductor task
    operator = client.ApiClient(
        header_name="Impersonate-User", header_value=f"system:serviceaccount:{INSIDE}:{OPERATOR}"
    )
    for turn in range(count):
        task = polled_task(flow, task_type, repository)
        body, accepted = timed_attempt(
            client.CustomObjectsApi(operator), flow.cluster.namespace, attempt_of(task, task_type)
        )
        flow.cluster.finished(task["taskId"])
        started = timed_pod(client.CoreV1Api(), flow.cluster.namespace, flow.image)
        to_body.append(body)
        to_accepted.append(accepted)
        bare.append(started)
        print(f"{turn + 1:3}  body {body:.2f} s  accepted {accepted:.2f} s  bare pod {started:.2f} s", flush=True)
    return {
        "created_to_body": spread(to_body),
        "created_to_accepted": spread(to_accepted),
        "bare_pod_created_to_started": spread(bare),
    }


def measure_memory(flow: Flow, repository: Repository, installation: Installation) -> dict[str, float]:
    """Peak resident memory, in MiB, with a 500 MB object in the workspace."""
    repository.branch.object("large.bin").upload(data=bytes(500_000_000))
    repository.branch.commit(message="a large object")
    name = f"memory-{uuid4().hex[:8]}"
    given = {"workspace": repository.workspace(), "params": {"delay": 20.0, "text": "memory"}}
    flow.cluster.apply([flow.attempt(name, "writable", given, volume={"size": "2Gi"})])
    flow.cluster.attempt(name, lambda status: status.get("step") == "Executing", 180)
    pod = f"{name}-1"
    figures = {side: resident_mib(flow.cluster, pod, side) for side in ("agent", "task")}
    figures["operator"] = resident_mib(installation.cluster(INSIDE), installation.operator_pod(), "operator")
    flow.cluster.attempt(name, is_complete)
    return figures


def main() -> None:
    """Run, print a line per attempt, and the JSON last."""
    parser = argparse.ArgumentParser(prog="bench.latency", description=__doc__)
    parser.add_argument("--count", type=int, default=20, help="attempts, one after another")
    count = parser.parse_args().count
    name = os.environ.get("PERAGO_ENV", DEFAULT_NAME)
    install(name)
    installation = installed(name)
    config.load_kube_config(str(installation.env.kubeconfig))
    flow = installation.flow("bench")
    repository = installation.repository(f"bench-{uuid4().hex[:8]}")
    case = measure_times(flow, repository, count)
    memory = measure_memory(flow, repository, installation)
    sys.stdout.write(json.dumps({"bench": "latency", "case": case, "rss_mib": memory}) + "\n")


if __name__ == "__main__":
    main()
