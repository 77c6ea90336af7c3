"""The ways an attempt goes when nothing fails, with a real agent, a real task side and a lakeFS."""

from perago.wire import metadata_keys as keys
from tests.contract.agent.conftest import TASK, UID
from tests.contract.agent.pod import Pod
from tests.contract.agent.repository import Repository


async def base_of(repository: Repository, **files: bytes) -> str:
    for name, content in files.items():
        await repository.put(name.replace("__", "/"), content)
    return await repository.commit()


async def test_a_writable_attempt_publishes_what_its_body_changed(pod: Pod, repository: Repository) -> None:
    """Additions, changes and deletions land in one commit on the input ref, which names the attempt."""
    base = await base_of(repository, keep=b"keep", old=b"old", edit=b"before")
    params = {"write": {"new/ünï.txt": "new", "edit": "after"}, "delete": ["old"]}
    assert await pod.input(base, params).run() == (0, 0), pod.logs()
    head = await repository.head()
    record = await repository.record(head)
    assert await repository.files() == {"keep": b"keep", "edit": b"after", "new/ünï.txt": b"new"}
    assert record["parents"] == [base]
    assert record["metadata"][keys.ATTEMPT_UID] == UID
    assert record["metadata"][keys.INPUT_REF] == base
    assert pod.outcome.full_output() == {
        "workspace": {"repository": repository.name, "branch": "main", "refType": "commit", "ref": head},
        "result": {"files": 4, "note": None},
    }


async def test_the_status_tells_the_story_and_nothing_is_left(pod: Pod, repository: Repository) -> None:
    """Planned is written before the branch exists, Deleted at the end; refs, counts and timings are there."""
    base = await base_of(repository, a=b"a")
    await pod.input(base, {"write": {"b": "bbb"}}).run()
    states = [patch["staging"]["state"] for patch in pod.api.patches if "staging" in patch]
    assert states[0] == "Planned"
    assert pod.api.status["staging"]["state"] == "Deleted"
    assert await repository.branches() == {"main"}
    workspace = pod.api.status["workspace"]
    assert workspace["inputRef"] == base
    assert workspace["publishedRef"] == await repository.head()
    assert workspace["changed"] == {"added": 1, "modified": 0, "deleted": 0, "bytes": 3}
    steps = {"downloading", "executing", "staging", "waitingForTurn", "publishing"}
    assert set(pod.api.status["timings"]) == steps


async def test_a_read_only_attempt_writes_nothing(pod: Pod, repository: Repository) -> None:
    """Whatever its body did to its copy, the ref stays, and no branch was planned."""
    base = await base_of(repository, a=b"a")
    assert await pod.ordered(module="read_only").input(base).run() == (0, 0), pod.logs()
    assert pod.outcome.output is not None
    assert pod.outcome.output["workspace"]["ref"] == base
    assert await repository.head() == base
    assert pod.api.status["workspace"]["publishedRef"] == base
    assert "staging" not in pod.api.status


async def test_an_attempt_that_changes_nothing_makes_no_commit(pod: Pod, repository: Repository) -> None:
    """Writing the same content again is not a change."""
    base = await base_of(repository, a=b"a")
    assert await pod.input(base, {"write": {"a": "a"}, "note": "x"}).run() == (0, 0), pod.logs()
    assert pod.outcome.output is not None
    assert pod.outcome.output["workspace"]["ref"] == base
    assert await repository.head() == base


async def test_a_task_sees_and_changes_its_prefix_only(pod: Pod, repository: Repository) -> None:
    """Siblings that share the prefix's letters are neither downloaded nor touched."""
    base = await base_of(repository, data__in=b"1", data2__other=b"2", top=b"3")
    assert await pod.ordered(module="prefixed").input(base).run() == (0, 0), pod.logs()
    assert pod.outcome.output is not None
    assert pod.outcome.output["result"]["files"] == [".perago-attempt.json", "in"]
    want = {"data/in": b"1", "data/added.txt": b"added", "data2/other": b"2", "top": b"3"}
    assert await repository.files() == want


