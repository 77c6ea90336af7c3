"""Bad input: refused at once with the field's name, or a result whose reason says what and where."""

import re

import pytest

from tests.e2e.flow import Flow
from tests.e2e.installation import INSIDE
from tests.e2e.repository import Repository
from tests.kubectl import Object, condition

pytestmark = pytest.mark.cluster

FREE: Object = {"params": {}}
NO_TASKS = {
    "not_there": "e2e_tasks.not_there",
    "unimportable": "a_module_that_is_not_there",
    "no_task": "e2e_tasks.no_task",
    "two_tasks": "e2e_tasks.two_tasks",
}
"""Modules that are no task → what the outcome's message says."""


def ended(flow: Flow, manifest: Object, seconds: float = 180) -> Object:
    """The outcome of an attempt that is applied and followed to its end, after which nothing of it is left."""
    name = manifest["metadata"]["name"]
    flow.cluster.apply([manifest])
    outcome: Object = flow.cluster.finished(name, seconds)["status"]["outcome"]
    flow.assert_nothing_left(None, name)
    return outcome


def test_an_unknown_field_is_refused_by_name(flow: Flow) -> None:
    """The refusal names the field, in whichever words this kubectl has for it; nothing is made."""
    words = flow.cluster.refusal(flow.attempt("unknown-field", "free", FREE, colour="red"))
    assert re.search(r'unknown field "(spec\.)?colour"', words)
    assert flow.cluster.get("peragoattempts", "unknown-field") is None


@pytest.mark.parametrize("given", [{}, {"input": FREE, "inputFrom": "Conductor"}], ids=["neither", "both"])
def test_input_comes_from_exactly_one_place(flow: Flow, given: Object) -> None:
    """The refusal names both fields."""
    manifest = flow.attempt("input-places", "free", FREE)
    manifest["spec"] = {"task": manifest["spec"]["task"]} | given
    assert "exactly one of spec.input and spec.inputFrom" in flow.cluster.refusal(manifest)


def test_an_unknown_task_is_said_and_recovers(flow: Flow) -> None:
    """The attempt waits with a condition and an event, and runs once the PeragoTask is there."""
    manifest = flow.attempt("early", "free", FREE, taskRef={"name": "late"})
    del manifest["spec"]["task"]
    flow.cluster.apply([manifest])
    flow.cluster.attempt("early", lambda status: bool(status.get("conditions")))
    assert "late" in flow.cluster("describe", "peragoattempt", "early")
    late = flow.task("late", "free")
    del late["spec"]["taskType"]
    flow.cluster.apply([late])
    assert flow.cluster.finished("early")["status"]["phase"] == "Succeeded"


@pytest.fixture(scope="module")
def no_tasks(flow: Flow) -> dict[str, Object]:
    """The outcome of each module that is no task; their pods are there at once."""
    names = {module: f"bad-{module.replace('_', '-')}" for module in NO_TASKS}
    flow.cluster.apply([flow.attempt(name, module, FREE) for module, name in names.items()])
    over = flow.cluster.all_finished([*names.values()], 180)
    flow.assert_nothing_left(None, *names.values())
    return {module: attempt["status"]["outcome"] for module, attempt in zip(names, over, strict=True)}


@pytest.mark.parametrize(("module", "words"), NO_TASKS.items())
def test_a_module_that_is_no_task_is_terminal(no_tasks: dict[str, Object], module: str, words: str) -> None:
    """Missing, not importable, without a task, with two: `InvalidTask`, with what and where."""
    outcome = no_tasks[module]
    assert (outcome["status"], outcome["reason"]) == ("FAILED_WITH_TERMINAL_ERROR", "InvalidTask")
    assert words in outcome["message"]


def test_params_that_do_not_validate_show_pydantics_words(flow: Flow) -> None:
    """The message names the field and what was wrong with it."""
    outcome = ended(flow, flow.attempt("bad-params", "free", {"params": {"delay": "long"}}))
    assert outcome["status"] == "FAILED"
    assert "delay" in outcome["message"]
    assert "valid number" in outcome["message"]


def test_a_ref_that_does_not_exist_is_named(flow: Flow, repository: Repository) -> None:
    """The reason carries the ref and the repository."""
    given = {"workspace": repository.workspace("0" * 64), "params": {}}
    outcome = ended(flow, flow.attempt("no-ref", "writable", given))
    assert outcome["status"] == "FAILED"
    assert "0" * 12 in outcome["message"]
    assert repository.staging_branches() == []


def test_a_repository_that_does_not_exist_is_named(flow: Flow, repository: Repository) -> None:
    """The reason carries the repository's name."""
    given = {"workspace": repository.workspace() | {"repository": "no-such-repository"}, "params": {}}
    outcome = ended(flow, flow.attempt("no-repository", "writable", given))
    assert outcome["status"] == "FAILED"
    assert "no-such-repository" in outcome["message"]


