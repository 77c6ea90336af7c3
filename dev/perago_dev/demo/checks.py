"""The demo's claims as checks of facts that were read elsewhere. Pure: each check returns what it found, or raises.

The facts are plain JSON from Conductor and Kubernetes, and commits as `Commit`. No client is used here.
"""

import io
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from PIL import Image

from perago_dev.errors import EnvironmentProblem
from perago_dev.objects import Object

ATTEMPT_KEY = "perago.attempt"
ATTEMPT_UID_KEY = "perago.attempt-uid"
OUTPUT_KEY = "perago.output"
"""Keys of a publication's metadata. They are repeated on purpose: a check shares no code with what it checks."""
FENCED = "StaleAttemptError"
NOT_FAILED = ("SCHEDULED", "IN_PROGRESS", "COMPLETED")
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


class CheckFailed(EnvironmentProblem):
    """A claim of the demo does not hold."""


@dataclass(frozen=True)
class Commit:
    """A lakeFS commit."""

    id: str
    parents: tuple[str, ...]
    metadata: Mapping[str, str]


def require(holds: bool, otherwise: str) -> None:
    """Raise CheckFailed with this message unless it holds."""
    if not holds:
        raise CheckFailed(otherwise)


def workflow_completed(workflow: Object) -> list[Object]:
    """The tasks of a completed workflow in order, all of which must be COMPLETED."""
    reasons = [f"{task['referenceTaskName']}: {task.get('reasonForIncompletion')}" for task in failed_tasks(workflow)]
    require(
        workflow["status"] == "COMPLETED",
        f"the workflow is {workflow['status']}: {'; '.join(reasons) or 'no reason given'}",
    )
    tasks: list[Object] = sorted(workflow["tasks"], key=lambda task: int(task["seq"]))
    require(bool(tasks), "the workflow completed without a task")
    for task in tasks:
        require(task["status"] == "COMPLETED", f"task {task['referenceTaskName']} is {task['status']} in Conductor")
    return tasks


def failed_tasks(workflow: Object) -> list[Object]:
    """The tasks that ended without success."""
    return [task for task in workflow.get("tasks", []) if task["status"] not in NOT_FAILED]


def result_is(task: Object, want: Object) -> None:
    """Conductor has this result for the task."""
    result = task["outputData"].get("result")
    require(result == want, f"task {task['referenceTaskName']} returned {result}, not {want}")


def published_ref(task: Object) -> str:
    """The commit that a completed task names in its output."""
    ref = task["outputData"].get("workspace", {}).get("ref")
    require(
        isinstance(ref, str) and bool(ref), f"the output of task {task['referenceTaskName']} does not name a commit"
    )
    return str(ref)


def publication(commit: Commit, input_ref: str, attempt: Object) -> None:
    """The commit's only parent is the input ref, and it names the attempt that made it."""
    require(commit.parents == (input_ref,), f"commit {commit.id} has the parents {commit.parents}, not ({input_ref},)")
    name = f"{attempt['metadata']['namespace']}/{attempt['metadata']['name']}"
    for key, want in ((ATTEMPT_KEY, name), (ATTEMPT_UID_KEY, attempt["metadata"]["uid"])):
        value = commit.metadata.get(key)
        require(value == want, f"commit {commit.id} says {key}={value}, not {want}")


def head_is(head: str, want: str) -> None:
    """The branch's head is what the last task returned."""
    require(head == want, f"the branch's head is {head}, but the last task published {want}")


def exact_files(paths: Collection[str], want: Collection[str]) -> None:
    """These files and no others."""
    missing, surplus = sorted(set(want) - set(paths)), sorted(set(paths) - set(want))
    require(not missing and not surplus, f"files at the branch's head: missing {missing}, unexpected {surplus}")


def picture(content: bytes, size: tuple[int, int]) -> None:
    """The content is a PNG file of this size that can be decoded and is not blank."""
    require(content.startswith(PNG_SIGNATURE), f"the picture is not a PNG file: it begins with {content[:8]!r}")
    try:
        with Image.open(io.BytesIO(content)) as image:
            pixels = image.convert("L")
    except (OSError, SyntaxError) as error:
        raise CheckFailed(f"the picture cannot be decoded: {error}") from error
    require(pixels.size == size, f"the picture has {pixels.size} pixels, not {size}")
    darkest, brightest = pixels.getextrema()
    require(darkest != brightest, "the picture is blank")


