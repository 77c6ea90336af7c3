"""What must not be, found in the evidence. PURE.

Each check is a function of the evidence that yields violations; `CHECKS` lists them all.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from tests.chaos.auditor import kubernetes_words as words
from tests.chaos.auditor.evidence import ENDED, Commit, Evidence, Object, Repository, Task, Workflow

Kind = Literal["lost", "doubled", "leaked"]
TASK_ID, LOGICAL_TASK, INPUT_REF, OUTPUT = "perago.task-id", "perago.logical-task", "perago.input-ref", "perago.output"
"""Keys of the metadata of published commits."""


@dataclass(frozen=True, order=True)
class Violation:
    """Something that must not be."""

    kind: Kind
    what: str


Check = Callable[[Evidence], Iterator[Violation]]


def violations(evidence: Evidence) -> list[Violation]:
    """All that is wrong, each thing once."""
    return sorted({found for check in CHECKS for found in check(evidence)})


def every_workflow_is_there(evidence: Evidence) -> Iterator[Violation]:
    """What was started is known to Conductor."""
    known = {workflow.id for workflow in evidence.workflows}
    for id_, type_ in evidence.expected.started.items():
        if id_ not in known:
            yield Violation("lost", f"workflow {id_} ({type_}) was started, and Conductor does not know it")


def workflows_end_as_meant(evidence: Evidence) -> Iterator[Violation]:
    """Each workflow has ended, in the way that its definition leads to."""
    for workflow in evidence.workflows:
        wanted = evidence.expected.ends.get(workflow.type)
        if workflow.status != wanted:
            last = "; ".join(f"{task.reference} {task.status} {task.reason}".strip() for task in workflow.tasks)
            yield Violation("lost", f"{_called(workflow)} is {workflow.status}, not {wanted}: {last}")


def workflows_end_as_their_tasks_say(evidence: Evidence) -> Iterator[Violation]:
    """A completed workflow has completed tasks, a failed one a failed task, and none is left open."""
    for workflow in evidence.workflows:
        last = _last_tries(workflow)
        for task in workflow.tasks:
            if task.status not in ENDED:
                yield Violation("lost", f"{_task(task)} of {_called(workflow)} is still {task.status}")
        completed = all(task.status == "COMPLETED" for task in last)
        if workflow.status == "COMPLETED" and not (last and completed):
            yield Violation("lost", f"{_called(workflow)} is COMPLETED, and not all of its tasks are")
        if workflow.status == "FAILED" and completed:
            yield Violation("lost", f"{_called(workflow)} is FAILED, and none of its tasks has failed")


def tasks_complete_once(evidence: Evidence) -> Iterator[Violation]:
    """No two tries of a task are completed."""
    for workflow in evidence.workflows:
        by_reference = defaultdict(list)
        for task in workflow.tasks:
            if task.status == "COMPLETED":
                by_reference[task.reference].append(task.id)
        for reference, ids in by_reference.items():
            if len(ids) > 1:
                yield Violation("doubled", f"{reference} of {_called(workflow)} was completed by {len(ids)}: {ids}")


def publications_are_kept(evidence: Evidence) -> Iterator[Violation]:
    """The commit that a completed task reports is on its branch, on the commit it began from, and made by this task."""
    for task in _completed(evidence):
        if not (ref := published(task)):
            continue
        history = _history(evidence, task)
        commit = next((one for one in history if one.id == ref), None)
        if commit is None:
            yield Violation("lost", f"{_task(task)} reports {ref}, which is not on its branch")
            continue
        before = task.given["workspace"]["ref"]
        if list(commit.parents) != [before]:
            yield Violation("lost", f"{_task(task)} reports {ref}, made on {list(commit.parents)}, not on {before}")
        if commit.metadata.get(TASK_ID) != task.id or commit.metadata.get(INPUT_REF) != before:
            yield Violation("lost", f"{_task(task)} reports {ref}, which is that of {commit.metadata.get(TASK_ID)}")


def results_are_those_of_the_commits(evidence: Evidence) -> Iterator[Violation]:
    """The result that Conductor has is the one that was published together with the files."""
    commits = {commit.id: commit for commit in _commits(evidence)}
    for task in _completed(evidence):
        commit = commits.get(published(task) or "")
        if commit is None or OUTPUT not in commit.metadata:
            continue
        kept = json.loads(commit.metadata[OUTPUT])
        if kept.get("result") != task.output.get("result"):
            yield Violation("lost", f"{_task(task)} has {task.output.get('result')}, its commit {kept.get('result')}")


def files_are_those_of_the_results(evidence: Evidence) -> Iterator[Violation]:
    """A published commit holds what the task says that it has written."""
    for task in _completed(evidence):
        path, ref = evidence.expected.contents.get(task.type), published(task)
        if path is None or ref is None:
            continue
        found, wanted = evidence.contents.get((ref, path)), task.output.get("result", {}).get("text")
        if found != wanted:
            yield Violation("lost", f"{path} in {ref} holds {found!r}, and {_task(task)} says {wanted!r}")


def publications_have_a_result(evidence: Evidence) -> Iterator[Violation]:
    """No branch holds a commit of which Conductor has no result."""
    reported = {(task.id, published(task)) for task in _completed(evidence)}
    for repository, branch, commit in _published_commits(evidence):
        if (commit.metadata.get(TASK_ID), commit.id) not in reported:
            task = commit.metadata.get(TASK_ID)
            place = f"{repository.name}/{branch}"
            yield Violation("lost", f"{place} holds {commit.id} of task {task}, and no completed task reports it")


def publications_are_single(evidence: Evidence) -> Iterator[Violation]:
    """No branch holds two publications of one logical task."""
    by_task = defaultdict(list)
    for repository, branch, commit in _published_commits(evidence):
        by_task[repository.name, branch, commit.metadata.get(LOGICAL_TASK)].append(commit.id)
    for (name, branch, logical), ids in by_task.items():
        if len(ids) > 1:
            yield Violation("doubled", f"{name}/{branch} holds {len(ids)} publications of {logical}: {ids}")


def attempts_say_what_conductor_says(evidence: Evidence) -> Iterator[Violation]:
    """What an attempt calls accepted is what Conductor has of the task, status and output; the last state counts."""
    tasks = {task.id: task for workflow in evidence.workflows for task in workflow.tasks}
    for attempt in words.last_states(evidence):
        task = tasks.get(words.task_id(attempt))
        if task is None or words.reporting(attempt) != "Accepted":
            continue
        outcome = attempt["status"].get("outcome", {})
        if outcome.get("status") != task.status:
            yield Violation("lost", f"{_task(task)} is {task.status}, its attempt was accepted as {outcome['status']}")
        elif "output" in outcome and outcome["output"].get("result") != task.output.get("result"):
            yield Violation(
                "lost", f"{_task(task)} has {task.output}, its attempt was accepted with {outcome['output']}"
            )


def results_are_accepted(evidence: Evidence) -> Iterator[Violation]:
    """Each task that Conductor has completed has an attempt that knows that, and no other try claims the same."""
    accepted = {words.task_id(a) for a in words.last_states(evidence) if words.reporting(a) == "Accepted"}
    for task in _completed(evidence):
        if task.id not in accepted:
            yield Violation("lost", f"{_task(task)} is COMPLETED, and no attempt was told that its result is accepted")


def outcomes_are_written_once(evidence: Evidence) -> Iterator[Violation]:
    """An outcome, once written, and an acceptance, once told, never change."""
    seen: dict[str, tuple[object, str]] = {}
    for sighting in evidence.sightings:
        if sighting.obj["kind"] != "PeragoAttempt" or sighting.change == "GAP":
            continue
        status, uid = sighting.obj.get("status", {}), sighting.obj["metadata"]["uid"]
        outcome, state = status.get("outcome"), words.reporting(sighting.obj)
        before, state_before = seen.get(uid, (None, ""))
        name = sighting.obj["metadata"]["name"]
        if before is not None and outcome != before:
            yield Violation("doubled", f"the outcome of attempt {name} was {before}, and became {outcome}")
        if state_before == "Accepted" and state != "Accepted":
            yield Violation("doubled", f"attempt {name} was {state_before}, and became {state or 'unreported'}")
        seen[uid] = outcome, state


def pods_are_alone(evidence: Evidence) -> Iterator[Violation]:
    """While a pod of a logical task may do something, no second one is made, and none after the attempt's outcome."""
    alive: dict[str, dict[str, Object]] = defaultdict(dict)
    ended, known = set[str](), set[str]()
    for change, obj in ((sighting.change, sighting.obj) for sighting in evidence.sightings):
        if change == "GAP":
            if obj["kind"] == "Pod":
                alive.clear()  # what was alive before may be gone
            continue
        if obj["kind"] == "PeragoAttempt":
            if obj.get("status", {}).get("outcome"):
                ended.add(obj["metadata"]["name"])
            continue
        uid, pods = obj["metadata"]["uid"], alive[words.logical_task(obj)]
        if change == "DELETED" or words.is_over(obj):
            pods.pop(uid, None)
        elif uid not in pods:
            if change == "ADDED" and uid not in known:
                yield from _beside(obj, pods.values(), ended)
            pods[uid] = obj
        known.add(uid)


