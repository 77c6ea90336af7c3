"""What the operator does to objects, on the fake and on a real API server alike."""

from functools import partial

import pytest

from perago_operator.core.names import ATTEMPT_FINALIZER, POD_FINALIZER
from perago_operator.ports import AlreadyExists, Conflict, NotFound, Refused
from tests import builders as b
from tests.contract.kube.names import attempt, pod
from tests.contract.kube.subject import Subject


async def created(subject: Subject, *finalizers: str) -> str:
    """Create an attempt `a1`; returns its uid."""
    await subject.cluster.create_attempt(subject.namespace, attempt("a1", *finalizers))
    obj = await subject.get("PeragoAttempt", "a1")
    assert obj is not None
    uid: str = obj["metadata"]["uid"]
    return uid


async def finalizers(subject: Subject, kind: str = "PeragoAttempt", name: str = "a1") -> list[str] | None:
    """The finalizers of an object; None when it is gone."""
    obj = await subject.get(kind, name)
    return None if obj is None else obj["metadata"].get("finalizers", [])


async def pod_uid(subject: Subject) -> str:
    """The uid of the pod `a1-1`."""
    obj = await subject.cluster.read_pod(subject.namespace, "a1-1")
    assert obj is not None
    uid: str = obj["metadata"]["uid"]
    return uid


async def test_the_kinds_of_the_installed_crds_are_served(subject: Subject) -> None:
    """A leader waits for them."""
    assert await subject.cluster.served_kinds() >= {"peragoattempts", "peragotasks"}


async def test_an_attempt_is_created_once(subject: Subject) -> None:
    """The second of the same name is refused by the server: that is the deduplication."""
    await created(subject)
    with pytest.raises(AlreadyExists):
        await subject.cluster.create_attempt(subject.namespace, attempt())


async def test_a_status_patch_merges_and_answers_with_the_object(subject: Subject) -> None:
    """Fields of others stay."""
    await created(subject)
    await subject.cluster.patch_attempt_status(subject.namespace, "a1", {"status": {"phase": "Pending"}})
    answer = await subject.cluster.patch_attempt_status(subject.namespace, "a1", {"status": {"podName": "a1-1"}})
    assert (answer["status"]["phase"], answer["status"]["podName"]) == ("Pending", "a1-1")
    assert "managedFields" not in answer["metadata"]


async def test_a_guarded_patch_of_a_changed_object_is_a_conflict(subject: Subject) -> None:
    """The outcome is written once, by the first writer."""
    await created(subject)
    seen = await subject.cluster.patch_attempt_status(subject.namespace, "a1", {"status": {"phase": "Pending"}})
    version = seen["metadata"]["resourceVersion"]
    await subject.cluster.patch_attempt_status(subject.namespace, "a1", {"status": {"phase": "Running"}})
    with pytest.raises(Conflict):
        await subject.cluster.patch_attempt_status(
            subject.namespace, "a1", {"status": {"phase": "Failed"}}, resource_version=version
        )


async def test_an_outcome_is_taken_off_only_with_its_execution(subject: Subject) -> None:
    """Whoever writes it."""
    await created(subject)
    patched = partial(subject.cluster.patch_attempt_status, subject.namespace, "a1")
    await patched({"status": {"executions": 1, "outcome": b.given_up()}})
    with pytest.raises(Refused, match=r"status\.outcome is written once"):
        await patched({"status": {"outcome": None}})
    answer = await patched({"status": {"executions": 2, "outcome": None}})
    assert "outcome" not in answer["status"]


async def test_a_guarded_patch_of_an_unchanged_object_succeeds(subject: Subject) -> None:
    """Nobody wrote in between."""
    await created(subject)
    seen = await subject.cluster.patch_attempt_status(subject.namespace, "a1", {"status": {"phase": "Pending"}})
    answer = await subject.cluster.patch_attempt_status(
        subject.namespace, "a1", {"status": {"phase": "Running"}}, resource_version=seen["metadata"]["resourceVersion"]
    )
    assert answer["status"]["phase"] == "Running"


async def test_patching_what_is_gone_is_not_found(subject: Subject) -> None:
    """For both kinds."""
    with pytest.raises(NotFound):
        await subject.cluster.patch_attempt_status(subject.namespace, "no", {"status": {"phase": "Running"}})
    with pytest.raises(NotFound):
        await subject.cluster.patch_task_status(subject.namespace, "no", {"status": {"active": 1}})


async def test_a_tasks_status_is_patched(subject: Subject) -> None:
    """Numbers and conditions."""
    await subject.task("build")
    await subject.cluster.patch_task_status(subject.namespace, "build", {"status": {"active": 1}})
    obj = await subject.get("PeragoTask", "build")
    assert obj is not None
    assert obj["status"]["active"] == 1


@pytest.mark.parametrize(
    "held",
    [(ATTEMPT_FINALIZER,), (ATTEMPT_FINALIZER, "x.example/y"), ("x.example/y", ATTEMPT_FINALIZER)],
    ids=["alone", "first", "last"],
)
async def test_only_our_finalizer_is_taken_off(subject: Subject, held: tuple[str, ...]) -> None:
    """Wherever it stands in the list."""
    uid = await created(subject, *held)
    await subject.cluster.release_attempt(subject.namespace, "a1", uid)
    assert await finalizers(subject) == [finalizer for finalizer in held if finalizer != ATTEMPT_FINALIZER]


