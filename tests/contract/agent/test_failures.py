"""What fails, and how the outcome says it: bad input, bad servers, bad modules; nothing is left behind."""

from pathlib import Path
from typing import Any

import pytest

from perago import wire
from perago.wire.egress import basic_auth
from tests.contract.agent.conftest import TASK
from tests.contract.agent.pod import Pod
from tests.contract.agent.repository import Repository
from tests.contract.agent.test_paths import base_of
from tests.faults.kinds import passed, preceded_by
from tests.faults.proxy import HttpExchange, answered


async def failed(pod: Pod, *words: str) -> str:
    """Run; the attempt fails with an outcome whose message has the words. Returns the reason."""
    assert await pod.run() == (0, 0), pod.logs()
    assert pod.outcome.status != "COMPLETED"
    assert all(word in (pod.outcome.message or "") for word in words), pod.outcome
    assert await pod.repository.branches() == {"main"}
    return pod.outcome.reason


async def test_a_failed_body_is_a_failed_attempt(pod: Pod, repository: Repository) -> None:
    """The reason is the exception's class, the message its text, and the branch is untouched."""
    base = await base_of(repository, a=b"a")
    assert await failed(pod.input(base, {"fail": "no data today"}), "no data today") == "TaskFailed"
    assert await repository.head() == base


async def test_wrong_params_show_what_pydantic_says(pod: Pod, repository: Repository) -> None:
    """The field is named."""
    base = await base_of(repository, a=b"a")
    assert await failed(pod.input(base, {"colour": "red"}), "colour") in ("TaskInputError", "ValidationError")


async def test_a_repository_that_does_not_exist_is_named(pod: Pod, repository: Repository) -> None:
    """RepositoryNotFound."""
    reason = await failed(pod.input("abc123", repository="not-there"), "repository not found")
    assert reason == "RepositoryNotFound"


async def test_a_ref_that_does_not_exist_is_named(pod: Pod, repository: Repository) -> None:
    """RefNotFound, with the ref."""
    ref = "0123456789abcdef" * 4
    assert await failed(pod.input(ref), ref) == "RefNotFound"


async def test_a_branch_name_is_no_input_ref(pod: Pod, repository: Repository) -> None:
    """An input ref that can move is refused."""
    await base_of(repository, a=b"a")
    assert await failed(pod.input("main"), "not a commit id") == "TaskInputError"


async def test_wrong_keys_are_told_without_the_keys(pod: Pod, repository: Repository) -> None:
    """LakeFSUnauthorized; neither key appears in outcome or logs."""
    base = await base_of(repository, a=b"a")
    (pod.folder / "lakefs" / "secretAccessKey").write_text("wrong-secret-key")
    assert await failed(pod.input(base)) == "LakeFSUnauthorized"
    told = pod.outcome.model_dump_json() + pod.logs()
    assert "wrong-secret-key" not in told
    assert repository.server.access_key not in told
    assert basic_auth(repository.server.access_key, "wrong-secret-key").split()[1] not in told


async def test_a_secret_without_a_key_is_told_by_the_key(pod: Pod, repository: Repository) -> None:
    """InvalidTask names what is missing; no retry can help."""
    base = await base_of(repository, a=b"a")
    (pod.folder / "lakefs" / "endpoint").unlink()
    assert await failed(pod.input(base), "lakefs Secret", "endpoint") == "InvalidTask"


async def test_an_unreachable_lakefs_is_retried_then_told(pod: Pod, repository: Repository) -> None:
    """LakeFSUnreachable after `retrySeconds`."""
    base = await base_of(repository, a=b"a")
    (pod.folder / "lakefs" / "endpoint").write_text("http://127.0.0.1:9")
    assert await failed(pod.ordered(retrySeconds=0.3).input(base)) == "LakeFSUnreachable"


