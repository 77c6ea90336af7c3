"""The order of an attempt's side effects on every path; what happens when a step fails is in `test_failure_matrix`."""

import dataclasses
import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, SimpleNamespace

import pytest

import perago
from perago.workspace import active_workspace_owner_tokens
from tests.unit.perago.kit import (
    FakeAttempt,
    Outcome,
    Params,
    World,
    free_task_of,
    idle,
    payload,
    run_attempt,
    task_of,
    workspace_payload,
    writing,
)

PUBLISHING = ["download", "fence", "stage", "fence", "publish", "cleanup"]
KEEPING = ["download", "fence", "noop"]


def test_a_changed_workspace_is_fenced_staged_fenced_published_and_cleaned_up(tmp_path: Path) -> None:
    """A writable body that changed something passes both fences, and its output names the published ref."""
    world = World()
    result = run_attempt(task_of(writing), tmp_path, world)
    assert world.calls == PUBLISHING
    assert result.output == {"workspace": workspace_payload(ref="H2"), "result": {"count": 1}}
    assert list(tmp_path.iterdir()) == []


def test_an_unchanged_workspace_is_fenced_and_kept(tmp_path: Path) -> None:
    """A writable body that changed nothing passes one fence and completes without staging."""
    world = World()
    result = run_attempt(task_of(idle), tmp_path, world)
    assert world.calls == KEEPING
    assert result.output == {"workspace": workspace_payload(ref="A"), "result": {"count": 1}}


def test_an_unchanged_workspace_without_a_way_to_keep_it_fails(tmp_path: Path) -> None:
    """Without complete_noop_workspace, a body that changed nothing is a failed attempt that says so."""
    result = run_attempt(task_of(idle), tmp_path, World(), complete_noop_workspace=None)
    assert result.status == "FAILED"
    assert "complete_noop_workspace" in str(result.reason_for_incompletion)


@pytest.mark.parametrize("body", [writing, idle])
def test_a_read_only_attempt_calls_nothing_but_the_download(tmp_path: Path, body: object) -> None:
    """A read-only task completes with the input ref: no fence, no lakeFS call, whatever it did to its copy."""
    world = World()
    result = run_attempt(task_of(body, read_only=True), tmp_path, world)  # type: ignore[arg-type]
    assert world.calls == ["download"]
    assert result.output is not None
    assert result.output["workspace"]["ref"] == "A"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("place", "done"), [(1, ["download", "fence"]), (2, [*PUBLISHING[:4], "cleanup"])])
def test_a_stale_attempt_is_stopped_at_either_fence(tmp_path: Path, place: int, done: list[str]) -> None:
    """An attempt that Conductor has left behind stages nothing at the first fence, publishes nothing at the second."""
    world = World(stale_from_fence=place)
    result = run_attempt(task_of(writing), tmp_path, world)
    assert (result.status, world.calls) == ("FAILED", done)
    assert "task-1" in str(result.reason_for_incompletion)


def test_the_wrong_kind_of_task_is_raised_not_returned(tmp_path: Path) -> None:
    """A task without workspace cannot be run as a workspace task, nor the reverse: TaskInputError before anything."""
    world = World()
    with pytest.raises(perago.TaskInputError, match="'plain' takes no workspace"):
        run_attempt(free_task_of(lambda params: Outcome(count=1)), tmp_path, world)
    with pytest.raises(perago.TaskInputError, match="takes a workspace"):
        perago.run_workspace_free_task_attempt(task_of(idle), {"params": {}}, failure_reason_max_length=500)
    assert world.calls == []


def test_a_reason_length_below_one_is_raised(tmp_path: Path) -> None:
    """A caller that leaves no room for a reason gets a ValueError, not a result without one."""
    with pytest.raises(ValueError, match="max_length"):
        run_attempt(task_of(idle), tmp_path, World(), failure_reason_max_length=0)
    with pytest.raises(ValueError, match="max_length"):
        perago.run_workspace_free_task_attempt(free_task_of(_count), {"params": {}}, failure_reason_max_length=0)


