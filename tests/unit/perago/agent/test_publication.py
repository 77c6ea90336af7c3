"""The publication table: every row, the order of the rows, and the metadata that they read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perago.agent import publication as p
from perago.wire import ConductorTask, Order
from perago.wire import metadata_keys as keys

EARLY, NOW, LATE = (f"2026-03-01T1{hour}:00:00Z" for hour in range(3))
ME = p.Identity(attempt_uid="u2", logical_task="wf/build/0", retry=1, execution=2, created=NOW)
A = "aaaa"


def published(uid: str = "u1", task: str = "wf/build/0", retry: str = "0", parents: tuple[str, ...] = (A,)) -> p.Commit:
    metadata = {keys.ATTEMPT: f"team/{uid}", keys.ATTEMPT_UID: uid, keys.LOGICAL_TASK: task, keys.RETRY: retry}
    return p.Commit("hhhh", parents, metadata)


def order(retry: int = 1, seq: int = 2, **changes: object) -> Order:
    task = ConductorTask(
        task_type="t", workflow_instance_id="wf", task_id="t1", reference_task_name="build", seq=seq, retry_count=retry
    )
    values: dict[str, object] = {
        "namespace": "team", "name": "a1", "uid": "u2", "execution": 1, "installation": "i",
        "module": "app.t", "image": "app:1", "conductor": task,
    }  # fmt: skip
    return Order.model_validate(values | changes)


def decide(head: p.Commit, *, changed: bool = True, replace_unmarked: bool = True) -> p.Decision:
    return p.decide(p.Target(head, A, ME, changed, replace_unmarked))


UNMARKED = p.Commit("hhhh", (A,), {})
EARLIER = published(retry="0")


def made(created: str, retry: str) -> p.Commit:
    """A publication of another attempt of the same task, whose object was created at that time."""
    head = published(retry=retry)
    return p.Commit(head.id, head.parents, {**head.metadata, keys.CREATED: created})


@pytest.mark.parametrize(
    ("head", "want_changed", "want_unchanged"),
    [
        pytest.param(p.Commit(A, ("0000",)), p.Merge(), p.Keep(), id="the input ref"),
        pytest.param(published("u2"), p.AlreadyPublished("hhhh"), p.AlreadyPublished("hhhh"), id="own publication"),
        pytest.param(EARLIER, p.ResetThenMerge("hhhh"), p.ResetToInput("hhhh"), id="an earlier attempt's"),
        pytest.param(published("u2", parents=("bbbb",)), p.TakeBack("hhhh"), p.TakeBack("hhhh"), id="own, astray"),
        pytest.param(made(EARLY, "9"), p.ResetThenMerge("hhhh"), p.ResetToInput("hhhh"), id="a former run's"),
    ],
)
def test_each_row_of_the_table(head: p.Commit, want_changed: p.Decision, want_unchanged: p.Decision) -> None:
    """The target's head alone decides, for an attempt with changes and for one without."""
    assert decide(head) == want_changed
    assert decide(head, changed=False) == want_unchanged


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(p.Commit("hhhh", ("bbbb",)), id="not on the input ref"),
        pytest.param(p.Commit("hhhh", ("bbbb", A)), id="the input ref only second parent"),
        pytest.param(p.Commit("hhhh"), id="no parents"),
        pytest.param(published(retry="1"), id="another attempt of the same retry"),
        pytest.param(published(retry="2"), id="a later attempt's"),
        pytest.param(published(task="wf/other/0"), id="another task's"),
        pytest.param(published(parents=("bbbb",)), id="an earlier attempt's, not on the input ref"),
        pytest.param(made(LATE, "0"), id="a later run's, whatever its retry"),
        pytest.param(made(NOW, "1"), id="another attempt of the same second and retry"),
        pytest.param(published(retry="-1"), id="a retry that is no number"),
        pytest.param(published(retry="٣"), id="a retry in other digits"),
        pytest.param(p.Commit("hhhh", (A,), {"perago.seed": "x"}), id="marked, but by no attempt"),
    ],
)
@pytest.mark.parametrize("changed", [True, False])
def test_anything_else_is_refused_and_says_why(head: p.Commit, changed: bool) -> None:
    """A head that no row names may not be replaced, and the refusal names it."""
    decision = decide(head, changed=changed)
    assert isinstance(decision, p.Refuse)
    assert "hhhh" in decision.why


