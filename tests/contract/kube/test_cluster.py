"""What the operator does to objects, on the fake and on a real API server alike."""

import pytest

from perago_operator.core.names import ATTEMPT_FINALIZER
from perago_operator.ports import AlreadyExists, Conflict, NotFound, Refused
from tests.contract.kube.bench import Bench
from tests.contract.kube.names import attempt, pod


async def created(bench: Bench, *finalizers: str) -> str:
    """Create an attempt `a1`; returns its uid."""
    await bench.cluster.create_attempt(bench.namespace, attempt("a1", *finalizers))
    obj = await bench.get("PeragoAttempt", "a1")
    assert obj is not None
    uid: str = obj["metadata"]["uid"]
    return uid


async def finalizers(bench: Bench, kind: str = "PeragoAttempt", name: str = "a1") -> list[str] | None:
    """The finalizers of an object; None when it is gone."""
    obj = await bench.get(kind, name)
    return None if obj is None else obj["metadata"].get("finalizers", [])


async def test_the_kinds_of_the_installed_crds_are_served(bench: Bench) -> None:
    """A leader waits for them."""
    assert await bench.cluster.served_kinds() >= {"peragoattempts", "peragotasks"}


async def test_an_attempt_is_created_once(bench: Bench) -> None:
    """The second of the same name is refused by the server: that is the deduplication."""
    await created(bench)
    with pytest.raises(AlreadyExists):
        await bench.cluster.create_attempt(bench.namespace, attempt())


async def test_a_status_patch_merges_and_answers_with_the_object(bench: Bench) -> None:
    """Fields of others stay."""
    await created(bench)
    await bench.cluster.patch_attempt_status(bench.namespace, "a1", {"status": {"phase": "Pending"}})
    answer = await bench.cluster.patch_attempt_status(bench.namespace, "a1", {"status": {"podName": "a1-1"}})
    assert (answer["status"]["phase"], answer["status"]["podName"]) == ("Pending", "a1-1")
    assert "managedFields" not in answer["metadata"]


async def test_a_guarded_patch_of_a_changed_object_is_a_conflict(bench: Bench) -> None:
    """The outcome is written once, by the first writer."""
    await created(bench)
    seen = await bench.cluster.patch_attempt_status(bench.namespace, "a1", {"status": {"phase": "Pending"}})
    version = seen["metadata"]["resourceVersion"]
    await bench.cluster.patch_attempt_status(bench.namespace, "a1", {"status": {"phase": "Running"}})
    with pytest.raises(Conflict):
        await bench.cluster.patch_attempt_status(
            bench.namespace, "a1", {"status": {"phase": "Failed"}}, resource_version=version
        )


async def test_a_guarded_patch_of_an_unchanged_object_succeeds(bench: Bench) -> None:
    """Nobody wrote in between."""
    await created(bench)
    seen = await bench.cluster.patch_attempt_status(bench.namespace, "a1", {"status": {"phase": "Pending"}})
    answer = await bench.cluster.patch_attempt_status(
        bench.namespace, "a1", {"status": {"phase": "Running"}}, resource_version=seen["metadata"]["resourceVersion"]
    )
    assert answer["status"]["phase"] == "Running"


async def test_patching_what_is_gone_is_not_found(bench: Bench) -> None:
    """For both kinds."""
    with pytest.raises(NotFound):
        await bench.cluster.patch_attempt_status(bench.namespace, "no", {"status": {"phase": "Running"}})
    with pytest.raises(NotFound):
        await bench.cluster.patch_task_status(bench.namespace, "no", {"status": {"active": 1}})


async def test_a_tasks_status_is_patched(bench: Bench) -> None:
    """Numbers and conditions."""
    await bench.task("build")
    await bench.cluster.patch_task_status(bench.namespace, "build", {"status": {"active": 1}})
    obj = await bench.get("PeragoTask", "build")
    assert obj is not None
    assert obj["status"]["active"] == 1


