"""Where no admission policy is in force, the operator's own checks are all that there is."""

from collections.abc import Callable
from typing import Any

import lakefs

from tests.e2e.repository import Repository
from tests.hostile.api import attempts
from tests.hostile.cases import Attacker, of
from tests.hostile.scene import Scene, Seen, followed
from tests.hostile.scenes.tokens import own_branch, stolen
from tests.hostile.sites import BARE
from tests.hostile.stage import Stage, told
from tests.kubectl import Object, eventually

PAY = "hostile-pay"
FORGED = {
    "bare: somebody's task of Conductor": "nobody@elsewhere/0",
    "bare: a task of Conductor that was polled here": "",
}
"""Cases → the worker id that the attempt claims; the operator's own where it is empty."""
WORK = "work"
"""A branch that lakeFS would let go; it keeps a repository's default branch whoever asks."""
READ = "bare: the input of somebody's task"
BRANCHES = {
    "bare: a branch of another repository": "audit",
    "bare: its own name in another repository": "",
    "bare: the branch that it works on": WORK,
}
"""Cases → the branch that a stolen token names for deletion; the name of its own staging branch where it is empty."""
UNTOUCHED = "^Failed, executions 0, .*, Conductor IN_PROGRESS$"
CASES = (
    *of(Attacker.PERSON, {**dict.fromkeys(FORGED, UNTOUCHED), READ: UNTOUCHED}),
    *of(Attacker.TOKEN, dict.fromkeys(BRANCHES, "^the branch is there, complete$")),
)


def _polled(stage: Stage) -> Object:
    """A task of Conductor that somebody else works on."""
    pay = stage.site.named(PAY)
    stage.conductor.define_task(pay, response_seconds=3600)
    stage.conductor.define_workflow(pay, [(pay, {"iban": "${workflow.input.iban}"})])
    workflow = stage.started(pay, {"iban": "secret-iban"})

    def look() -> Object | None:
        answer = stage.conductor.call("GET", f"/tasks/poll/{pay}", params={"workerid": "payroll"})
        return answer.json() if answer.status_code == 200 and answer.content else None

    task = eventually(look, "a task to be polled", 60)
    assert task["workflowInstanceId"] == workflow
    return task


def _claim(stage: Stage, task: Object, worker: str, **more: Any) -> Object:
    """An attempt that claims the task."""
    identity = {
        "taskType": task["taskType"],
        "workflowInstanceId": task["workflowInstanceId"],
        "taskId": task["taskId"],
        "referenceTaskName": task["referenceTaskName"],
        "seq": task["seq"],
        "workerId": worker,
    }
    given = {"params": {"way": "a link in its own place"}}
    return stage.attempt(task["taskId"], "misbehaves", given, conductor=identity, **more)


def _own_worker(stage: Stage) -> str:
    """The worker id by which the site's operator polls: its Lease can be read by many."""
    lease = stage.cluster(stage.site.system).json("get", "leases")["items"][0]
    return f"{lease['spec']['holderIdentity']}@{stage.site.installation}/{lease['metadata']['uid']}"


def _begin(stage: Stage) -> Callable[[], Seen]:
    tasks = {case: _polled(stage) for case in (*FORGED, READ)}
    claims = {case: _claim(stage, tasks[case], worker or _own_worker(stage)) for case, worker in FORGED.items()}
    claims[READ] = _claim(stage, tasks[READ], _own_worker(stage), input=None, inputFrom="Conductor")
    thieves = {case: f"thief-{number}" for number, case in enumerate(BRANCHES)}
    # the task waits while it is imported: its agent has touched nothing yet
    wages = stage.had("wages")
    _made(wages, WORK)
    given = {"workspace": {**wages.workspace(), "branch": WORK}, "params": {}}
    robbed = [stage.attempt(name, "stays", given) for name in thieves.values()]
    stage.make(*claims.values(), *robbed)
    payroll = stage.had("payroll")

    def seen() -> Seen:
        over = followed(stage, list(claims.values()))
        found = {
            case: f"{told(over[claim['metadata']['name']])}, {_state(stage, tasks[case])}"
            for case, claim in claims.items()
        }
        return {**found, **{case: _robbed(stage, thieves[case], payroll, branch) for case, branch in BRANCHES.items()}}

    return seen


def _state(stage: Stage, task: Object) -> str:
    found: Object = stage.conductor.call("GET", f"/tasks/{task['taskId']}").json()
    return f"Conductor {found['status']}"


def _robbed(stage: Stage, name: str, payroll: Repository, branch: str) -> str:
    """Steal the token, name the branch for deletion, and end the attempt: is the branch there afterwards?"""
    token = stolen(stage, f"{name}-1")
    attempt = stage.api.read(attempts(stage.site.namespace, name))
    repository = stage.had("wages") if branch == WORK else payroll
    named = branch or own_branch(attempt)
    if named != WORK:
        _made(repository, named)
    status = {
        "staging": {"repository": repository.name, "branch": named, "state": "Active"},
        "outcome": {"status": "FAILED", "reason": "Robbed", "message": "m", "execution": 1},
    }
    answer = stage.api.asked("PATCH", attempts(stage.site.namespace, name, "status"), {"status": status}, token=token)
    assert answer.startswith("200"), answer
    over = stage.cluster().finished(name)
    there = named in _branches(repository)
    return (
        f"the branch is {'there' if there else 'gone'}, {'complete' if told(over).startswith('Failed') else told(over)}"
    )


def _made(repository: Repository, branch: str) -> None:
    found = lakefs.Repository(repository.name, client=repository.client)
    found.branch(branch).create(source_reference="main")


def _branches(repository: Repository) -> list[str]:
    return [branch.id for branch in lakefs.Repository(repository.name, client=repository.client).branches()]


UNGUARDED = Scene("bare", CASES, _begin, BARE)