def test_an_unmarked_commit_is_kept_unless_replacing_is_switched_on() -> None:
    """A person's commit is never dropped unasked."""
    assert isinstance(p.decide(p.Target(UNMARKED, A, ME, changed=True)), p.Refuse)
    assert decide(UNMARKED, replace_unmarked=True) == p.ResetThenMerge("hhhh")


@pytest.mark.parametrize("replace_unmarked", [False, True])
def test_an_attempt_without_changes_moves_no_branch_over_an_unmarked_commit(replace_unmarked: bool) -> None:
    """It has nothing to put in its place."""
    assert isinstance(decide(UNMARKED, changed=False, replace_unmarked=replace_unmarked), p.Refuse)


def test_a_refusal_of_an_unmarked_commit_names_who_made_it() -> None:
    """So that people know whom to ask."""
    decision = decide(p.Commit("hhhh", (A,), {}, "wei"), replace_unmarked=False)
    assert isinstance(decision, p.Refuse)
    assert "by wei" in decision.why


@pytest.mark.parametrize("created", [{}, {keys.CREATED: NOW}, {keys.CREATED: ""}])
def test_where_times_tell_nothing_an_earlier_retry_is_earlier(created: dict[str, str]) -> None:
    """Attempts may be created within one second, and older publications have no time."""
    head = p.Commit("hhhh", (A,), {**EARLIER.metadata, **created})
    assert decide(head) == p.ResetThenMerge("hhhh")


@pytest.mark.parametrize(
    ("execution", "want"),
    [("1", p.AlreadyPublished), ("2", p.AlreadyPublished), ("3", p.Refuse), ("", p.AlreadyPublished)],
)
def test_a_later_executions_publication_is_not_taken_by_an_earlier_one(execution: str, want: type) -> None:
    """Whoever meets it is a zombie; an earlier execution's counts for the whole attempt."""
    head = p.Commit("hhhh", (A,), {keys.ATTEMPT_UID: "u2", keys.EXECUTION: execution})
    assert isinstance(decide(head), want)


OWN = {keys.ATTEMPT_UID: "u2"}
SECOND = {**OWN, "n": "2"}
OTHER: dict[str, str] = {}


def history(*metadata: dict[str, str]) -> list[p.Commit]:
    """Commits on the input ref, newest first: c1 is the lowest."""
    ids = [A, *(f"c{number}" for number in range(1, len(metadata) + 1))]
    commits = [p.Commit(ids[i + 1], (ids[i],), metadata[-1 - i]) for i in range(len(metadata))]
    return [*reversed(commits), p.Commit(A, ("0000",))]


@pytest.mark.parametrize(
    ("commits", "in_force", "astray", "back_to"),
    [
        pytest.param(history(), None, (), None, id="nothing"),
        pytest.param(history(OTHER), None, (), None, id="somebody else's"),
        pytest.param(history(OWN), "c1", (), None, id="the publication"),
        pytest.param(history(OTHER, OWN), "c1", (), None, id="somebody else's on top of it"),
        pytest.param(history(OWN, OTHER), None, ("c2",), "c1", id="on somebody else's"),
        pytest.param(history(SECOND, OWN), "c1", ("c2",), "c1", id="twice"),
        pytest.param(history(SECOND, OTHER, OWN), "c1", ("c3",), "c2", id="twice, somebody else's between"),
        pytest.param(history(OTHER, SECOND, OWN), "c1", ("c2",), None, id="twice, somebody else's on top"),
        pytest.param(history(OTHER, OWN, OTHER), None, ("c2",), None, id="between others"),
        pytest.param(history(SECOND, OWN, OTHER), None, ("c3", "c2"), "c1", id="twice on somebody else's"),
        pytest.param(history(OWN, OTHER, SECOND, OWN), "c1", ("c4", "c2"), None, id="one of two can be taken off"),
    ],
)
def test_a_look_says_what_counts_and_what_has_to_go(
    commits: list[p.Commit], in_force: str | None, astray: tuple[str, ...], back_to: str | None
) -> None:
    """Only what lies right on the input ref counts; only what nobody has built upon is taken back."""
    landed = p.landed(commits, "u2", A)
    assert landed.in_force == next((commit for commit in commits if commit.id == in_force), None)
    assert tuple(commit.id for commit in landed.astray) == astray
    assert landed.back_to == back_to