async def test_an_unreachable_conductor_is_told_at_the_fence(pod: Pod, repository: Repository) -> None:
    """ConductorUnreachable, and nothing was staged."""
    base = await base_of(repository, a=b"a")
    pod.conductor_proxy.on("^GET", answered(503), None)
    reason = await failed(pod.ordered(outageSeconds=0.3).input(base, {"write": {"b": "b"}}))
    assert reason == "ConductorUnreachable"
    assert "staging" not in pod.api.status


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("not_there", ("not_there", "No module named")),
        ("broken", ("RuntimeError: no licence found", "broken.py:3")),
        ("empty", ("exactly one task", "none")),
        ("two", ("'first'", "'second'")),
    ],
)
async def test_a_module_that_is_no_task_is_terminal(pod: Pod, module: str, words: tuple[str, ...]) -> None:
    """InvalidTask says what and where."""
    pod.api.attempt["spec"]["input"] = {"params": {}}
    assert await failed(pod.ordered(module=module), *words) == "InvalidTask"
    assert pod.outcome.status == "FAILED_WITH_TERMINAL_ERROR"


async def test_a_symlink_is_not_published(pod: Pod, repository: Repository) -> None:
    """It is named, wherever it points."""
    base = await base_of(repository, a=b"a")
    keys = str(pod.folder / "lakefs" / "secretAccessKey")
    assert await failed(pod.input(base, {"link": {"sly": keys}}), "'sly'") == "TaskInputError"
    assert await repository.head() == base


async def test_what_is_excluded_is_not_published(pod: Pod, repository: Repository) -> None:
    """Neither a scratch file nor a link: nobody misses them, and nothing fails because of them."""
    base = await base_of(repository, a=b"a")
    params = {"link": {"latest": "a"}, "write": {"b": "b", "scratch/x": "x"}, "delete": ["a"]}
    ordered = pod.ordered(exclude=["latest", "scratch/", "a"]).input(base, params)
    assert await ordered.run() == (0, 0), pod.logs()
    assert await repository.files() == {"a": b"a", "b": b"b"}


async def test_a_pattern_that_is_none_is_terminal(pod: Pod, repository: Repository) -> None:
    """Nothing of the body is run; the message has the pattern."""
    base = await base_of(repository, a=b"a")
    assert await failed(pod.ordered(exclude=["foo["]).input(base), "'foo['") == "InvalidTask"
    assert pod.outcome.status == "FAILED_WITH_TERMINAL_ERROR"


async def test_hooks_of_the_repository_are_not_published(pod: Pod, repository: Repository) -> None:
    """A body that writes below `_lakefs_actions/` fails, naming the file."""
    base = await base_of(repository, a=b"a")
    params = {"write": {"_lakefs_actions/x.yaml": "on: {}"}}
    assert await failed(pod.input(base, params), "_lakefs_actions/x.yaml") == "TaskInputError"


@pytest.mark.parametrize("name", ["../up", "a//b"])
async def test_an_object_that_no_file_can_be_is_named_before_the_body_runs(
    pod: Pod, repository: Repository, name: str
) -> None:
    """TaskInputError, and nothing is written outside the workspace."""
    await repository.put(name, b"x")
    base = await repository.commit()
    assert await failed(pod.input(base), repr(name)) == "TaskInputError"
    assert not (Path(pod.mounts["workspace"]) / "up").exists()


async def test_an_object_that_is_also_a_folder_is_named(pod: Pod, repository: Repository) -> None:
    """Both `a` and `a/b` can be objects, but not files."""
    base = await base_of(repository, a=b"1", a__b=b"2")
    assert await failed(pod.input(base), "'a") == "TaskInputError"


async def test_an_input_larger_than_the_volume_is_not_downloaded(pod: Pod, repository: Repository) -> None:
    """VolumeFull with the volume's size."""
    base = await base_of(repository, a=b"x" * 1000, b=b"x" * 1000)
    assert await failed(pod.ordered(volumeBytes=1500).input(base), "1500") == "VolumeFull"


async def test_a_stale_attempt_publishes_nothing(pod: Pod, repository: Repository) -> None:
    """The task was retried elsewhere while the body ran."""
    base = await base_of(repository, a=b"a")
    pod.conductor.time_out(TASK)
    assert await failed(pod.input(base, {"write": {"b": "b"}}), "task-1") == "StaleAttemptError"
    assert await repository.head() == base


