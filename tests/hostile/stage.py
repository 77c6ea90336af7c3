"""Where the cases are tried: two releases in an environment, with keys that are planted for this run.

The first release has all defences, and its operator runs in a namespace of its own. The second one has no admission
policies: there the operator's own checks are all that there is.
"""

import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from lakefs.client import Client

from perago_dev import release
from perago_dev.environment import Environment
from perago_dev.images import dockerfiles
from tests.e2e.definitions import ConductorServer
from tests.e2e.repository import Repository
from tests.hostile.api import Api
from tests.kubectl import Kubectl, Object

NAMESPACE, SYSTEM, BARE, OTHER = "hostile", "hostile-system", "hostile-bare", "hostile-other"
"""Attempts; the operator that serves them; a release without admission policies; a namespace of somebody else."""
NAMESPACES = (NAMESPACE, SYSTEM, BARE, OTHER)
OPERATOR = f"{NAMESPACE}-perago-operator"
PERSON, AUTHOR = "mallory", "arthur"
"""Users who may create attempts, and PeragoTasks, in `NAMESPACE`."""
PAYROLL = "payroll-db"
"""A Secret of somebody else's in `NAMESPACE`."""
CEILING = {"memory": "1Gi", "cpu": "2", "storage": "2Gi"}
SMALL: Object = {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "192Mi"}}
"""Of attempts that there are many of at once."""
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Stage:
    """An environment with both releases."""

    env: Environment
    run: str
    canaries: dict[str, str] = field(default_factory=dict)
    """What was planted → its value."""
    repositories: list[Repository] = field(default_factory=list)
    workflows: list[str] = field(default_factory=list)
    """Repositories and workflows of this run."""

    def planted(self, what: str) -> str:
        """A secret of this run's own, with characters that every encoding changes."""
        return self.canaries.setdefault(what, f"canary-{secrets.token_hex(12)}+{secrets.token_hex(4)}/=")

    def cluster(self, namespace: str = NAMESPACE) -> Kubectl:
        """kubectl for a namespace."""
        return Kubectl(self.env.bin_dir / "kubectl", self.env.kubeconfig, namespace)

    @cached_property
    def api(self) -> Api:
        """The API server without kubectl."""
        return Api(self.env.kubeconfig)

    def make(self, *objects: Object, namespace: str = NAMESPACE) -> None:
        """Apply attempts, PeragoTasks and pods, without a process for each."""
        self.api.apply(namespace, objects)

    @cached_property
    def conductor(self) -> ConductorServer:
        """Conductor, as this host reaches it."""
        return ConductorServer(self.env.conductor_url)

    @cached_property
    def image(self) -> str:
        """The image of the hostile tasks."""
        return self._image("tasks", "hostile-tasks")

    @cached_property
    def evil_image(self) -> str:
        """The image that is hostile itself."""
        return self._image("evil", "hostile-image")

    def _image(self, folder: str, name: str) -> str:
        context = HERE / folder
        image = dockerfiles.build(context / "Dockerfile", context, name, {"RUNNER_IMAGE": self.env.runner_image})
        dockerfiles.load(self.env, image)
        return image

    def repository(self, name: str, files: dict[str, bytes] | None = None) -> Repository:
        """A repository of this run's own."""
        client = Client(
            host=self.env.lakefs_endpoint, username=self.env.lakefs_access_key, password=self.env.lakefs_secret_key
        )
        made = Repository.made(client, f"{self.run}-{name}", files)
        self.repositories.append(made)
        return made

    def workspace(self, name: str) -> dict[str, str]:
        """The head of the repository of this name, as an attempt's input has it; the repository is made once."""
        full = f"{self.run}-{name}"
        made = next((one for one in self.repositories if one.name == full), None)
        return (made or self.repository(name)).workspace()

    def started(self, task_type: str, given: Object) -> str:
        """Start a workflow of this run; returns its id."""
        self.workflows.append(self.conductor.start(task_type, given))
        return self.workflows[-1]

    def attempt(self, name: str, module: str, given: Object | None = None, **spec: object) -> Object:
        """An attempt that runs a hostile module."""
        task = {"module": f"hostile_tasks.{module}", "image": self.image}
        return attempt(name, **{"task": task, "input": given or {"params": {}}, "resources": SMALL, **spec})


def slug(text: str) -> str:
    """A name for an object."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def attempt(name: str, **spec: object) -> Object:
    """An attempt."""
    fields = {key: value for key, value in spec.items() if value is not None}
    return {"apiVersion": "perago.dev/v1alpha1", "kind": "PeragoAttempt", "metadata": {"name": name}, "spec": fields}


def task(name: str, **spec: object) -> Object:
    """A PeragoTask."""
    return {"apiVersion": "perago.dev/v1alpha1", "kind": "PeragoTask", "metadata": {"name": name}, "spec": spec}


def secret(name: str, **data: str) -> Object:
    """A Secret."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}


def prepare(stage: Stage) -> None:
    """Install everything, and remove what an earlier run has left."""
    stage.cluster().apply([release.namespace_of(name) for name in NAMESPACES])
    stage.canaries.update(
        {
            "lakeFS access key": stage.env.lakefs_access_key,
            "lakeFS secret key": stage.env.lakefs_secret_key,
        }
    )
    for namespace in (NAMESPACE, SYSTEM, BARE):
        stage.cluster(namespace).apply(_keys(stage, namespace))
    for namespace in (NAMESPACE, OTHER):
        stage.cluster(namespace).apply([secret(PAYROLL, password=stage.planted(f"{PAYROLL} of {namespace}"))])
    for namespace in (NAMESPACE, BARE):
        for kind in ("peragotasks", "peragoattempts"):
            stage.cluster(namespace).ended("delete", kind, "--all", "--timeout=100s")
    install(stage)
    stage.cluster().apply(list(_people()))


def install(stage: Stage) -> None:
    """Both releases as they should be, with what a variant has taken away put back."""
    ceiling = {f"attempts.ceiling.{resource}": most for resource, most in CEILING.items()}
    common = {"resources.requests.cpu": "10m", "logLevel": "DEBUG", "stagingSweep.everySeconds": "0"}
    served = {"namespaces": f"{{{NAMESPACE}}}"}
    release.helm(stage.env, NAMESPACE, SYSTEM, {**common, **ceiling, **served})
    release.helm(stage.env, BARE, BARE, {**common, "admissionPolicies.enabled": "false"})


def _keys(stage: Stage, namespace: str) -> Sequence[Object]:
    """The release's two Secrets; Conductor's token is another in each namespace."""
    lakefs, conductor = release.secrets(stage.env, namespace)
    conductor["stringData"]["token"] = stage.planted(f"Conductor token of {namespace}")
    return lakefs, conductor


def _people() -> Sequence[Object]:
    return [
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": who, "namespace": NAMESPACE},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": who}],
        }
        for who, role in ((PERSON, "perago-editor"), (AUTHOR, "perago-author"))
    ]


def told(found: Object) -> str:
    """What came of an attempt, in one line: phase, executions, outcome, and what was published."""
    status = found.get("status", {})
    outcome, workspace = status.get("outcome", {}), status.get("workspace", {})
    words = [
        status.get("phase", "no phase"),
        f"executions {status.get('executions', 0)}",
        outcome.get("status", "no outcome"),
        outcome.get("reason", ""),
        outcome.get("message", ""),
        f"output {json.dumps(outcome['output'])}" if "output" in outcome else "",
        f"published {workspace['publishedRef']}" if "publishedRef" in workspace else "",
        f"reporting {status.get('reporting', {}).get('state', 'none')}",
    ]
    return ", ".join(filter(None, words))