def test_an_earlier_attempt_is_replaced_also_when_replacing_unmarked_is_off() -> None:
    """The policy is about foreign commits only."""
    assert decide(EARLIER, replace_unmarked=False) == p.ResetThenMerge("hhhh")


metadata = st.dictionaries(
    st.sampled_from([keys.ATTEMPT, keys.ATTEMPT_UID, keys.LOGICAL_TASK, keys.RETRY, "user.key"]),
    st.sampled_from(["u1", "u2", "wf/build/0", "0", "1", "2", "x", ""]),
)
heads = st.builds(p.Commit, st.sampled_from([A, "hhhh"]), st.lists(st.sampled_from([A, "bbbb"])).map(tuple), metadata)


@given(heads, st.booleans(), st.booleans())
def test_only_what_lies_right_on_the_input_ref_is_ever_replaced(head: p.Commit, changed: bool, policy: bool) -> None:
    """Whatever the metadata says, a reset never drops more than one commit, and never the input ref itself."""
    decision = decide(head, changed=changed, replace_unmarked=policy)
    if isinstance(decision, p.ResetThenMerge | p.ResetToInput):
        assert head.parents[0] == A
        assert head.id != A
        assert head.metadata.get(keys.ATTEMPT_UID) != ME.attempt_uid


@given(heads, st.booleans())
def test_a_write_is_decided_for_changes_only(head: p.Commit, policy: bool) -> None:
    """An attempt without changes never merges, one with changes never just keeps or resets."""
    assert not isinstance(decide(head, changed=False, replace_unmarked=policy), p.Merge | p.ResetThenMerge)
    assert not isinstance(decide(head, changed=True, replace_unmarked=policy), p.Keep | p.ResetToInput)


def test_retries_share_a_logical_task_though_conductor_counts_seq_up() -> None:
    """The identity of a retry differs in its retry count and uid, not in its logical task."""
    first, second = p.identity(order(retry=0, seq=1)), p.identity(order(retry=1, seq=2))
    assert first.logical_task == second.logical_task
    assert (first.retry, second.retry) == (0, 1)


def test_a_later_retry_recognises_the_metadata_of_an_earlier_one() -> None:
    """What one attempt writes is what the next attempt's table reads."""
    head = p.Commit("hhhh", (A,), p.publication_metadata(order(retry=0, seq=1, uid="u1"), A, {"result": 1}))
    assert decide(head) == p.ResetThenMerge("hhhh")


def test_the_metadata_says_who_made_a_commit_and_from_where() -> None:
    """The attempt is named by its uid, whatever its execution; the retry is the one that a later attempt compares."""
    metadata = p.publication_metadata(order(execution=3, created=NOW), A, {"result": {"x": None}})
    assert metadata == {
        keys.INSTALLATION: "i",
        keys.ATTEMPT: "team/a1",
        keys.ATTEMPT_UID: "u2",
        keys.CREATED: NOW,
        keys.EXECUTION: "3",
        keys.WORKFLOW: "wf",
        keys.TASK_ID: "t1",
        keys.LOGICAL_TASK: "wf/build/0",
        keys.RETRY: "1",
        keys.INPUT_REF: A,
        keys.IMAGE: "app:1",
        keys.OUTPUT: '{"result":{"x":null}}',
    }


def test_a_commit_that_publishes_nothing_carries_no_output() -> None:
    """The commit on the staging branch says who made it, not what came out."""
    found = p.publication_metadata(order(), A, None)
    assert {keys.OUTPUT, keys.OUTPUT_GZIP, keys.OUTPUT_SHA256}.isdisjoint(found)