@pytest.mark.parametrize("reads", [1, 2])
async def test_an_attempt_that_goes_stale_after_staging_publishes_nothing(
    pod: Pod, repository: Repository, reads: int
) -> None:
    """Canceled before the second fence, or between it and the merge: the target is untouched, the branch gone."""
    base = await base_of(repository, a=b"a")

    async def canceled() -> None:
        pod.conductor.cancel(TASK)

    pod.conductor_proxy.on("^GET", passed, reads)
    pod.conductor_proxy.on("^GET", preceded_by(canceled))
    assert await failed(pod.input(base, {"write": {"b": "b"}})) == "StaleAttemptError"
    assert await repository.head() == base
    assert pod.api.status["staging"]["state"] == "Deleted"


async def test_an_attempt_whose_object_is_being_deleted_publishes_nothing(pod: Pod, repository: Repository) -> None:
    """Also when Conductor still waits for it."""
    base = await base_of(repository, a=b"a")
    pod.api.attempt["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert await failed(pod.input(base, {"write": {"b": "b"}})) == "Canceled"
    assert await repository.head() == base


async def test_a_moved_target_is_refused_and_left_alone(pod: Pod, repository: Repository) -> None:
    """Two foreign commits on the input ref are nobody's to replace."""
    base = await base_of(repository, a=b"a")
    await base_of(repository, f1=b"1")
    head = await base_of(repository, f2=b"2")
    assert await failed(pod.input(base, {"write": {"b": "b"}}), head) == "PublishFenceError"
    assert await repository.head() == head


async def test_uncommitted_changes_on_the_target_are_told(pod: Pod, repository: Repository) -> None:
    """A direct writer blocks publication; the outcome says so."""
    base = await base_of(repository, a=b"a")
    await repository.put("dirt", b"x")
    reason = await failed(pod.input(base, {"write": {"b": "b"}}), "uncommitted changes")
    assert reason == "UncommittedChanges"


async def test_an_output_that_no_object_can_hold_is_refused_before_publication(
    pod: Pod, repository: Repository
) -> None:
    """OutputTooLarge, and the target is as it was."""
    import random

    base = await base_of(repository, a=b"a")
    note = "".join(chr(number) for number in random.Random(1).choices(range(0x4E00, 0x9FFF), k=600_000))
    params: dict[str, Any] = {"write": {"b": "b"}, "note": note}
    assert await failed(pod.input(base, params), "compressed") == "OutputTooLarge"
    assert await repository.head() == base


async def test_a_long_reason_is_cut(pod: Pod, repository: Repository) -> None:
    """To the order's `failureReasonMaxLength`."""
    base = await base_of(repository, a=b"a")
    await failed(pod.ordered(failureReasonMaxLength=40).input(base, {"fail": "x" * 100}))
    assert len(pod.outcome.message or "") == 40


async def test_the_outcome_is_written_also_when_the_cluster_hesitates(pod: Pod, repository: Repository) -> None:
    """A patch that is refused as overloaded is tried again, and no report is lost."""
    base = await base_of(repository, a=b"a")
    pod.cluster_proxy.on("^PATCH", answered(503), 3)
    assert await pod.input(base, {"write": {"b": "b"}}).run() == (0, 0), pod.logs()
    assert pod.outcome.status == "COMPLETED"
    assert pod.api.status["staging"]["state"] == "Deleted"


async def test_an_outcome_that_the_cluster_refuses_is_told_as_that(pod: Pod, repository: Repository) -> None:
    """Rather than running the attempt over and over."""
    base = await base_of(repository, a=b"a")

    async def invalid_if_completed(exchange: HttpExchange) -> None:
        completed = b'"status":"COMPLETED"' in await exchange.receive()
        refusal = answered(422, b'{"message": "status.outcome is invalid"}')
        await (refusal if completed else passed)(exchange)

    pod.cluster_proxy.on("^PATCH", invalid_if_completed, None)
    assert await pod.input(base).run() == (0, 0), pod.logs()
    assert pod.outcome.reason == "OutcomeRefused"
    assert "is invalid" in (pod.outcome.message or "")


async def test_another_attempt_by_the_same_name_is_not_served(pod: Pod) -> None:
    """The agent ends without an outcome when the uid is not its order's."""
    pod.api.attempt["metadata"]["uid"] = "somebody-else"
    assert await pod.input("abc").run() == (wire.GAVE_UP_EXIT, wire.GAVE_UP_EXIT)
    assert "outcome" not in pod.api.status
