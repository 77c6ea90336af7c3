"""The lives of an attempt, a bare pod and a Job in an environment, each with the times of its steps.

Their bodies last for a few seconds, so that the container runtime can be asked about them while they run. All clocks
are this machine's.
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any
from uuid import uuid4

from kubernetes import client, watch  # type: ignore[import-untyped]

from bench.waterfall import Stamps, of_agent, of_operator, of_runtime
from perago_dev.host import commands, podman
from perago_dev.host.preflight import provider

Object = dict[str, Any]
ATTEMPTS = {"group": "perago.dev", "version": "v1alpha1", "plural": "peragoattempts"}
PATIENCE = 120
DELAY = 4.0
"""Seconds that each body takes: until the kubelet has told of the running pod, and the runtime has been asked."""
RESTRICTED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


NODE = """
c="ctr --namespace=k8s.io"
for id in {ids}; do $c containers info $id; done
$c containers info $($c containers info $id | sed -n 's/.*"io.kubernetes.cri.sandbox-id": "\\(.*\\)".*/\\1/p')
echo {end}
for id in {ids}; do
  pid=$($c tasks ls | sed -n "s/^$id *\\([0-9]*\\) .*/\\1/p")
  echo $id $(date +%s.%N) $(cut -d' ' -f1 /proc/uptime) $(sed 's/.*) //' /proc/${{pid:-none}}/stat | cut -d' ' -f20)
done
"""
"""What the node tells of running containers: the runtime's words of them and of their sandbox, and their processes."""
END = "---"


def of_node(node: str, containers: Sequence[str]) -> Stamps:
    """When the sandbox of these running containers was made, and when they were made and started."""
    engine = provider()
    env = podman.environment() if engine == "podman" else None
    script = NODE.format(ids=" ".join(containers), end=END)
    infos, _, processes = commands.output([engine, "exec", node, "sh", "-c", script], env=env).partition(END)
    return of_runtime(infos, processes.strip())


class PodsWatched:
    """When the API server told of the first pod with this label, that it had a node, and that all of it ran."""

    def __init__(self, namespace: str, selector: str) -> None:
        self.stamps: Stamps = {}
        self.name: Future[str] = Future()
        self.node: Future[str] = Future()
        self.running: Future[list[str]] = Future()
        """The ids of its containers."""
        self._watch = watch.Watch()
        self._namespace = namespace
        self._selector = selector
        self._began = Event()

    def run(self, version: str) -> None:
        """Watch until `end`; everything after this version of the list of pods."""
        stream = self._watch.stream(
            client.CoreV1Api().list_namespaced_pod,
            namespace=self._namespace,
            label_selector=self._selector,
            resource_version=version,
            timeout_seconds=PATIENCE,
        )
        for event in stream:
            self._saw(event["object"], time.time())
            if self.running.done():
                return

    def _saw(self, pod: Any, now: float) -> None:
        self.stamps.setdefault("pod", now)
        if not self.name.done():
            self.name.set_result(pod.metadata.name)
        if pod.spec.node_name and not self.node.done():
            self.stamps["scheduled"] = now
            self.node.set_result(pod.spec.node_name)
        statuses = pod.status.container_statuses or []
        if statuses and all(status.state.running for status in statuses):
            self.running.set_result([status.container_id.removeprefix("containerd://") for status in statuses])


@contextmanager
def pods_watched(threads: ThreadPoolExecutor, namespace: str, selector: str) -> Iterator[PodsWatched]:
    """Watch the pods with this label from now on."""
    version = client.CoreV1Api().list_namespaced_pod(namespace, limit=1).metadata.resource_version
    watched = PodsWatched(namespace, selector)
    watching = threads.submit(watched.run, version)
    yield watched
    watching.result(PATIENCE)


def pod_spec(image: str, delay: float) -> Object:
    """A pod of one container that prints the time and ends after the delay."""
    command = ["sh", "-c", f"date +%s.%N; sleep {delay}; date +%s.%N"]
    return {
        "containers": [{"name": "bare", "image": image, "command": command, "securityContext": RESTRICTED}],
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
    }


