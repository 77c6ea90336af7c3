"""Where situations are brought about: a namespace without an operator, pods that the operator's own code builds."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from perago_dev.cluster.kind import Kind
from perago_dev.environment import Environment
from perago_dev.host.commands import output
from perago_dev.host.podman import environment as podman_environment
from perago_dev.host.preflight import provider
from perago_dev.release import helm, secrets
from perago_operator.api.attempt import PeragoAttempt
from perago_operator.core.config import Config, PodSettings
from perago_operator.core.pod.manifest import pod_manifest
from perago_operator.core.pod.template import merged
from perago_operator.core.resolve import resolve
from tests.cases.pod_status.record.api import Api, Pods, eventually
from tests.cases.pod_status.record.situation import Object

NAMESPACE = "pod-status"
BODY = """\
import perago
from pydantic import BaseModel

class Params(BaseModel):
    code: str

class Answer(BaseModel):
    text: str = ""

@perago.task(name="pod-status", owner_email="tests@example.com")
def body(params: Params) -> Answer:
    exec(params.code, {})
    return Answer()
"""
"""A task module that does what its params say; each pod mounts it, so that no image has to be built for it."""
CODE_MOUNT = "/opt/situation"
FILES = {
    "situation.py": BODY,
    "no-interpreter": "neither a program nor a script\n",
    "no-such-interpreter": "#!/no/such/interpreter\n",
}
TEMPLATE: Object = {
    "containers": [
        {
            "name": "task",
            "env": [{"name": "PYTHONPATH", "value": CODE_MOUNT}],
            "volumeMounts": [{"name": "situation", "mountPath": CODE_MOUNT, "readOnly": True}],
        }
    ],
    "volumes": [{"name": "situation", "configMap": {"name": "situation", "defaultMode": 0o755}}],
}


@dataclass(frozen=True)
class Stage:
    """A cluster of ours, in which no operator serves the namespace."""

    env: Environment
    api: Api
    pods: Pods
    worker: str
    """The node on which the pods run."""
    namespace: str = NAMESPACE

    @property
    def names(self) -> Mapping[str, str]:
        """Names of this cluster, with the words that stand for them in recordings."""
        return {
            self.env.runner_image: "runner:1",
            self.worker: "worker",
            f"{self.env.name}-control-plane": "control-plane",
        }

    def path(self, plural: str, name: str = "", root: str = "/api/v1") -> str:
        """The path of a namespaced object, or of all of them."""
        return f"{root}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    def attempt(self, name: str, code: str, spec: Object, template: Object) -> PeragoAttempt:
        """A standalone attempt, whose objects owns the pod: the garbage collector would delete it otherwise."""
        given: Object = {
            "task": {"module": "situation", "image": self.env.runner_image},
            "input": {"params": {"code": code}},
            "resources": {"limits": {"memory": "128Mi"}},
            **spec,
        }
        made = {"apiVersion": "perago.dev/v1alpha1", "kind": "PeragoAttempt", "metadata": {"name": name}, "spec": given}
        path = self.path("peragoattempts", root="/apis/perago.dev/v1alpha1")
        created = self.api("POST", path, made)
        shape = {"podTemplate": {"spec": merged(TEMPLATE, template)}}  # of a PeragoTask's author: attempts may say less
        return PeragoAttempt.model_validate({**created, "spec": {**created["spec"], **shape}})

    def manifest(self, attempt: PeragoAttempt, settings: Mapping[str, Any]) -> Object:
        """The pod that the operator makes for the attempt."""
        base = PodSettings(runner_image=self.env.runner_image, retry_seconds=5, grace_seconds=10)
        config = Config(pod=replace(base, **settings))
        return dict(pod_manifest(attempt, resolve(attempt.spec, None, config), 1, config))

    def filled(self, template: Object) -> Object:
        """The template with the worker's name and the runner's image in the places that stand for them."""
        text = json.dumps(template).replace('"WORKER"', json.dumps(self.worker))
        filled: Object = json.loads(text.replace('"RUNNER"', json.dumps(self.env.runner_image)))
        return filled

    def create(self, plural: str, obj: Object, root: str = "/api/v1") -> Object:
        """Create an object of the namespace."""
        return self.api("POST", self.path(plural, root=root), obj)

    def remove_attempts(self, names: Iterable[str]) -> None:
        """Delete attempts with their pods, whose finalizers are taken off."""
        for name in names:
            pod = self.path("pods", f"{name}-1")
            self.api.answer("PATCH", pod, {"metadata": {"finalizers": None}})
            self.api.remove(pod, gracePeriodSeconds=0)
            self.api.remove(self.path("peragoattempts", name, "/apis/perago.dev/v1alpha1"))

    def on_node(self, command: str) -> str:
        """What a shell command prints on the worker's node."""
        return self._engine("exec", self.worker, "sh", "-c", command)

    def _engine(self, *arguments: str) -> str:
        engine = provider()
        return output([engine, *arguments], env=podman_environment() if engine == "podman" else None)

    def node(self, verb: str) -> None:
        """`stop`, `start`, `pause` or `unpause` the worker's node."""
        self._engine(verb, self.worker)


@contextmanager
def staged(env: Environment) -> Iterator[Stage]:
    """The namespace, with the runner's account and without an operator; removed afterwards."""
    api = Api(env.kubeconfig)
    _install(env, api)
    stage = Stage(env, api, Pods(api, NAMESPACE), _worker(env))
    attempts = stage.path("peragoattempts", root="/apis/perago.dev/v1alpha1")
    eventually(lambda: "items" in api.answer("GET", attempts), "the CRDs just installed")
    names = [attempt["metadata"]["name"] for attempt in api("GET", attempts)["items"]]
    stage.remove_attempts(names)
    api.remove(stage.path("configmaps", "situation"))
    stage.create(
        "configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "situation"}, "data": FILES}
    )
    yield stage


def _install(env: Environment, api: Api) -> None:
    """CRDs, service account and role come from the chart, whose operator has no replica here."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    api.answer("POST", "/api/v1/namespaces", namespace)
    for secret in secrets(env, NAMESPACE):
        api.answer("POST", f"/api/v1/namespaces/{NAMESPACE}/secrets", json.loads(json.dumps(secret)))
    helm(env, NAMESPACE, NAMESPACE, {"replicas": "0"})


def _worker(env: Environment) -> str:
    nodes = Kind(env.bin_dir, provider(), env.state_dir, env.name).nodes()
    workers = [node for node in nodes if "control-plane" not in node]
    if len(workers) != 1:
        raise SystemExit(f"the environment has {len(workers)} workers: bring one up with --workers 1")
    return workers[0]