async def test_releasing_a_deleted_attempt_lets_it_go(subject: Subject) -> None:
    """Until then the deletion waits for us."""
    uid = await created(subject)
    await subject.cluster.delete_attempt(subject.namespace, "a1", uid)
    assert await finalizers(subject) == [ATTEMPT_FINALIZER]
    await subject.cluster.release_attempt(subject.namespace, "a1", uid)
    assert await finalizers(subject) is None


async def test_releasing_twice_or_what_is_gone_is_success(subject: Subject) -> None:
    """The operator may die between any two calls."""
    uid = await created(subject, ATTEMPT_FINALIZER, "x.example/y")
    await subject.cluster.release_attempt(subject.namespace, "a1", uid)
    await subject.cluster.release_attempt(subject.namespace, "a1", uid)
    await subject.cluster.release_attempt(subject.namespace, "never-was", uid)


async def test_another_attempt_of_the_name_is_left_alone(subject: Subject) -> None:
    """The uid says which is meant, for release and for delete."""
    await created(subject)
    await subject.cluster.release_attempt(subject.namespace, "a1", "another-uid")
    with pytest.raises(Conflict):
        await subject.cluster.delete_attempt(subject.namespace, "a1", "another-uid")
    assert await finalizers(subject) == [ATTEMPT_FINALIZER]


async def test_an_attempt_made_by_hand_is_held_once(subject: Subject) -> None:
    """Beside the finalizers of others; holding twice is success."""
    uid = await created(subject, "x.example/y")
    await subject.cluster.hold_attempt(subject.namespace, "a1", uid)
    await subject.cluster.hold_attempt(subject.namespace, "a1", uid)
    assert sorted(await finalizers(subject) or []) == sorted([ATTEMPT_FINALIZER, "x.example/y"])


async def test_holding_another_attempt_of_the_name_is_not_found(subject: Subject) -> None:
    """The one that was meant is gone."""
    await created(subject)
    with pytest.raises(NotFound):
        await subject.cluster.hold_attempt(subject.namespace, "a1", "another-uid")


async def test_deleting_what_is_gone_is_success(subject: Subject) -> None:
    """Attempts and pods."""
    await subject.cluster.delete_attempt(subject.namespace, "never-was", "uid")
    await subject.cluster.delete_pod(subject.namespace, "never-was", "uid")


async def test_a_pod_is_created_once_and_stays_until_it_is_released(subject: Subject) -> None:
    """Its finalizer keeps its status until the outcome is recorded."""
    await subject.cluster.create_pod(subject.namespace, pod())
    with pytest.raises(AlreadyExists):
        await subject.cluster.create_pod(subject.namespace, pod())
    uid = await pod_uid(subject)
    await subject.cluster.delete_pod(subject.namespace, "a1-1", uid)
    assert await subject.get("Pod", "a1-1") is not None
    await subject.cluster.release_pod(subject.namespace, "a1-1", uid)
    assert await subject.get("Pod", "a1-1") is None
    await subject.cluster.release_pod(subject.namespace, "a1-1", uid)


async def test_a_pod_of_somebody_else_is_left_alone(subject: Subject) -> None:
    """It has the name of ours, and another uid: neither deleted nor released."""
    await subject.cluster.create_pod(subject.namespace, pod())
    await subject.cluster.delete_pod(subject.namespace, "a1-1", "another-uid")
    await subject.cluster.release_pod(subject.namespace, "a1-1", "another-uid")
    kept = await subject.cluster.read_pod(subject.namespace, "a1-1")
    assert kept is not None
    assert (kept["metadata"]["finalizers"], "deletionTimestamp" in kept["metadata"]) == ([POD_FINALIZER], False)


async def test_what_is_read_is_there_or_gone(subject: Subject) -> None:
    """In the API server's own words, and without managed fields."""
    await created(subject)
    obj = await subject.cluster.read_attempt(subject.namespace, "a1")
    assert obj is not None
    assert (obj["kind"], "managedFields" in obj["metadata"]) == ("PeragoAttempt", False)
    assert await subject.cluster.read_attempt(subject.namespace, "never-was") is None
    assert await subject.cluster.read_pod(subject.namespace, "never-was") is None


async def test_the_log_of_a_pod_that_is_gone_is_not_found(subject: Subject) -> None:
    """The failure's message goes without it then."""
    with pytest.raises(NotFound):
        await subject.cluster.pod_log_tail(subject.namespace, "never-was", "task", 10, to_the_end=True)


async def test_a_wrong_attempt_is_refused_with_the_servers_words(subject: Subject) -> None:
    """Only a real server has a schema."""
    if subject.fake is not None:
        pytest.skip("the fake has no schema")
    wrong = attempt() | {"spec": {"task": {"module": 7}}}
    with pytest.raises(Refused, match=r"spec\.task\.module") as caught:
        await subject.cluster.create_attempt(subject.namespace, wrong)
    assert caught.value.status == 422
