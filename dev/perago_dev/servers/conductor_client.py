"""The calls to Conductor of the demo and the end-to-end tests: start and read workflows."""

from dataclasses import dataclass
from typing import Any

import httpx

from perago_dev.errors import EnvironmentProblem
from perago_dev.host import proxies
from perago_dev.objects import Object

TIMEOUT_SECONDS = 30.0
TERMINAL = frozenset({"COMPLETED", "FAILED", "TERMINATED", "TIMED_OUT"})


class ConductorSaysNo(EnvironmentProblem):
    """Conductor refused a call, or cannot be reached."""


@dataclass(frozen=True)
class ConductorServer:
    """The HTTP API of one server; `url` ends in `/api`."""

    url: str

    def start(self, workflow: str, payload: Object | None = None) -> str:
        """Start a workflow; returns its id."""
        return self.call("POST", f"/workflow/{workflow}", json=payload or {}).text.strip('"')

    def workflow(self, identity: str) -> Object:
        """A workflow with its tasks."""
        answer: Object = self.call("GET", f"/workflow/{identity}", params={"includeTasks": "true"}).json()
        return answer

    def running(self, workflow: str) -> list[str]:
        """Ids of the workflows of this name that have not ended."""
        return [str(identity) for identity in self.call("GET", f"/workflow/running/{workflow}").json()]

    def terminate(self, identity: str) -> None:
        """End a workflow and cancel its tasks."""
        self.call("DELETE", f"/workflow/{identity}")

    def give_up(self, workflow: str, task: str, reason: str) -> None:
        """Fail a task, as a person or a time-out of Conductor's would; a retry follows where the definition has one."""
        failed = {"workflowInstanceId": workflow, "taskId": task, "status": "FAILED"}
        reasons = {"reasonForIncompletion": reason, "outputData": {"reason": reason}}
        self.call("POST", "/tasks", json={**failed, **reasons})

    def log(self, task: str) -> str:
        """What was logged for a task, as Conductor's own text; empty without a log."""
        return self.call("GET", f"/tasks/{task}/log").text

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One call. Raises ConductorSaysNo when the server refuses it or cannot be reached."""
        settings = {"timeout": TIMEOUT_SECONDS, "trust_env": not proxies.is_own(self.url), **options}
        try:
            answer = httpx.request(method, f"{self.url}{path}", **settings)
        except httpx.TransportError as error:
            raise ConductorSaysNo(f"{method} {self.url}{path}: {error}; is Conductor up?") from error
        if not answer.is_success:
            raise ConductorSaysNo(f"{method} {self.url}{path}: {answer.status_code} {answer.text[:500]}")
        return answer