def report(content: str, title: str, rows: Sequence[Sequence[str]]) -> None:
    """The content is a heading with this title, a table with exactly these rows, and the picture."""
    lines = content.splitlines()
    require(lines[:1] == [f"# {title}"], f"the report begins with {lines[:1]}, not with '# {title}'")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    require(cells[2:] == [list(row) for row in rows], f"the report's rows are {cells[2:]}")
    require("](summary/climate.png)" in content, "the report does not show the picture")


def attempt_succeeded(attempt: Object, reporting: str) -> None:
    """The attempt's status says that it succeeded, with this state of its report."""
    name, status = attempt["metadata"]["name"], attempt.get("status", {})
    outcome = status.get("outcome", {})
    summary = f"{outcome.get('status')} {outcome.get('reason')} {outcome.get('message', '')}".strip()
    require(status.get("phase") == "Succeeded", f"attempt {name} is {status.get('phase')}: {summary}")
    require(outcome.get("status") == "COMPLETED", f"the outcome of attempt {name} is {summary}")
    state = status.get("reporting", {}).get("state")
    require(state == reporting, f"the report of attempt {name} is {state}, not {reporting}")


def nothing_left(pods: Sequence[Object], branches: Sequence[str], attempts: Sequence[Object]) -> None:
    """No pod, no staging branch, and no finalizer on an attempt."""
    require(not pods, f"pods are left: {', '.join(pod['metadata']['name'] for pod in pods)}")
    require(not branches, f"staging branches are left: {', '.join(branches)}")
    held = [attempt["metadata"]["name"] for attempt in attempts if attempt["metadata"].get("finalizers")]
    require(not held, f"finalizers are left on: {', '.join(held)}")


def is_complete(attempt: Object) -> bool:
    """Whether nothing more happens to the attempt."""
    conditions = attempt.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Complete" and condition["status"] == "True" for condition in conditions)


def tasks_of_completed(workflow: Object) -> list[Object]:
    """The tasks of a completed workflow in their order, failed tries included."""
    require(workflow["status"] == "COMPLETED", f"the workflow is {workflow['status']}")
    tasks: list[Object] = sorted(workflow["tasks"], key=lambda task: (int(task["seq"]), int(task["retryCount"])))
    return tasks


def only_publication(commits: Sequence[Commit], start: str, attempt: Object) -> Commit:
    """The only commit since `start`, which must be its parent and name this attempt."""
    require(len(commits) == 1, f"the branch has {len(commits)} commits since {start}, not 1")
    publication(commits[0], start, attempt)
    return commits[0]


def result_published(commit: Commit, content: str, attempt: Object) -> None:
    """Published file, commit metadata and outcome come from the same run of the body."""
    stored = json.loads(commit.metadata.get(OUTPUT_KEY, "{}")).get("result", {}).get("run")
    recorded = attempt["status"]["outcome"]["output"]["result"]["run"]
    same = content == stored == recorded
    require(same, f"the file is from run {content}, the commit's metadata from {stored}, the outcome from {recorded}")


def no_outcome_yet(attempt: Object) -> None:
    """No outcome has been recorded."""
    outcome = attempt["status"].get("outcome")
    require(
        outcome is None,
        f"attempt {attempt['metadata']['name']} recorded its outcome before its pod was killed: {outcome}",
    )


def ran_once(attempt: Object) -> None:
    """Only one pod was started for the attempt."""
    executions = attempt["status"].get("executions")
    require(executions == 1, f"attempt {attempt['metadata']['name']} ran {executions} times, not once")


def counted_once(task: Object, attempt: Object) -> None:
    """Conductor has this attempt's outcome, from the first try of the task, and was seen to have it.

    A report whose answer was lost is sent again; that is not a second result.
    """
    name, status = attempt["metadata"]["name"], attempt["status"]
    require(task["taskId"] == attempt["spec"]["conductor"]["taskId"], f"Conductor completed task {task['taskId']}")
    require((task["status"], task["retryCount"]) == ("COMPLETED", 0), f"the task is {task['status']} in Conductor")
    require(task["outputData"] == status["outcome"]["output"], f"Conductor has another output than attempt {name}")
    state = status["reporting"]["state"]
    require(state == "Accepted", f"the report of attempt {name} is {state}, not Accepted")


def was_fenced(attempt: Object) -> None:
    """The attempt found that it was not the current one, published nothing, and its report did not count."""
    name, status = attempt["metadata"]["name"], attempt["status"]
    outcome = status["outcome"]
    require(outcome["reason"] == FENCED, f"attempt {name} ended with {outcome['reason']}, not {FENCED}")
    ref = status.get("workspace", {}).get("publishedRef")
    require(ref is None, f"attempt {name} published {ref}")
    state = status["reporting"]["state"]
    require(state == "Superseded", f"the report of attempt {name} is {state}, not Superseded")