def _count(params: Params) -> Outcome:
    return Outcome(count=params.count)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({}, "'features.build'"),
        ({"params": {}}, "'features.build'"),
        ({"workspace": workspace_payload()}, "'features.build'"),
        (payload() | {"extra": 1}, "'features.build'"),
        (payload() | {"workspace": None}, "WorkspaceInput: "),
        ({"params": {}, "workspace": workspace_payload(ref=" ")}, "WorkspaceInput.ref: must not be blank (got ' ')"),
        ({"params": {}, "workspace": workspace_payload(refType="branch")}, "WorkspaceInput.ref_type: "),
        ({"params": {}, "workspace": workspace_payload(colour="red")}, "WorkspaceInput.colour: "),
    ],
)
def test_a_wrong_payload_fails_before_anything_is_made(tmp_path: Path, bad: dict[str, object], words: str) -> None:
    """Key set and workspace are checked first: no directory, no download, and the reason names the task or the key."""
    world = World()
    result = run_attempt(task_of(idle), tmp_path / "root", world, bad)
    assert (result.status, world.calls) == ("FAILED", [])
    assert words in str(result.reason_for_incompletion)
    assert not (tmp_path / "root").exists()


def test_the_directory_and_its_marker_are_there_before_the_download(tmp_path: Path) -> None:
    """The download finds the attempt's directory with nothing in it but the marker."""
    world = World()
    run_attempt(task_of(idle), tmp_path, world)
    assert world.seen_at_download == [".perago-attempt.json"]


def test_a_directory_that_exists_is_left_alone(tmp_path: Path) -> None:
    """An attempt whose directory is there already fails, downloads nothing and removes nothing."""
    theirs = tmp_path / "task_id=task-1-exec=e1"
    theirs.mkdir()
    world = World()
    assert run_attempt(task_of(idle), tmp_path, world, execution_id="e1").status == "FAILED"
    assert (world.calls, theirs.is_dir()) == ([], True)


@pytest.mark.parametrize("with_manifest", [True, False])
def test_params_are_validated_after_the_download_and_before_the_body(tmp_path: Path, with_manifest: bool) -> None:
    """Params that fail validation stop the attempt with pydantic's words, the field and the value."""
    world = World(with_manifest=with_manifest)
    result = run_attempt(task_of(writing), tmp_path, world, payload(count="many", other=1))
    assert world.calls == ["download"]
    reason = str(result.reason_for_incompletion)
    assert "Params.count: Input should be a valid integer" in reason
    assert "'many'" in reason
    assert "Params.other: Extra inputs are not permitted" in reason


def test_a_pre_guardrail_stops_the_attempt_for_good(tmp_path: Path) -> None:
    """A broken `pre` guardrail is terminal and the body does not run."""
    world = World()
    ran: list[Path] = []

    def body(workspace: Path, params: Params) -> Outcome:
        ran.append(workspace)
        return Outcome(count=1)

    result = run_attempt(task_of(body, pre=[perago.require_file("absent")]), tmp_path, world)
    assert (result.status, ran, world.calls) == ("FAILED_WITH_TERMINAL_ERROR", [], ["download"])


def test_a_post_guardrail_stops_publication(tmp_path: Path) -> None:
    """A broken `post` guardrail fails the attempt, which may be retried, and nothing is fenced or staged."""
    world = World()
    result = run_attempt(task_of(writing, post=[perago.forbid_glob("out*")]), tmp_path, world)
    assert (result.status, world.calls) == ("FAILED", ["download"])


def test_guardrails_params_body_and_result_come_in_order(tmp_path: Path) -> None:
    """Params before `pre`, `pre` before the body, the result's validation before `post`."""
    broken = [perago.require_file("absent")]
    wrong = task_of(lambda workspace, params: "no model", pre=broken, post=broken)  # type: ignore[arg-type,return-value]
    assert "Params.count" in str(run_attempt(wrong, tmp_path, World(), payload(count="x")).reason_for_incompletion)
    assert "pre guardrail" in str(run_attempt(wrong, tmp_path, World()).reason_for_incompletion)
    wrong = task_of(lambda workspace, params: "no model", post=broken)  # type: ignore[arg-type,return-value]
    assert "Outcome: Input" in str(run_attempt(wrong, tmp_path, World()).reason_for_incompletion)


def test_publication_learns_the_changes_and_the_output(tmp_path: Path) -> None:
    """Staging gets the changed paths; publication also gets the validated output."""
    world = World(files={"in.txt": "old", "gone.txt": "x", "same.txt": "y"})

    def body(workspace: Path, params: Params) -> Outcome:
        (workspace / "in.txt").write_text("other")
        (workspace / "gone.txt").unlink()
        (workspace / "sub").mkdir()
        return writing(workspace / "sub", params)

    run_attempt(task_of(body), tmp_path, world)
    staging, publication = world.executions
    assert staging.changes is not None
    assert (staging.changes.added, staging.changes.modified, staging.changes.deleted) == (
        ("sub/out.txt",),
        ("in.txt",),
        ("gone.txt",),
    )
    assert (staging.output, publication.output) == (None, {"result": {"count": 1}})
    assert publication.changes == staging.changes


