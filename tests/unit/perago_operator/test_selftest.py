"""What `helm test` runs, and how it judges."""

from importlib.util import find_spec
from typing import Any

import pytest

from perago_operator.api.attempt import PeragoAttempt, TaskCode
from perago_operator.api.attempt_status import AttemptStatus
from perago_operator.api.reasons import Reason
from perago_operator.ports import WatchEvent
from perago_operator.selftest import SelfTest, cases, manifest, verdict, waiting
from tests import builders as b
from tests.fakes.kube import FakeCluster

COMMIT = "a52a65d9"


def stored(attempt: dict[str, Any]) -> dict[str, Any]:
    """A manifest with what the API server adds."""
    return attempt | {"metadata": attempt["metadata"] | {"uid": "uid", "resourceVersion": "1"}}


def status(**fields: Any) -> AttemptStatus:
    """The status of an attempt."""
    return AttemptStatus.model_validate(fields)


def outcome(reason: Reason, message: str = "why") -> dict[str, str]:
    """An outcome with this reason."""
    return {"status": "COMPLETED" if reason is Reason.COMPLETED else "FAILED", "reason": reason, "message": message}


@pytest.mark.parametrize(("repository", "commit"), [("", ""), ("weather", COMMIT)])
def test_the_attempts_are_what_the_api_takes(repository: str, commit: str) -> None:
    """Each is standalone, and names a module that every runner image has."""
    for case in cases(repository, commit, "main"):
        attempt = PeragoAttempt.model_validate(stored(manifest(case, "name", "ns", "runner:1", 60)))
        assert attempt.spec.task == TaskCode(module=f"perago.selftest.{case.name}", image="runner:1")
        assert attempt.spec.conductor is None
        assert find_spec(f"perago.selftest.{case.name}") is not None


def test_without_a_repository_lakefs_has_to_say_that_there_is_none() -> None:
    """It says so only to keys that it accepts."""
    _, with_files = cases("", "", "main")
    passed = verdict(with_files, status(outcome=outcome(Reason.REPOSITORY_NOT_FOUND)))
    failed = verdict(with_files, status(outcome=outcome(Reason.LAKEFS_UNAUTHORIZED, "401 for the keys")))
    assert passed is not None
    assert failed is not None
    assert passed[0]
    assert failed == (False, "the attempt ended with FAILED (LakeFSUnauthorized): 401 for the keys")


def test_with_a_repository_its_files_have_to_be_read() -> None:
    """That the repository does not exist is a failure then."""
    _, with_files = cases("weather", COMMIT, "main")
    missing = verdict(with_files, status(outcome=outcome(Reason.REPOSITORY_NOT_FOUND)))
    assert missing is not None
    assert not missing[0]
    assert with_files.task_input["workspace"] == {
        "repository": "weather",
        "branch": "main",
        "refType": "commit",
        "ref": COMMIT,
    }


def test_what_an_attempt_waits_for_is_said() -> None:
    """The reason why it has no pod, its step, or that no operator has looked at it."""
    assert waiting(status(conditions=[b.condition("PodReady", "False", "ImagePull", message="no such image")])) == (
        "ImagePull: no such image"
    )
    assert waiting(status(step="Executing")) == "step Executing"
    assert "is one running that serves this namespace?" in waiting(status())


async def run_with(ending: dict[str, Any] | None) -> tuple[bool, list[str], bool]:
    """Run the first case where the attempt ends like this (None: never); also what is said, and whether it is left."""
    cluster, said = FakeCluster(), list[str]()

    def end(event: WatchEvent) -> None:
        if event.kind == "ADDED" and ending is not None:
            cluster.merge("PeragoAttempt", "ns", "selftest", {"status": {"outcome": ending}})

    cluster.listeners.append(end)
    test = SelfTest(cluster, "ns", "runner:1", 0, clock=lambda: 0.0, say=said.append)
    passed = await test.run(next(iter(cases("", "", "main"))), "selftest")
    return passed, said, await cluster.read_attempt("ns", "selftest") is not None


async def test_an_attempt_that_passes_is_deleted() -> None:
    """And what it shows is said."""
    passed, said, left = await run_with(outcome(Reason.COMPLETED))
    assert (passed, left) == (True, False)
    assert said == ["passed: ns/selftest: a pod has started, its agent has written the outcome, and task code has run"]


async def test_an_attempt_that_fails_stays_to_be_looked_at() -> None:
    """Its outcome is said, or what it waits for."""
    failed, said, left = await run_with(outcome(Reason.INVALID_TASK, "no such image"))
    assert (failed, left) == (False, True)
    assert said == ["FAILED: ns/selftest: the attempt ended with FAILED (InvalidTask): no such image"]
    _, said, left = await run_with(None)
    assert left
    assert said[0].startswith("FAILED: ns/selftest: no outcome after 0 s; it waits for no operator")