@pytest.mark.parametrize(
    "held",
    [(ATTEMPT_FINALIZER,), (ATTEMPT_FINALIZER, "x.example/y"), ("x.example/y", ATTEMPT_FINALIZER)],
    ids=["alone", "first", "last"],
)
async def test_only_our_finalizer_is_taken_off(bench: Bench, held: tuple[str, ...]) -> None:
    """Wherever it stands in the list."""
    uid = await created(bench, *held)
    await bench.cluster.release_attempt(bench.namespace, "a1", uid)
    assert await finalizers(bench) == [finalizer for finalizer in held if finalizer != ATTEMPT_FINALIZER]


async def test_releasing_a_deleted_attempt_lets_it_go(bench: Bench) -> None:
    """Until then the deletion waits for us."""
    uid = await created(bench)
    await bench.cluster.delete_attempt(bench.namespace, "a1", uid)
    assert await finalizers(bench) == [ATTEMPT_FINALIZER]
    await bench.cluster.release_attempt(bench.namespace, "a1", uid)
    assert await finalizers(bench) is None


async def test_releasing_twice_or_what_is_gone_is_success(bench: Bench) -> None:
    """The operator may die between any two calls."""
    uid = await created(bench, ATTEMPT_FINALIZER, "x.example/y")
    await bench.cluster.release_attempt(bench.namespace, "a1", uid)
    await bench.cluster.release_attempt(bench.namespace, "a1", uid)
    await bench.cluster.release_attempt(bench.namespace, "never-was", uid)


async def test_another_attempt_of_the_name_is_left_alone(bench: Bench) -> None:
    """The uid says which is meant, for release and for delete."""
    await created(bench)
    await bench.cluster.release_attempt(bench.namespace, "a1", "another-uid")
    with pytest.raises(Conflict):
        await bench.cluster.delete_attempt(bench.namespace, "a1", "another-uid")
    assert await finalizers(bench) == [ATTEMPT_FINALIZER]


async def test_an_attempt_made_by_hand_is_held_once(bench: Bench) -> None:
    """Beside the finalizers of others; holding twice is success."""
    uid = await created(bench, "x.example/y")
    await bench.cluster.hold_attempt(bench.namespace, "a1", uid)
    await bench.cluster.hold_attempt(bench.namespace, "a1", uid)
    assert sorted(await finalizers(bench) or []) == sorted([ATTEMPT_FINALIZER, "x.example/y"])


async def test_holding_another_attempt_of_the_name_is_not_found(bench: Bench) -> None:
    """The one that was meant is gone."""
    await created(bench)
    with pytest.raises(NotFound):
        await bench.cluster.hold_attempt(bench.namespace, "a1", "another-uid")


async def test_deleting_what_is_gone_is_success(bench: Bench) -> None:
    """Attempts and pods."""
    await bench.cluster.delete_attempt(bench.namespace, "never-was", "uid")
    await bench.cluster.delete_pod(bench.namespace, "never-was")


async def test_a_pod_is_created_once_and_stays_until_it_is_released(bench: Bench) -> None:
    """Its finalizer keeps its status until the outcome is recorded."""
    await bench.cluster.create_pod(bench.namespace, pod())
    with pytest.raises(AlreadyExists):
        await bench.cluster.create_pod(bench.namespace, pod())
    await bench.cluster.delete_pod(bench.namespace, "a1-1")
    assert await bench.get("Pod", "a1-1") is not None
    await bench.cluster.release_pod(bench.namespace, "a1-1")
    assert await bench.get("Pod", "a1-1") is None
    await bench.cluster.release_pod(bench.namespace, "a1-1")


async def test_the_log_of_a_pod_that_is_gone_is_not_found(bench: Bench) -> None:
    """The failure's message goes without it then."""
    with pytest.raises(NotFound):
        await bench.cluster.pod_log_tail(bench.namespace, "never-was", "task", 10)


async def test_a_wrong_attempt_is_refused_with_the_servers_words(bench: Bench) -> None:
    """Only a real server has a schema."""
    if bench.fake is not None:
        pytest.skip("the fake has no schema")
    wrong = attempt() | {"spec": {"task": {"module": 7}}}
    with pytest.raises(Refused, match=r"spec\.task\.module") as caught:
        await bench.cluster.create_attempt(bench.namespace, wrong)
    assert caught.value.status == 422