def test_the_execution_reads_other_attributes_from_the_attempt(tmp_path: Path) -> None:
    """Callbacks get a context with its own execution id and the attempt's identity."""
    world = World()
    run_attempt(task_of(writing), tmp_path, world, execution_id="e 1")
    execution = world.executions[0]
    assert (execution.execution_id, execution.task_id, execution.seq) == ("e 1", "task-1", 3)


@dataclass
class Repository(World):
    """A world whose download maps a listing as the contract's functions do."""

    listing: tuple[str, ...] = ()

    def download(self, workspace: perago.WorkspaceInput, spec: perago.WorkspaceSpec, directory: Path) -> None:
        self.step("download")
        for file in perago.workspace_download_files(directory, spec, self.listing):
            file.local_path.parent.mkdir(parents=True, exist_ok=True)
            file.local_path.write_text(file.object_path)


@pytest.mark.parametrize(
    ("listing", "named"),
    [
        (("a", "a/b"), "'a/b'"),
        (("a/b", "../up"), "'../up'"),
        (("/abs",), "'/abs'"),
        (("x/" + "n" * 256,), "'x/nnn"),
        (("ü" * 128,), "'üü"),
        (("d/" * 1920 + "f",), "'d/d/"),
        (("nul\0",), r"'nul\x00'"),
        (("c:/x",), "'c:/x'"),
        (("fine", "back\\slash"), r"'back\\slash'"),
    ],
)
def test_a_repository_that_no_folder_can_hold_fails_before_the_body(
    tmp_path: Path, listing: tuple[str, ...], named: str
) -> None:
    """The reason names the object; the body does not run, and nothing of the listing is left anywhere."""
    ran: list[Path] = []
    world = Repository(listing=listing)

    def body(workspace: Path, params: Params) -> Outcome:
        ran.append(workspace)
        return Outcome(count=1)

    task = task_of(body)
    result = run_attempt(task, tmp_path / "root", world)
    assert (result.status, ran, world.calls) == ("FAILED", [], ["download"])
    assert f"object path {named}" in str(result.reason_for_incompletion)
    assert [path.name for path in tmp_path.rglob("*")] == ["root"]


def test_a_repository_that_a_folder_can_just_hold_is_run(tmp_path: Path) -> None:
    """Names of 255 bytes, the marker's name deeper down, and odd characters are ordinary files."""
    listing = ("n" * 255, "sub/.perago-attempt.json", ".perago-attempt.json", "new\nline", "-", "a b/ü\u0301")
    seen: list[str] = []

    def body(workspace: Path, params: Params) -> Outcome:
        seen.extend(path.read_text() for path in workspace.rglob("*") if path.is_file() and path.parent != workspace)
        return Outcome(count=1)

    world = Repository(listing=listing)
    assert run_attempt(task_of(body), tmp_path, world).status == "COMPLETED"
    assert sorted(seen) == ["a b/ü\u0301", "sub/.perago-attempt.json"]
    assert world.calls == KEEPING


@pytest.mark.parametrize(("given", "variable", "owner"), [("", "w2", "w2"), (" ", "", "pid-"), ("w1", "w2", "w1")])
def test_an_empty_worker_id_counts_as_not_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, variable: str, owner: str
) -> None:
    """Neither an empty argument nor an empty PERAGO_WORKER_ID fails the attempt."""
    monkeypatch.setenv("PERAGO_WORKER_ID", variable)
    markers: list[str] = []

    def body(workspace: Path, params: Params) -> Outcome:
        markers.append((workspace / ".perago-attempt.json").read_text())
        return Outcome(count=1)

    assert run_attempt(task_of(body), tmp_path, World(), owner_worker_id=given).status == "COMPLETED"
    assert json.loads(markers[0])["owner_worker_id"].startswith(owner)


@pytest.mark.parametrize(
    ("given", "own", "execution"), [("", "mine", "mine"), (None, "mine", "mine"), ("x", "mine", "x")]
)
def test_an_execution_id_is_the_attempts_own_unless_one_is_given(
    tmp_path: Path, given: str | None, own: str, execution: str
) -> None:
    """An empty one counts as not given."""
    world = World()
    attempt = SimpleNamespace(**dataclasses.asdict(FakeAttempt()), execution_id=own)
    result = run_attempt(
        task_of(writing),
        tmp_path,
        world,
        attempt=attempt,
        execution_id=given,
        load_current_attempt=lambda current: current,
    )
    assert result.status == "COMPLETED"
    assert world.executions[0].execution_id == execution


