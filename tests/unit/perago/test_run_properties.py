"""Whatever fails, in any combination: the invariants of an attempt."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

import perago
from perago.workspace import active_workspace_owner_tokens
from tests.examples import examples
from tests.unit.perago.kit import Outcome, Params, World, run_attempt, task_of

PLACES = ["download", "fence 1", "fence 2", "stage", "publish", "noop", "cleanup"]
errors = st.sampled_from([RuntimeError("x"), perago.TaskTerminalError("x"), OSError(28, "full"), SystemExit(2)])
faults = st.dictionaries(st.sampled_from(PLACES), errors, max_size=3)


def bodies(changing: bool, error: BaseException | None) -> perago.TaskDefinition:
    def body(workspace: Path, _params: Params) -> Outcome:
        if changing:
            (workspace / "out").write_text("x")
        if error is not None:
            raise error
        return Outcome(count=1)

    return task_of(body)


def read_only(task: perago.TaskDefinition) -> perago.TaskDefinition:
    spec = perago.WorkspaceSpec(read_only=True)
    return perago.task(name="n", owner_email="a@b", workspace=spec)(task.fn).__perago_task__


@given(
    faults=faults,
    changing=st.booleans(),
    body_error=st.none() | errors,
    stale_from=st.none() | st.integers(1, 2),
    with_manifest=st.booleans(),
    reading=st.booleans(),
)
@settings(max_examples=examples(300), deadline=None)
def test_no_combination_of_failures_breaks_an_invariant(
    faults: dict[str, BaseException],
    changing: bool,
    body_error: BaseException | None,
    stale_from: int | None,
    with_manifest: bool,
    reading: bool,
) -> None:
    """No publication without two fences, no branch without its deletion, no directory or owner left, one result."""
    world = World(fail_at=faults, stale_from_fence=stale_from, with_manifest=with_manifest)
    task = bodies(changing, body_error)
    with tempfile.TemporaryDirectory() as root:
        result = run_attempt(read_only(task) if reading else task, Path(root), world)
        assert list(Path(root).iterdir()) == []
    calls = world.calls
    assert active_workspace_owner_tokens() == frozenset()
    assert calls in ORDERS
    assert (result.status == "COMPLETED") == (calls in COMPLETE and not failed(faults, calls, stale_from, body_error))
    staged = "stage" in calls and "stage" not in faults
    assert ("cleanup" in calls) == staged
    if "publish" in calls:
        assert calls[calls.index("publish") - 1] == "fence"
        assert calls.count("fence") == 2


COMPLETE = [
    ["download"],
    ["download", "fence", "noop"],
    ["download", "fence", "stage", "fence", "publish", "cleanup"],
]
ORDERS = [
    *COMPLETE,
    ["download", "fence"],
    ["download", "fence", "stage"],
    ["download", "fence", "stage", "fence", "cleanup"],
]


def failed(
    faults: dict[str, BaseException], calls: list[str], stale_from: int | None, body_error: BaseException | None
) -> bool:
    """Whether something on the way that was taken raised; a failing clean-up does not count."""
    reached = {*calls, *(f"fence {number}" for number in range(1, calls.count("fence") + 1))} - {"cleanup"}
    stale = stale_from is not None and stale_from <= calls.count("fence")
    return bool(reached & faults.keys()) or stale or body_error is not None