def bare_pod(threads: ThreadPoolExecutor, namespace: str, image: str) -> Stamps:
    """The life of a bare pod."""
    name = f"bare-{uuid4().hex[:8]}"
    manifest = {"metadata": {"name": name, "labels": {"bench": name}}, "spec": pod_spec(image, DELAY)}
    with pods_watched(threads, namespace, f"bench={name}") as watched:
        created = time.time()
        client.CoreV1Api().create_namespaced_pod(namespace, manifest)
    return {"created": created, **_of_plain_pod(namespace, watched)}


def job(threads: ThreadPoolExecutor, namespace: str, image: str) -> Stamps:
    """The life of a Job of one pod."""
    name = f"job-{uuid4().hex[:8]}"
    template = {"metadata": {"labels": {"bench": name}}, "spec": pod_spec(image, DELAY)}
    manifest = {"metadata": {"name": name}, "spec": {"template": template, "backoffLimit": 0}}
    with pods_watched(threads, namespace, f"bench={name}") as watched:
        created = time.time()
        client.BatchV1Api().create_namespaced_job(namespace, manifest)
    try:
        return {"created": created, **_of_plain_pod(namespace, watched)}
    finally:
        client.BatchV1Api().delete_namespaced_job(name, namespace, propagation_policy="Background")


def _of_plain_pod(namespace: str, watched: PodsWatched) -> Stamps:
    """The rest of the life of a pod that tells when its process began; the pod is deleted."""
    name, api = watched.name.result(), client.CoreV1Api()
    try:
        runtime = of_node(watched.node.result(), watched.running.result())
        while api.read_namespaced_pod(name, namespace).status.phase not in {"Succeeded", "Failed"}:
            time.sleep(0.1)
        body, ended = map(float, log(namespace, name).split())
        return {**watched.stamps, **runtime, "body": body, "body_ended": ended}
    finally:
        api.delete_namespaced_pod(name, namespace, grace_period_seconds=0)


def accepted(api: client.CustomObjectsApi, namespace: str, name: str, version: str) -> tuple[float, Object]:
    """When the attempt's status said that Conductor has the result, and that status."""
    stream = watch.Watch().stream(
        api.list_namespaced_custom_object,
        namespace=namespace,
        field_selector=f"metadata.name={name}",
        resource_version=version,
        timeout_seconds=PATIENCE,
        **ATTEMPTS,
    )
    for event in stream:
        status: Object = event["object"].get("status", {})
        if status.get("reporting", {}).get("state") == "Accepted":
            return time.time(), status
    raise SystemExit(f"attempt {name} was not accepted within {PATIENCE} s")


def attempt(
    threads: ThreadPoolExecutor,
    operator: client.ApiClient,
    namespace: str,
    manifest: Object,
    operators_pod: str,
) -> Stamps:
    """The life of an attempt, whose operator logs in its own namespace at the level DEBUG."""
    name, api = manifest["metadata"]["name"], client.CustomObjectsApi(operator)
    began = int(time.time())
    with pods_watched(threads, namespace, f"perago.dev/attempt={name}") as watched:
        created = time.time()
        attempt = api.create_namespaced_custom_object(namespace=namespace, body=manifest, **ATTEMPTS)
    agents = threads.submit(log, namespace, watched.name.result(), container="agent", follow=True, timestamps=True)
    runtime = of_node(watched.node.result(), watched.running.result())
    at, status = accepted(api, namespace, name, attempt["metadata"]["resourceVersion"])
    since = int(time.time()) - began + 1
    operators = log(namespace, operators_pod, timestamps=True, since_seconds=since)
    body, ended = map(float, status["outcome"]["output"]["result"]["text"].split())
    return {
        "created": created,
        **watched.stamps,
        **runtime,
        **of_agent(agents.result(PATIENCE), status["timings"]),
        **of_operator(operators, f"{namespace}/{name}"),
        "body": body,
        "body_ended": ended,
        "accepted": at,
    }


def log(namespace: str, pod: str, **more: Any) -> str:
    """What a pod has logged."""
    answer = client.CoreV1Api().read_namespaced_pod_log(pod, namespace, _preload_content=False, **more)
    text: str = answer.data.decode()
    return text
