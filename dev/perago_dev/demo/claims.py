"""The README's four claims, each on real pods: cause what could go wrong, and check what comes of it.

No step depends on timing. The demo's own task waits until it is released, so that each fault happens in the middle of
its work, and a lakeFS that never answers merges holds a pod between its merge and its outcome.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from perago_dev.demo import checks, inside, own_task, secrecy
from perago_dev.demo.checks import Commit
from perago_dev.demo.stage import Stage
from perago_dev.demo.story import Story
from perago_dev.objects import Object
from perago_dev.servers import conductor_client

T = TypeVar("T")

STEP_SECONDS = 120.0
FILES_ONLY = "your code sees files and parameters"
ONCE = "a result counts once"
PROOF = "a commit is a proof"
STALE = "a stale attempt does not publish"
CLAIMS = (FILES_ONLY, ONCE, PROOF, STALE)


@dataclass(frozen=True)
class Run:
    """One workflow that runs the demo's own task, on its own branch, which begins at the commit `start`."""

    stage: Stage
    workflow: str
    branch: str
    start: str

    def executing(self, retry: int = 0) -> Object:
        """The attempt with this retry count, once its body runs."""

        def look() -> Object | None:
            attempts = self.stage.cluster.attempts(self.workflow)
            retries = (attempt for attempt in attempts if attempt["spec"]["conductor"]["retryCount"] == retry)
            return next((attempt for attempt in retries if _is_executing(attempt.get("status", {}))), None)

        return self._until(look, f"retry {retry} of workflow {self.workflow} did not run")

    def release(self, attempt: Object) -> None:
        """Let the attempt's body finish."""
        self.stage.cluster.execute(pod_of(attempt), "touch", own_task.GO_ON)

    def outcome(self, attempt: Object) -> Object:
        """The attempt once its outcome is recorded."""

        def look() -> Object | None:
            current = self.stage.cluster.attempt(attempt["metadata"]["name"])
            return current if "outcome" in current["status"] else None

        return self._until(look, f"attempt {attempt['metadata']['name']} had no outcome")

    def merged(self) -> Commit:
        """The head of the branch, once something has been published."""

        def look() -> Commit | None:
            head = self.stage.workspace.commit(self.branch)
            return head if head.id != self.start else None

        return self._until(look, f"nothing was published on branch {self.branch}")

    def ended(self) -> list[Object]:
        """The workflow's tasks in order, once it has completed."""

        def look() -> Object | None:
            workflow = self.stage.conductor.workflow(self.workflow)
            return workflow if workflow["status"] in conductor_client.TERMINAL else None

        return checks.tasks_of_completed(self._until(look, f"workflow {self.workflow} did not end"))

    def complete(self, *attempts: Object) -> list[Object]:
        """These attempts, once they are complete."""
        return self.stage.follower.attempts([attempt["metadata"]["name"] for attempt in attempts])

    def published_once(self, attempt: Object) -> Commit:
        """The only commit on the branch, which must belong to this attempt and hold its result."""
        stage = self.stage
        commit = checks.only_publication(stage.workspace.commits_since(self.branch, self.start), self.start, attempt)
        content = stage.workspace.read(commit.id, own_task.RESULT_FILE).decode()
        checks.result_published(commit, content, attempt)
        return commit

    def _until(self, look: Callable[[], T | None], otherwise: str) -> T:
        return self.stage.follower.until(look, otherwise, STEP_SECONDS)


def _is_executing(status: Object) -> bool:
    """Its agent says so in its own time, and the operator, a moment later, in which pod."""
    return status.get("step") == "Executing" and "podName" in status


def pod_of(attempt: Object) -> str:
    """Name of the attempt's pod."""
    return str(attempt["status"]["podName"])


def started(stage: Stage, start: Commit, task_type: str) -> Run:
    """Start a workflow with this task type on a new branch."""
    branch = stage.workspace.new_branch(start.id)
    workflow = stage.conductor.start(task_type, own_task.workflow_input(branch, start.id))
    return Run(stage, workflow, branch, start.id)