def test_payload_and_root_may_be_of_any_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mappings that are no dict, and a root that is text and relative, even if the body goes elsewhere."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()

    def body(workspace: Path, params: Params) -> Outcome:
        os.chdir(tmp_path / "elsewhere")
        return writing(workspace, params)

    source = MappingProxyType({"workspace": MappingProxyType(workspace_payload()), "params": MappingProxyType({})})
    result = run_attempt(task_of(body), "root", World(), source)  # type: ignore[arg-type]
    assert (result.status, list((tmp_path / "root").iterdir())) == ("COMPLETED", [])


def test_an_attempt_that_conductor_does_not_know_any_more_is_stale(tmp_path: Path) -> None:
    """A loader that finds nothing returns None, and that is another attempt."""
    world = World()
    result = run_attempt(task_of(writing), tmp_path, world, load_current_attempt=lambda _attempt: None)
    assert (result.status, world.calls) == ("FAILED", ["download"])
    assert result.reason_for_incompletion == str(perago.StaleAttemptError("task-1"))


def test_the_owner_is_registered_while_the_body_runs_and_no_longer(tmp_path: Path) -> None:
    """The owner's token is active exactly as long as the attempt; its worker id stands in the marker."""
    seen: list[tuple[frozenset[str], str]] = []

    def body(workspace: Path, params: Params) -> Outcome:
        seen.append((active_workspace_owner_tokens(), (workspace / ".perago-attempt.json").read_text()))
        return Outcome(count=1)

    run_attempt(task_of(body), tmp_path, World(), owner_worker_id="worker-9")
    tokens, marker = seen[0]
    assert any(token in marker for token in tokens)
    assert '"worker-9"' in marker
    assert active_workspace_owner_tokens() == frozenset()


@pytest.mark.parametrize("treatment", ["delete", "rewrite", "directory"])
def test_a_body_that_spoils_the_marker_does_no_harm(tmp_path: Path, treatment: str) -> None:
    """Without its marker, or with another one, the directory is still removed and nothing of it counts as a change."""

    def body(workspace: Path, params: Params) -> Outcome:
        marker = workspace / ".perago-attempt.json"
        marker.unlink()
        if treatment == "rewrite":
            marker.write_text("mine")
        if treatment == "directory":
            marker.mkdir()
        return Outcome(count=1)

    world = World()
    assert run_attempt(task_of(body), tmp_path, world).status == "COMPLETED"
    assert (world.calls, list(tmp_path.iterdir())) == (KEEPING, [])


def test_the_boundary_logs_the_traceback_and_the_result_carries_the_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A failure's full traceback goes to the log, its text alone to Conductor, cut to the limit."""
    world = World(fail_at={"download": RuntimeError("x" * 50)})
    with caplog.at_level(logging.ERROR):
        result = run_attempt(task_of(idle), tmp_path, world, failure_reason_max_length=10)
    assert result.reason_for_incompletion == "x" * 10
    assert "Traceback" in caplog.text


def test_a_download_may_return_anything_but_only_a_manifest_counts(tmp_path: Path) -> None:
    """With a manifest and without, the same change is found."""
    for with_manifest in (True, False):
        world = World(with_manifest=with_manifest)
        run_attempt(task_of(writing), tmp_path, world)
        assert world.changes is not None
        assert world.changes.added == ("out.txt",)


def test_a_workspace_free_attempt_is_validated_run_and_reported() -> None:
    """A task without workspace takes `{"params": …}` alone and answers `{"result": …}`."""
    task = free_task_of(_count)
    result = perago.run_workspace_free_task_attempt(task, {"params": {"count": 2}}, failure_reason_max_length=500)
    assert result.output == {"result": {"count": 2}}


@pytest.mark.parametrize("bad", [{}, {"params": {}, "workspace": workspace_payload()}, [], None])
def test_a_workspace_free_payload_has_exactly_its_key(bad: object) -> None:
    """Any other key set, or no object at all, is a failed attempt."""
    task = free_task_of(_count)
    result = perago.run_workspace_free_task_attempt(task, bad, failure_reason_max_length=500)  # type: ignore[arg-type]
    assert result.status == "FAILED"