def _beside(pod: Object, others: Iterable[Object], ended: set[str]) -> Iterator[Violation]:
    name, attempt = pod["metadata"]["name"], words.attempt_of(pod)
    if attempt in ended:
        yield Violation("doubled", f"pod {name} was made although attempt {attempt} had an outcome")
    for other in others:
        if words.attempt_of(other) not in ended:
            yield Violation("doubled", f"pod {name} was made while {other['metadata']['name']} could still run")


def no_pod_is_left(evidence: Evidence) -> Iterator[Violation]:
    """No pod of an attempt is there any more."""
    for pod in evidence.pods:
        yield Violation("leaked", f"pod {pod['metadata']['name']} is still there")


def no_attempt_is_left_open(evidence: Evidence) -> Iterator[Violation]:
    """Each attempt is complete, has no finalizer, and goes when its time to live is over."""
    for attempt in evidence.attempts:
        name = attempt["metadata"]["name"]
        if not words.is_complete(attempt):
            yield Violation("leaked", f"attempt {name} is not complete: {attempt.get('status', {}).get('phase')}")
        elif attempt["metadata"].get("finalizers"):
            yield Violation("leaked", f"attempt {name} is complete, and still has a finalizer")
        elif words.is_past_its_time(attempt, evidence):
            yield Violation("leaked", f"attempt {name} is still there, although its time to live is over")