def show(stage: Stage, start: Commit, image: str, story: Story) -> None:
    """Show all four. Raises EnvironmentProblem at the first that does not hold."""
    run = started(stage, start, own_task.PATIENT)
    attempt = sees_files_and_parameters(run, story)
    counts_once(run, attempt, story)
    is_a_proof(stage, start, image, story)
    does_not_publish(stage, start, story)


def sees_files_and_parameters(run: Run, story: Story) -> Object:
    """Look around in the container of a running task; returns its attempt, whose body keeps waiting."""
    with story.step(FILES_ONLY, tells=True) as outcome:
        attempt = run.executing()
        script = Path(inside.__file__).read_text()
        seen = json.loads(run.stage.cluster.execute(pod_of(attempt), "python", "-", stdin=script))
        secrets = secrecy.keys(run.stage.env) | secrecy.addresses(run.stage.env)
        secrecy.files_and_parameters_only(seen, run.stage.workspace.files(run.start), secrets)
        outcome.append(
            f"{len(seen['variables'])} variables, {len(seen['mounts'])} mounts, {len(seen['commands'])} process, "
            f"{len(seen['files'])} files: no key, token or address of ours"
        )
    return attempt


def counts_once(run: Run, attempt: Object, story: Story) -> None:
    """Delete the operator's pod while the attempt runs, and count reports and publications."""
    stage = run.stage
    with story.step(ONCE, tells=True) as outcome:
        with stage.cluster.recorded(pod_of(attempt), stage.logs):
            stage.keep_operator_log()
            stage.operator.delete_pod()
            run.release(attempt)
            (task,) = run.ended()
        (attempt,) = run.complete(attempt)
        checks.attempt_succeeded(attempt, "Accepted")
        checks.counted_once(task, attempt)
        commit = run.published_once(attempt)
        outcome.append(f"operator's pod deleted meanwhile: 1 report accepted, 1 publication ({commit.id[:8]})")


def is_a_proof(stage: Stage, start: Commit, image: str, story: Story) -> None:
    """Kill the pod after lakeFS has merged its work, while the agent still waits for the answer."""
    server = own_task.silent_lakefs(stage.env, image)
    with story.step(PROOF, tells=True) as outcome:
        stage.cluster.start_server(*server)
        run = started(stage, start, own_task.CUT_OFF)
        attempt = run.executing()
        with stage.cluster.recorded(pod_of(attempt), stage.logs):
            run.release(attempt)
            merged = run.merged()
            checks.no_outcome_yet(stage.cluster.attempt(attempt["metadata"]["name"]))
            stage.cluster.kill(pod_of(attempt))
            (task,) = run.ended()
        (attempt,) = run.complete(attempt)
        checks.attempt_succeeded(attempt, "Accepted")
        checks.ran_once(attempt)
        checks.counted_once(task, attempt)
        checks.head_is(run.published_once(attempt).id, merged.id)
        stage.cluster.remove_server(*server)
        outcome.append(f"pod killed after its merge: completed from commit {merged.id[:8]}, nothing ran again")


def does_not_publish(stage: Stage, start: Commit, story: Story) -> None:
    """Fail the task in Conductor while no operator can stop its pod, and let the pod finish."""
    with story.step(STALE, tells=True) as outcome:
        run = started(stage, start, own_task.PATIENT)
        stale = run.executing()
        stage.keep_operator_log()
        with stage.cluster.recorded(pod_of(stale), stage.logs):
            with stage.operator.away():
                stage.conductor.give_up(run.workflow, stale["spec"]["conductor"]["taskId"], "failed by hand")
                run.release(stale)
                stale = run.outcome(stale)
                checks.head_is(stage.workspace.commit(run.branch).id, run.start)
            successor = run.executing(retry=1)
        with stage.cluster.recorded(pod_of(successor), stage.logs):
            run.release(successor)
            run.ended()
        stale, successor = run.complete(stale, successor)
        checks.was_fenced(stale)
        checks.attempt_succeeded(successor, "Accepted")
        commit = run.published_once(successor)
        reason = stale["status"]["outcome"]["reason"]
        outcome.append(f"the stale one ended with {reason}: 1 publication ({commit.id[:8]}), its successor's")
