"""Conductor as the end-to-end tests use it: definitions made from a few words, workflows followed to a state."""

from perago_dev.servers import conductor_client
from perago_dev.servers.conductor_client import TERMINAL
from tests.kubectl import Object, eventually


class ConductorServer(conductor_client.ConductorServer):
    """The real server; a call that it refuses fails the test."""

    def define_task(self, name: str, *, retries: int = 0, response_seconds: int = 15) -> None:
        """Register a task definition whose retries come at once."""
        definition = {
            "name": name,
            "ownerEmail": "tests@example.com",
            "retryCount": retries,
            "retryDelaySeconds": 0,
            "timeoutSeconds": 0,
            "responseTimeoutSeconds": response_seconds,
        }
        self.call("POST", "/metadata/taskdefs", json=[definition])

    def define_workflow(self, name: str, tasks: list[tuple[str, Object]]) -> None:
        """Register a workflow of simple tasks in a row; task `i` (from 1) has the reference name `step{i}`."""
        steps = [
            {"name": task, "taskReferenceName": f"step{place}", "type": "SIMPLE", "inputParameters": given}
            for place, (task, given) in enumerate(tasks, 1)
        ]
        body = {
            "name": name,
            "version": 1,
            "schemaVersion": 2,
            "ownerEmail": "tests@example.com",
            "tasks": steps,
            "timeoutSeconds": 0,
        }
        self.call("PUT", "/metadata/workflow", json=[body])

    def ended(self, identity: str, seconds: float = 180) -> Object:
        """The workflow once it is terminal."""

        def look() -> Object | None:
            found = self.workflow(identity)
            return found if found["status"] in TERMINAL else None

        return eventually(look, f"workflow {identity}", seconds, lambda: str(self.workflow(identity)))
