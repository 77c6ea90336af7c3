"""Where the cases are tried: an environment with its releases, and what belongs to one run."""

import json
import secrets
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from lakefs.client import Client

from perago_dev.environment import Environment
from perago_dev.images import dockerfiles
from tests.e2e.definitions import ConductorServer
from tests.e2e.repository import Repository
from tests.hostile.api import Api
from tests.hostile.sites import FULL, Site
from tests.kubectl import Kubectl, Object

PERSON, AUTHOR = "mallory", "arthur"
"""Users who may create attempts, and PeragoTasks, in the namespace of the first release."""
PAYROLL = "payroll-db"
"""A Secret of somebody else's there."""
SMALL: Object = {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "192Mi"}}
"""Of attempts that there are many of at once."""
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Stage:
    """An environment with its releases, seen from one site."""

    env: Environment
    run: str
    site: Site = FULL
    canaries: dict[str, str] = field(default_factory=dict)
    """What was planted → its value."""
    repositories: list[Repository] = field(default_factory=list)
    workflows: list[str] = field(default_factory=list)
    """Repositories and workflows of this run."""
    images: dict[str, str] = field(default_factory=dict)
    """Folders with a Dockerfile → the images that were built of them."""

    def at(self, site: Site) -> "Stage":
        """The same run, seen from another site."""
        return replace(self, site=site)

    def planted(self, what: str) -> str:
        """A secret of this run's own, with characters that every encoding changes."""
        return self.canaries.setdefault(what, f"canary-{secrets.token_hex(12)}+{secrets.token_hex(4)}/=")

    def cluster(self, namespace: str = "") -> Kubectl:
        """kubectl for a namespace, by default the site's."""
        return Kubectl(self.env.bin_dir / "kubectl", self.env.kubeconfig, namespace or self.site.namespace)

    def apply(self, *objects: Object) -> None:
        """Apply objects of any kind in the namespaces that they name."""
        Kubectl(self.env.bin_dir / "kubectl", self.env.kubeconfig).apply(objects)

    @cached_property
    def api(self) -> Api:
        """The API server without kubectl."""
        return Api(self.env.kubeconfig)

    def make(self, *objects: Object) -> None:
        """Apply attempts, PeragoTasks and pods at the site, without a process for each."""
        self.api.apply(self.site.namespace, objects)

    @cached_property
    def conductor(self) -> ConductorServer:
        """Conductor, as this host reaches it."""
        return ConductorServer(self.env.conductor_url)

    @property
    def image(self) -> str:
        """The image of the hostile tasks."""
        return self._image("tasks", "hostile-tasks")

    @property
    def evil_image(self) -> str:
        """The image that is hostile itself."""
        return self._image("evil", "hostile-image")

    def _image(self, folder: str, name: str) -> str:
        if folder not in self.images:
            context = HERE / folder
            image = dockerfiles.build(context / "Dockerfile", context, name, {"RUNNER_IMAGE": self.env.runner_image})
            self.images[folder] = dockerfiles.load(self.env, image)
        return self.images[folder]

    def repository(self, name: str, files: dict[str, bytes] | None = None) -> Repository:
        """A new repository of this run and site."""
        client = Client(
            host=self.env.lakefs_endpoint, username=self.env.lakefs_access_key, password=self.env.lakefs_secret_key
        )
        made = Repository.made(client, self._full(name), files)
        self.repositories.append(made)
        return made

    def had(self, name: str) -> Repository:
        """The repository of this name, which is made once."""
        there = (repository for repository in self.repositories if repository.name == self._full(name))
        return next(there, None) or self.repository(name)

    def _full(self, name: str) -> str:
        return f"{self.run}-{self.site.named(name)}"

    def workspace(self, name: str) -> dict[str, str]:
        """The head of the repository of this name, as an attempt's input has it."""
        return self.had(name).workspace()

    def started(self, task_type: str, given: Object) -> str:
        """Start a workflow of this run; returns its id."""
        self.workflows.append(self.conductor.start(task_type, given))
        return self.workflows[-1]

    def attempt(self, name: str, module: str, given: Object | None = None, **spec: object) -> Object:
        """An attempt that runs a hostile module."""
        task = {"module": f"hostile_tasks.{module}", "image": self.image}
        return attempt(name, **{"task": task, "input": given or {"params": {}}, "resources": SMALL, **spec})


def attempt(name: str, **spec: object) -> Object:
    """An attempt."""
    fields = {key: value for key, value in spec.items() if value is not None}
    return {"apiVersion": "perago.dev/v1alpha1", "kind": "PeragoAttempt", "metadata": {"name": name}, "spec": fields}


def task(name: str, **spec: object) -> Object:
    """A PeragoTask."""
    return {"apiVersion": "perago.dev/v1alpha1", "kind": "PeragoTask", "metadata": {"name": name}, "spec": spec}


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