def test_wrong_lakefs_keys_are_said_and_not_shown(flow: Flow, repository: Repository, wrong_keys: str) -> None:
    """The reason says that lakeFS refused the keys, which are in no status, no event and no log of the operator."""
    given = {"workspace": repository.workspace(), "params": {}}
    flow.cluster.apply([flow.keyed_task("wrong-keys", wrong_keys)])
    outcome = ended(flow, flow.referring("wrong-keys-attempt", "wrong-keys", given))
    assert outcome["status"] == "FAILED"
    assert "lakeFS" in outcome["message"]
    log = flow.cluster("logs", "-l", f"app.kubernetes.io/instance={INSIDE}", "--tail=-1")
    assert "wrong-keys-attempt" in log
    assert "wrong-secret" not in flow.cluster.story("wrong-keys-attempt") + log


def test_a_missing_secret_is_an_invalid_task(flow: Flow, repository: Repository) -> None:
    """No retry can help: the outcome is terminal and says which Secret is missing."""
    flow.cluster.apply([flow.keyed_task("no-keys", "no-such-secret")])
    given = {"workspace": repository.workspace(), "params": {}}
    outcome = ended(flow, flow.referring("no-keys-attempt", "no-keys", given))
    assert (outcome["status"], outcome["reason"]) == ("FAILED_WITH_TERMINAL_ERROR", "InvalidTask")
    assert "lakefsSecretRef" in outcome["message"]


def test_lakefs_that_is_away_is_retried_and_then_reported(flow: Flow, repository: Repository, no_lakefs: str) -> None:
    """After the retries the attempt fails with a reason that says what could not be reached."""
    given = {"workspace": repository.workspace(), "params": {}}
    task = flow.keyed_task("no-lakefs", no_lakefs)
    task["spec"]["disruptionRetries"] = 1  # the second execution may publish nothing unless it knows of the first
    flow.cluster.apply([task])
    outcome = ended(flow, flow.referring("no-lakefs-attempt", "no-lakefs", given), 240)
    assert outcome["status"] == "FAILED"
    assert "lakeFS" in outcome["message"]


def test_an_image_that_cannot_be_pulled_is_said_before_it_is_given_up(flow: Flow) -> None:
    """The pod's own words are in the attempt's condition while it waits, and in its outcome at the end."""
    manifest = flow.attempt("no-image", "free", FREE)
    manifest["spec"]["task"]["image"] = "localhost/no-such-image:1"
    manifest["spec"]["disruptionRetries"] = 0  # the pod would be replaced otherwise
    flow.cluster.apply([manifest])
    waiting = flow.cluster.attempt("no-image", lambda status: "no-such-image" in str(status.get("conditions")))
    assert "outcome" not in waiting["status"]
    outcome = flow.cluster.finished("no-image", 240)["status"]["outcome"]
    # nothing listens at this registry, which is no fault of the task's
    assert (outcome["status"], outcome["reason"]) == ("FAILED", "ImagePull")


def test_a_task_that_dies_leaves_its_exit_code_and_last_words(flow: Flow) -> None:
    """A process that ends without a result is `TaskExited`, with the code and the end of its log."""
    outcome = ended(flow, flow.attempt("dies", "dies", {"params": {"text": "farewell"}}))
    assert (outcome["status"], outcome["reason"]) == ("FAILED", "TaskExited")
    assert "7" in outcome["message"]
    assert "last words: farewell" in outcome["message"]


def test_a_task_over_its_memory_is_told_the_limit(flow: Flow) -> None:
    """The kernel's kill is `OOMKilled` and names the limit.

    containerd hears of the kill and of the container's end on two ways. Where the end comes first, the node never
    tells why, and the attempt can only name the exit code: then another one is asked.
    """
    limits = {"limits": {"memory": "96Mi"}}
    outcome = ended(flow, flow.attempt("hungry", "hungry", FREE, resources=limits))
    if outcome["reason"] == "TaskExited":
        assert "137" in outcome["message"]
        outcome = ended(flow, flow.attempt("hungry-again", "hungry", FREE, resources=limits))
    assert (outcome["status"], outcome["reason"]) == ("FAILED", "OOMKilled")
    assert "96Mi" in outcome["message"]


def test_a_task_that_overfills_its_workspace_is_told_the_size(flow: Flow, repository: Repository) -> None:
    """The kubelet's eviction is `VolumeFull`, no disruption: another pod would fill its volume as well."""
    given = {"workspace": repository.workspace(), "params": {"delay": 180}}
    outcome = ended(flow, flow.attempt("fills", "fills", given, volume={"size": "32Mi"}), 170)
    assert (outcome["status"], outcome["reason"]) == ("FAILED", "VolumeFull")
    assert "32Mi" in outcome["message"]


def test_the_printed_table_tells_the_result(flow: Flow) -> None:
    """`kubectl get peragoattempts` has the columns that a person looks for."""
    flow.cluster.apply([flow.attempt("in-table", "free", FREE)])
    assert condition(flow.cluster.finished("in-table")["status"], "Complete") == "True"
    head, row = flow.cluster("get", "peragoattempts", "in-table").splitlines()
    assert head.split() == ["NAME", "TASK", "PHASE", "STEP", "RESULT", "RETRY", "REPORTED", "AGE"]
    assert "Succeeded" in row
    assert "COMPLETED" in row
