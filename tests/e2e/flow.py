"""One task of one workflow, from its start in Conductor to the attempt's end."""

from contextlib import closing
from dataclasses import dataclass
from functools import partial

import pytest

from tests.e2e.definitions import ConductorServer
from tests.e2e.repository import Repository
from tests.kubectl import Kubectl, Object, eventually


@dataclass(frozen=True)
class Flow:
    """Starts workflows and follows their attempts."""

    cluster: Kubectl
    conductor: ConductorServer
    image: str
    prefix: str = "e2e"
    """Begins the names of task types, so that two operators never poll the same one."""

    def serve(self, module: str, *, retries: int = 0, response_seconds: int = 15, **spec: object) -> str:
        """Register the task type `{prefix}-{module}`, its one-task workflow and its PeragoTask; return the type."""
        task_type = f"{self.prefix}-{module.replace('_', '-')}"
        self.conductor.define_task(task_type, retries=retries, response_seconds=response_seconds)
        given = {"workspace": "${workflow.input.workspace}", "params": "${workflow.input.params}"}
        self.conductor.define_workflow(task_type, [(task_type, given)])
        self.conductor.define_workflow(f"{task_type}-free", [(task_type, {"params": given["params"]})])
        self.cluster.apply([self.task(task_type, module, **spec)])
        return task_type

    def task(self, name: str, module: str, **spec: object) -> Object:
        """A PeragoTask that polls the type of its own name."""
        return {
            "apiVersion": "perago.dev/v1alpha1",
            "kind": "PeragoTask",
            "metadata": {"name": name},
            "spec": {"taskType": name, "module": f"e2e_tasks.{module}", "image": self.image, **spec},
        }

    def attempt(self, name: str, module: str, given: Object, **spec: object) -> Object:
        """A standalone attempt."""
        return {
            "apiVersion": "perago.dev/v1alpha1",
            "kind": "PeragoAttempt",
            "metadata": {"name": name},
            "spec": {"task": {"module": f"e2e_tasks.{module}", "image": self.image}, "input": given, **spec},
        }

    def start(self, task_type: str, repository: Repository | None, **params: object) -> str:
        """Start the type's workflow on the head of `main`, or without a workspace."""
        if repository is None:
            return self.conductor.start(f"{task_type}-free", {"params": params})
        return self.conductor.start(task_type, {"workspace": repository.workspace(), "params": params})

    def attempts(self, workflow: str) -> list[Object]:
        """The workflow's attempts."""
        return self.cluster.list("peragoattempts", f"perago.dev/workflow={workflow}")

    def first_attempt(self, workflow: str) -> str:
        """Name of the workflow's first attempt, once there is one."""
        selector = f"--selector=perago.dev/workflow={workflow}"
        with closing(self.cluster.watched("peragoattempts", selector, seconds=60)) as states:
            for attempt in states:
                return str(attempt["metadata"]["name"])
        pytest.fail(f"an attempt of workflow {workflow}: not within 60 s")

    def outcomes(self, workflow: str) -> list[Object]:
        """Status of each attempt of an ended workflow, in order of retries, once all are complete."""
        self.conductor.ended(workflow)
        names = [one["metadata"]["name"] for one in self.attempts(workflow)]
        done = [self.cluster.finished(name) for name in names]
        self.assert_nothing_left(None, *names)
        return [one["status"] for one in sorted(done, key=lambda one: one["spec"]["conductor"]["retryCount"])]

    def assert_nothing_left(self, repository: Repository | None, *attempts: str) -> None:
        """No pod, no staging branch and no finalizer of these attempts is there any more."""
        for name in attempts:
            story = partial(self.cluster.story, name)
            eventually(partial(self._is_without_pods, name), f"the end of the pods of attempt {name}", 90, story)
            eventually(partial(self._is_released, name), f"the end of the finalizer of attempt {name}", 90, story)
        if repository is not None:
            assert repository.staging_branches() == []

    def _is_without_pods(self, attempt: str) -> bool | None:
        return not self.cluster.list("pods", f"perago.dev/attempt={attempt}") or None

    def _is_released(self, attempt: str) -> bool | None:
        """After a restart of the operator the finalizer stays until no earlier call to Conductor can land any more."""
        found = self.cluster.get("peragoattempts", attempt)
        return found is None or not found["metadata"].get("finalizers") or None

    def keyed_task(self, name: str, lakefs_secret: str) -> Object:
        """A PeragoTask whose agents take their lakeFS keys from another Secret; it polls nothing."""
        spec = {"module": "e2e_tasks.writable", "image": self.image, "lakefsSecretRef": {"name": lakefs_secret}}
        return {**self.task(name, "writable"), "spec": spec}

    def referring(self, name: str, task: str, given: Object) -> Object:
        """A standalone attempt that takes all but its input from a PeragoTask."""
        return {**self.attempt(name, "writable", given), "spec": {"taskRef": {"name": task}, "input": given}}