async def test_a_task_without_a_workspace_needs_no_lakefs(pod: Pod) -> None:
    """Its output is its result, and neither Secret nor repository is looked at."""
    pod.api.attempt["spec"]["input"] = {"params": {"number": 21}}
    pod.mounts["lakefs"] = "/nonexistent"
    assert await pod.ordered(module="free").run() == (0, 0), pod.logs()
    assert pod.outcome.output == {"result": {"number": 42}}


async def test_a_standalone_attempt_is_fenced_by_its_own_object(pod: Pod, repository: Repository) -> None:
    """Without a Conductor task nothing is asked of Conductor."""
    base = await base_of(repository, a=b"a")
    order_changes = {"conductor": None}
    assert await pod.ordered(**order_changes).input(base, {"write": {"b": "b"}}).run() == (0, 0), pod.logs()
    assert pod.outcome.status == "COMPLETED"
    assert pod.conductor_proxy.seen == []


async def test_an_input_may_come_from_conductor(pod: Pod, repository: Repository) -> None:
    """`inputFrom: Conductor` reads the task's input data."""
    base = await base_of(repository, a=b"a")
    pod.input(base, {"write": {"b": "b"}})
    pod.conductor.tasks[TASK].input_data = pod.api.attempt["spec"].pop("input")
    assert await pod.ordered(inputFrom="Conductor").run() == (0, 0), pod.logs()
    assert (await repository.files())["b"] == b"b"


async def test_an_input_that_conductor_keeps_elsewhere_is_told(pod: Pod, repository: Repository) -> None:
    """The task sees no empty input in its place."""
    pod.conductor.tasks[TASK].input_data = {"params": "x" * (4 << 20)}
    pod.api.attempt["spec"].pop("input", None)
    assert await pod.ordered(inputFrom="Conductor").run() == (0, 0), pod.logs()
    assert (pod.outcome.status, pod.outcome.reason) == ("FAILED", "TaskInputError")
    assert "over 3 MiB" in (pod.outcome.message or "")


async def test_a_retry_replaces_an_abandoned_publication(pod: Pod, repository: Repository) -> None:
    """The earlier attempt's commit is dropped: history is input ref, then this attempt."""
    base = await base_of(repository, a=b"a")
    assert await pod.input(base, {"write": {"b": "first"}}).run() == (0, 0), pod.logs()
    pod.api.status.clear()
    pod.api.attempt["metadata"]["uid"] = "retry-uid"
    pod.conductor.time_out(TASK)
    [retry] = pod.conductor.take(("writable", None), 1, "operator")
    again = pod.ordered(uid="retry-uid", conductor=retry.identity.to_json()).input(base, {"write": {"c": "second"}})
    assert await again.run() == (0, 0), pod.logs()
    assert await repository.files() == {"a": b"a", "c": b"second"}
    assert (await repository.record("main"))["parents"] == [base]


async def test_an_unmarked_commit_on_the_input_ref_is_replaced_or_kept_by_policy(
    pod: Pod, repository: Repository
) -> None:
    """A foreign commit is a fence, unless `replaceUnmarked` stands beside the keys."""
    base = await base_of(repository, a=b"a")
    foreign = await base_of(repository, foreign=b"f")
    assert await pod.input(base, {"write": {"b": "b"}}).run() == (0, 0), pod.logs()
    assert pod.outcome.reason == "PublishFenceError"
    assert await repository.head() == foreign
    (pod.folder / "lakefs" / "replaceUnmarked").write_text("true")
    pod.api.status.clear()
    assert await pod.ordered(execution=2).run() == (0, 0), pod.logs()
    (pod.folder / "lakefs" / "replaceUnmarked").unlink()
    assert (await repository.record("main"))["parents"] == [base]
    assert pod.api.status["workspace"]["replaced"]["ref"] == foreign


async def test_what_a_body_made_private_is_published(pod: Pod, repository: Repository) -> None:
    """The task side opens its own files to the agent before staging."""
    base = await base_of(repository, a=b"a")
    params = {"write": {"secret/x": "x"}, "private": True}
    assert await pod.input(base, params).run() == (0, 0), pod.logs()
    found = await repository.files()
    assert found["secret/x"] == b"x"