def no_branch_is_left(evidence: Evidence) -> Iterator[Violation]:
    """Only the branches that the workflows work on are there, and the one that they began from."""
    wanted = {_place(task) for workflow in evidence.workflows for task in workflow.tasks}
    for repository in evidence.repositories:
        for branch in repository.histories:
            if branch.startswith("perago-staging") or (branch != "main" and not _is_wanted(wanted, repository, branch)):
                yield Violation("leaked", f"branch {branch} is left in {repository.name}")


def no_lease_is_left(evidence: Evidence) -> Iterator[Violation]:
    """Only the operator's own Lease is there."""
    for name in evidence.leases:
        if name not in evidence.expected.leases:
            yield Violation("leaked", f"Lease {name} is left")


def published(task: Task) -> str | None:
    """The commit that a task reports, if it is not the one that it began from."""
    ref: str | None = task.output.get("workspace", {}).get("ref")
    return ref if ref != task.given.get("workspace", {}).get("ref") else None


def _completed(evidence: Evidence) -> Iterable[Task]:
    return (task for flow in evidence.workflows for task in flow.tasks if task.status == "COMPLETED")


def _last_tries(workflow: Workflow) -> Sequence[Task]:
    return list({task.reference: task for task in sorted(workflow.tasks, key=lambda task: task.retry)}.values())


def _place(task: Task) -> tuple[str, str]:
    workspace = task.given.get("workspace", {})
    return workspace.get("repository", ""), workspace.get("branch", "")


def _is_wanted(wanted: set[tuple[str, str]], repository: Repository, branch: str) -> bool:
    """Branches are made before the workflows that are to use them: one that holds nothing of ours is no leftover."""
    return (repository.name, branch) in wanted or not any(map(_is_ours, repository.histories[branch]))


def _is_ours(commit: Commit) -> bool:
    return any(key.startswith("perago.") for key in commit.metadata)


def _history(evidence: Evidence, task: Task) -> Sequence[Commit]:
    name, branch = _place(task)
    found = next((one for one in evidence.repositories if one.name == name), None)
    return found.histories.get(branch, ()) if found else ()


def _commits(evidence: Evidence) -> Iterator[Commit]:
    return (commit for repo in evidence.repositories for history in repo.histories.values() for commit in history)


def _published_commits(evidence: Evidence) -> Iterator[tuple[Repository, str, Commit]]:
    """The commits of ours on branches that are no staging branches."""
    for repository in evidence.repositories:
        for branch, history in repository.histories.items():
            if not branch.startswith("perago-staging"):
                yield from ((repository, branch, commit) for commit in history if _is_ours(commit))


def _called(workflow: Workflow) -> str:
    return f"workflow {workflow.id} ({workflow.type})"


def _task(task: Task) -> str:
    return f"task {task.id} ({task.reference}, retry {task.retry})"


CHECKS: Sequence[Check] = (
    every_workflow_is_there,
    workflows_end_as_meant,
    workflows_end_as_their_tasks_say,
    tasks_complete_once,
    publications_are_kept,
    results_are_those_of_the_commits,
    files_are_those_of_the_results,
    publications_have_a_result,
    publications_are_single,
    attempts_say_what_conductor_says,
    results_are_accepted,
    outcomes_are_written_once,
    pods_are_alone,
    no_pod_is_left,
    no_attempt_is_left_open,
    no_branch_is_left,
    no_lease_is_left,
)
