"""The publisher performs each decision, and lands a publication exactly once whatever happens to answers."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from perago.agent import publication as p
from perago.agent import target
from perago.agent.clients import http
from perago.agent.clients.http import NoAnswer
from perago.agent.clients.lakefs_errors import HookRefused, NoChanges
from perago.agent.publisher import SETTLE_LOOKS, Plan, Publisher, Staged
from perago.agent.turn import NoTurn
from perago.errors import PublishFenceError, StaleAttemptError
from perago.wire import Replaced
from perago.wire import metadata_keys as keys
from tests.fakes.branches import FENCE, FakeBranches
from tests.fakes.faulty import Call, raising
from tests.fakes.turns import FreeTurn
from tests.fakes.waiting import in_time, until
from tests.faults.kinds import Fault, Late, cut_before, lost, passed, silent

ME = p.Identity("u2", "wf/build/0", 1)
EARLIER = {keys.ATTEMPT_UID: "u1", keys.ATTEMPT: "t/a1", keys.LOGICAL_TASK: "wf/build/0", keys.RETRY: "0"}


class Fence:
    """Passes `passes` times, then the attempt is stale."""

    def __init__(self, passes: int = 99) -> None:
        self.passes = passes

    async def __call__(self) -> None:
        self.passes -= 1
        if self.passes < 0:
            raise StaleAttemptError("t1")


class CountedTurn:
    """A turn that writes down, among the calls of a fake, when it is taken and given back."""

    def __init__(self, seen: list[str], seconds: float = 600) -> None:
        self.seen, self.seconds = seen, seconds

    async def take(self) -> float:
        """See `Turn`."""
        self.seen.append("take")
        return self.seconds

    async def give_back(self) -> None:
        """See `Turn`."""
        self.seen.append("give back")


class ShortTurns(CountedTurn):
    """Turns of a moment, and as long ones as anybody needs from the `long`th on."""

    def __init__(self, long: int = 2) -> None:
        super().__init__([])
        self.long = long

    async def take(self) -> float:
        """See `Turn`."""
        await super().take()
        return 0.05 if self.seen.count("take") < self.long else 600


class Repository:
    """A fake repository with an input ref on main, and a staging branch with one changed file on it."""

    def __init__(self, *, hook: bool = False, retry_seconds: float = 30) -> None:
        self.lakefs = FakeBranches()
        self.lakefs.put(FENCE if hook else "readme", "")
        self.lakefs.put("file", "before")
        self.base = self.lakefs.commit()
        self.lakefs.create_branch("staging", self.base)
        self.lakefs.put("file", "after", "staging")
        own = {
            keys.ATTEMPT_UID: "u2",
            keys.ATTEMPT: "t/a2",
            keys.LOGICAL_TASK: "wf/build/0",
            keys.RETRY: "1",
            keys.INPUT_REF: self.base,
        }
        self.staged = Staged("staging", self.lakefs.commit("staging"), "Publish", own, 600)
        self.plan = Plan("main", self.base, ME, True, retry_seconds, settle_pause_seconds=0)

    def publisher(self, fence: Fence | None = None) -> Publisher:
        """A publisher of the staging branch."""
        return Publisher(self.lakefs, self.plan, fence or Fence(), FreeTurn())

    def abandoned(self) -> str:
        """An earlier attempt of the same task has published on the input ref, and did not count."""
        return self.written("file", EARLIER)

    def written(self, path: str, metadata: dict[str, str] | None = None) -> str:
        """Somebody commits a change of a path on main."""
        self.lakefs.put(path, "by somebody else")
        return self.lakefs.commit(metadata=metadata)

    @property
    def head(self) -> str:
        """The head of main."""
        return self.lakefs.branches["main"].head

    @property
    def history(self) -> list[str | None]:
        """Who made the commits of main above the input ref, newest first; None for whoever is not an attempt."""
        makers, at = [], self.head
        while at != self.base:
            makers.append(self.lakefs.commits[at].metadata.get(keys.ATTEMPT_UID))
            at = self.lakefs.commits[at].parents[0]
        return makers

    def calls(self, name: str) -> int:
        """How often a call was made."""
        return self.lakefs.faults.seen.count(name)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "FIRST_PAUSE_SECONDS", 0.0)


@pytest.fixture
def _watching(monkeypatch: pytest.MonkeyPatch) -> None:
    """The head is looked at all the time while a reset is under way."""
    monkeypatch.setattr(target, "WATCH_SECONDS", 0.0)


@pytest.fixture
def repository() -> Repository:
    return Repository()


async def test_a_target_at_the_input_ref_is_merged_into(repository: Repository) -> None:
    """One merge, one commit on the input ref."""
    assert (await repository.publisher().publish(repository.staged)).id == repository.head
    assert repository.history == ["u2"]


async def test_a_turn_lasts_from_before_the_look_until_the_merge_is_seen(repository: Repository) -> None:
    """Nobody else looks at the branch in between."""
    seen = repository.lakefs.faults.seen
    await Publisher(repository.lakefs, repository.plan, Fence(), CountedTurn(seen)).publish(repository.staged)
    assert (seen[0], seen[-1]) == ("take", "give back")
    assert {"branch_head", "squash_merge"} <= set(seen[1:-1])


async def test_a_turn_is_given_back_when_a_try_fails_and_taken_again_for_the_next(repository: Repository) -> None:
    """While this attempt pauses, others may publish."""
    seen = repository.lakefs.faults.seen
    repository.lakefs.faults.on("branch_head", cut_before)
    await Publisher(repository.lakefs, repository.plan, Fence(), CountedTurn(seen)).publish(repository.staged)
    assert seen[:4] == ["take", "branch_head", "give back", "take"]
    assert seen[-1] == "give back"


class OneTurn(CountedTurn):
    """A turn that is granted once; whoever grants it is away then."""

    async def take(self) -> float:
        """See `Turn`."""
        if "take" in self.seen:
            raise NoTurn("the operator is away")
        return await super().take()


async def test_a_merge_is_looked_for_although_there_is_no_second_turn(repository: Repository) -> None:
    """Its answer was lost, and it has landed: a look alone moves nothing."""
    repository.lakefs.faults.on("squash_merge", lost)
    publisher = Publisher(repository.lakefs, repository.plan, Fence(), OneTurn([]))
    assert (await publisher.publish(repository.staged)).id == repository.head


async def test_a_look_that_moves_nothing_needs_no_turn(repository: Repository) -> None:
    """An attempt without changes waits for nobody, unless the branch has to go back to the input ref."""
    seen = repository.lakefs.faults.seen
    publisher = Publisher(repository.lakefs, repository.plan, Fence(), CountedTurn(seen))
    await publisher.keep()
    assert "take" not in seen
    repository.abandoned()
    await publisher.keep()
    assert seen.index("take") < seen.index("hard_reset") < seen.index("give back")


@pytest.mark.parametrize(("turn", "budget", "want"), [(600, 130, 130), (20, 130, 20)])
async def test_a_merge_may_take_as_long_as_turn_and_budget_last(turn: float, budget: float, want: float) -> None:
    """Whichever ends first."""
    repository = Repository()
    staged = replace(repository.staged, merge_seconds=budget)
    await Publisher(repository.lakefs, repository.plan, Fence(), CountedTurn([], turn)).publish(staged)
    assert repository.lakefs.merge_seconds == [want]


async def test_an_abandoned_publication_is_replaced(repository: Repository) -> None:
    """The target is reset first, so that its history is input ref and publication, nothing between."""
    repository.abandoned()
    await repository.publisher().publish(repository.staged)
    assert repository.history == ["u2"]
    assert (repository.calls("hard_reset"), repository.calls("squash_merge")) == (1, 1)


async def test_without_changes_the_target_goes_back_to_the_input_ref(repository: Repository) -> None:
    """An abandoned publication is dropped, and nothing is merged."""
    repository.abandoned()
    assert (await repository.publisher().keep()).id == repository.base
    assert repository.history == []


async def test_without_changes_and_on_the_input_ref_nothing_is_written(repository: Repository) -> None:
    """No merge and no reset."""
    assert (await repository.publisher().keep()).id == repository.base
    assert repository.lakefs.faults.seen == ["branch_head"]


async def test_without_changes_an_answer_that_is_lost_is_asked_for_again(repository: Repository) -> None:
    """A reset, too: it is decided anew, from the head as it is then."""
    repository.abandoned()
    repository.lakefs.faults.on("branch_head", lost)
    repository.lakefs.faults.on("hard_reset", lost)
    assert (await repository.publisher().keep()).id == repository.base
    assert (repository.history, repository.calls("hard_reset")) == ([], 1)


async def test_a_foreign_head_is_refused_and_left_alone(repository: Repository) -> None:
    """PublishFenceError, and the target is as it was."""
    repository.written("x")
    foreign = repository.written("y")
    with pytest.raises(PublishFenceError, match=foreign):
        await repository.publisher().publish(repository.staged)
    assert repository.head == foreign


async def test_a_commit_without_marks_is_replaced_unless_that_is_switched_off(repository: Repository) -> None:
    """Somebody else's commit right on the input ref."""
    theirs = repository.written("x")
    kept = Publisher(repository.lakefs, replace(repository.plan, replace_unmarked=False), Fence(), FreeTurn())
    with pytest.raises(PublishFenceError, match=theirs):
        await kept.publish(repository.staged)
    await repository.publisher().publish(repository.staged)
    assert repository.history == ["u2"]


async def test_a_moved_staging_branch_is_refused(repository: Repository) -> None:
    """What is merged is the commit that was staged, or nothing."""
    repository.lakefs.put("x", "", "staging")
    repository.lakefs.commit("staging")
    with pytest.raises(PublishFenceError, match="staging"):
        await repository.publisher().publish(repository.staged)
    assert repository.head == repository.base


def moving(move: Callable[[], Any]) -> Fault[Call]:
    """Somebody does something right before the call."""

    async def fault(call: Call) -> None:
        move()
        await call.pass_on()

    return fault


async def test_a_conflict_names_the_paths(repository: Repository) -> None:
    """Somebody has changed the same file between look and merge; the difference lists it."""
    repository.lakefs.faults.on("squash_merge", moving(lambda: repository.written("file")))
    with pytest.raises(PublishFenceError, match="other changes of the same paths: 'file'"):
        await repository.publisher().publish(repository.staged)
    assert repository.history == [None]


async def test_a_conflict_that_is_over_has_no_paths(repository: Repository) -> None:
    """By the time of asking the other change is gone."""
    faults = repository.lakefs.faults
    faults.on("squash_merge", moving(lambda: repository.written("file")))
    faults.on("conflicts", moving(lambda: setattr(repository.lakefs.branches["main"], "head", repository.base)))
    with pytest.raises(PublishFenceError, match="lakeFS names none"):
        await repository.publisher().publish(repository.staged)


async def test_a_hook_keeps_out_what_is_not_on_its_input_ref() -> None:
    """Somebody has committed between look and merge."""
    repository = Repository(hook=True)
    repository.lakefs.faults.on("squash_merge", moving(lambda: repository.written("other")))
    with pytest.raises(PublishFenceError, match="hook aborted"):
        await repository.publisher().publish(repository.staged)
    assert repository.history == [None]


async def test_a_publication_on_another_writers_commit_is_taken_back(repository: Repository) -> None:
    """Without a hook lakeFS rebases; the look after the merge finds it, and both commits are named."""
    repository.lakefs.faults.on("squash_merge", moving(lambda: repository.written("other")))
    with pytest.raises(PublishFenceError) as caught:
        await repository.publisher().publish(repository.staged)
    assert repository.history == [None]
    other, astray = repository.head, list(repository.lakefs.commits)[-1]
    assert f"somebody committed {other}" in str(caught.value)
    assert f"its commit {astray} landed on top of that. It was taken off" in str(caught.value)


async def test_a_publication_between_other_writers_commits_is_named(repository: Repository) -> None:
    """To take it back would take off what somebody has built upon it."""
    repository.lakefs.faults.on("squash_merge", moving(lambda: repository.written("other")))
    repository.lakefs.faults.on("history", moving(lambda: repository.written("third")))
    with pytest.raises(PublishFenceError, match=r"Others have committed on top of it.*lakectl branch revert"):
        await repository.publisher().publish(repository.staged)
    assert repository.history == [None, "u2", None]
    assert repository.calls("hard_reset") == 0


async def test_a_later_execution_takes_back_what_an_earlier_one_left_on_somebody_elses_commit(
    repository: Repository,
) -> None:
    """Its agent died between merge and look; that is no evidence of a publication."""
    repository.written("other")
    repository.written("file", {keys.ATTEMPT_UID: "u2"})
    with pytest.raises(PublishFenceError, match="was taken off"):
        await repository.publisher().evidence()
    assert repository.history == [None]


@pytest.mark.parametrize("changed", [True, False])
async def test_a_landing_on_somebody_elses_commit_is_no_publication(repository: Repository, changed: bool) -> None:
    """Neither for an attempt that meets it as the head, whether it has changes or not."""
    repository.written("other")
    repository.written("file", {keys.ATTEMPT_UID: "u2"})
    publisher = repository.publisher()
    with pytest.raises(PublishFenceError, match="was taken off"):
        await (publisher.publish(repository.staged) if changed else publisher.keep())
    assert repository.history == [None]


async def test_a_target_that_moves_all_the_time_is_given_up(repository: Repository) -> None:
    """After each reset somebody commits again: others are writing, and they are not fought."""
    repository.written("other")
    repository.lakefs.faults.on("hard_reset", moving_after(lambda: repository.written("other")), None)
    with pytest.raises(PublishFenceError, match="being moved by others"):
        await repository.publisher().publish(repository.staged)
    assert (repository.calls("hard_reset"), repository.calls("squash_merge")) == (3, 0)


def moving_after(move: Callable[[], Any]) -> Fault[Call]:
    """Somebody does something right after the call."""

    async def fault(call: Call) -> None:
        answer = await call.answer()
        move()
        await call.send(answer)

    return fault


async def test_a_stale_attempt_writes_nothing(repository: Repository) -> None:
    """The fence is asked before the target is looked at."""
    with pytest.raises(StaleAttemptError):
        await repository.publisher(Fence(0)).publish(repository.staged)
    assert repository.lakefs.faults.seen == []


async def test_an_attempt_that_goes_stale_after_a_reset_does_not_merge(repository: Repository) -> None:
    """The fence is asked again after each write."""
    repository.abandoned()
    with pytest.raises(StaleAttemptError):
        await repository.publisher(Fence(1)).publish(repository.staged)
    assert repository.history == []


async def test_an_attempt_that_goes_stale_after_a_lost_merge_does_not_merge_again(repository: Repository) -> None:
    """The fence is asked again in each try."""
    repository.lakefs.faults.on("squash_merge", cut_before)
    with pytest.raises(StaleAttemptError):
        await repository.publisher(Fence(1)).publish(repository.staged)
    assert (repository.history, repository.calls("squash_merge")) == ([], 1)


def landing(late: Late) -> Fault[Call]:
    """A late merge lands right before the call."""

    async def fault(call: Call) -> None:
        await late.land()
        await call.pass_on()

    return fault


Fate = Callable[[Repository], None]


def at_look(number: int) -> Fate:
    """The merge's answer is lost, and it lands right before the given look into the history."""

    def fate(repository: Repository) -> None:
        faults, late = repository.lakefs.faults, Late()
        faults.on("squash_merge", late)
        if number > 1:
            faults.on("history", passed, number - 1)
        faults.on("history", landing(late))

    return fate


def at_next(call: str, after: int = 0) -> Fate:
    """The merge's answer is lost, and it lands right before a call that follows all looks."""

    def fate(repository: Repository) -> None:
        faults, late = repository.lakefs.faults, Late()
        faults.on("squash_merge", late)
        faults.on(call, passed, after)
        faults.on(call, landing(late))

    return fate


def simply(fault: Fault[Call]) -> Fate:
    """The merge meets the fault."""
    return lambda repository: repository.lakefs.faults.on("squash_merge", fault)


FATES: dict[str, Fate] = {
    "answered": simply(passed),
    "landed, answer lost": simply(lost),
    "never arrived": simply(cut_before),
    "at the first look": at_look(1),
    "at the second look": at_look(2),
    "at the fifth look": at_look(5),
    "at the last look": at_look(SETTLE_LOOKS),
    "when the head is read again": at_next("branch_head", after=2),
}
"""When the merge lands whose answer was lost: everything but "during a second merge"."""


@pytest.mark.parametrize("hook", [False, True], ids=["no hook", "hook"])
@pytest.mark.parametrize("fate", FATES)
async def test_whatever_happens_to_the_answer_a_publication_lands_once(fate: str, hook: bool) -> None:
    """One commit on the input ref, and its id is returned."""
    repository = Repository(hook=hook)
    FATES[fate](repository)
    commit = await repository.publisher().publish(repository.staged)
    repository.lakefs.faults.check()
    assert repository.history == ["u2"]
    assert commit.id == repository.head


LOSSES: Sequence[Fault[Call]] = (passed, lost, cut_before)


@pytest.mark.parametrize("losses", list(itertools.product(LOSSES, repeat=3)))
async def test_any_number_of_answers_may_be_lost(losses: Sequence[Fault[Call]]) -> None:
    """Of merges and of looks, in a row."""
    repository = Repository()
    for loss in losses:
        repository.lakefs.faults.on("squash_merge", loss)
        repository.lakefs.faults.on("history", loss)
        repository.lakefs.faults.on("branch_head", loss)
    commit = await repository.publisher().publish(repository.staged)
    assert (repository.history, commit.id) == (["u2"], repository.head)


async def test_a_merge_that_lands_during_the_second_one_is_found_where_a_hook_refuses_that() -> None:
    """After all looks: the hook lets no second one land, and the refusal says that the first one has."""
    repository = Repository(hook=True)
    at_next("squash_merge")(repository)
    commit = await repository.publisher().publish(repository.staged)
    assert (repository.history, commit.id) == (["u2"], repository.head)


async def test_a_merge_that_landed_is_found_below_what_conflicts_with_the_second_one(repository: Repository) -> None:
    """Somebody has changed the same file on top of it."""
    late = Late()

    async def landing_and_written(call: Call) -> None:
        await late.land()
        repository.written("file")
        await call.pass_on()

    repository.lakefs.faults.on("squash_merge", late)
    repository.lakefs.faults.on("squash_merge", landing_and_written)
    commit = await repository.publisher().publish(repository.staged)
    assert repository.history == [None, "u2"]
    assert repository.lakefs.commits[repository.head].parents == (commit.id,)


async def test_a_second_landing_is_taken_back(repository: Repository) -> None:
    """The first merge lands during the second one: both land, and the branch goes back to the first."""
    at_next("squash_merge")(repository)
    publisher = repository.publisher()
    commit = await publisher.publish(repository.staged)
    assert (repository.history, commit.id) == (["u2"], repository.head)
    assert publisher.remark is None


async def test_a_second_landing_that_somebody_has_built_upon_stays_and_is_told(repository: Repository) -> None:
    """The first one counts; the remark names both, and what to do."""
    at_next("squash_merge")(repository)
    repository.lakefs.faults.on("history", passed, SETTLE_LOOKS + 1)
    repository.lakefs.faults.on("history", moving(lambda: repository.written("other")))
    publisher = repository.publisher()
    commit = await publisher.publish(repository.staged)
    assert repository.history == [None, "u2", "u2"]
    assert commit.parents == (repository.base,)
    assert commit.id in (publisher.remark or "")
    assert "lakectl branch revert" in (publisher.remark or "")


async def test_evidence_is_looked_for_when_the_time_for_retries_is_over() -> None:
    """A merge that lands at the last look counts, although nothing is tried again."""
    repository = Repository(retry_seconds=0)
    at_look(SETTLE_LOOKS)(repository)
    commit = await repository.publisher().publish(repository.staged)
    assert (repository.history, commit.id) == (["u2"], repository.head)
    assert repository.calls("squash_merge") == 1


def once_seen(repository: Repository, *writes: Callable[[], Any]) -> Fault[Call]:
    """Somebody commits while the reset is under way, and the reset arrives once the new head was looked at."""

    async def fault(call: Call) -> None:
        writes[0]()
        looks = repository.calls("branch_head")
        await until(lambda: repository.calls("branch_head") > looks)
        await call.pass_on()
        for write in writes[1:]:
            write()

    return fault


async def test_a_branch_that_has_moved_since_it_was_looked_at_is_not_reset(repository: Repository) -> None:
    """Somebody commits while the head's record is read: the head is looked at again right before the reset."""
    repository.abandoned()
    repository.lakefs.faults.on("commit_record", moving(lambda: repository.written("other")))
    publisher = repository.publisher()
    with pytest.raises(PublishFenceError, match="neither the input ref"):
        await publisher.publish(repository.staged)
    assert (repository.history, repository.calls("hard_reset")) == ([None, "u1"], 0)
    assert publisher.replaced is None


@pytest.mark.usefixtures("_watching")
async def test_a_commit_that_a_reset_took_off_is_put_back(repository: Repository) -> None:
    """lakeFS resets whatever the head is; the look at the head meanwhile has seen the commit."""
    abandoned = repository.abandoned()
    repository.lakefs.faults.on("hard_reset", once_seen(repository, lambda: repository.written("other")))
    publisher = repository.publisher()
    with pytest.raises(PublishFenceError, match=r"committed c\d+ .* the commit is on the branch"):
        await publisher.publish(repository.staged)
    assert repository.history == [None, "u1"]
    assert repository.lakefs.commits[repository.head].parents == (abandoned,)
    assert publisher.replaced is None


@pytest.mark.usefixtures("_watching")
async def test_a_commit_that_a_reset_took_off_is_named_where_others_have_gone_on(repository: Repository) -> None:
    """To put it back would take off what came since."""
    repository.abandoned()
    writes = (lambda: repository.written("other"), lambda: repository.written("third"))
    repository.lakefs.faults.on("hard_reset", once_seen(repository, *writes))
    publisher = repository.publisher()
    with pytest.raises(PublishFenceError, match=r"is no longer on it: the head is .*cherry-pick"):
        await publisher.publish(repository.staged)
    assert repository.history == [None]
    assert publisher.replaced is not None


@pytest.mark.usefixtures("_watching")
@pytest.mark.parametrize("answer", ["sent", "lost"])
async def test_a_commit_made_after_the_reset_stays(repository: Repository, answer: str) -> None:
    """It was seen while the answer was under way, and is on the branch."""
    repository.abandoned()

    async def fault(call: Call) -> None:
        reply = await call.answer()
        repository.written("other")
        looks = repository.calls("branch_head")
        await until(lambda: repository.calls("branch_head") > looks)
        if answer == "sent":
            await call.send(reply)

    repository.lakefs.faults.on("hard_reset", fault)
    with pytest.raises(PublishFenceError, match="the commit is on the branch"):
        await repository.publisher().publish(repository.staged)
    assert (repository.history, repository.calls("hard_reset")) == ([None], 1)


async def test_a_reset_that_comes_late_does_not_undo_the_publication(repository: Repository) -> None:
    """Its answer was lost; it takes the merge off before the look, which merges again."""
    repository.abandoned()
    late = Late()
    repository.lakefs.faults.on("hard_reset", late)
    repository.lakefs.faults.on("history", landing(late))
    commit = await repository.publisher().publish(repository.staged)
    assert (repository.history, commit.id) == (["u2"], repository.head)


async def test_a_reset_that_comes_after_the_look_is_undone_before_the_outcome(repository: Repository) -> None:
    """The publication is put back: nobody but this attempt has moved the branch."""
    repository.abandoned()
    late = Late()
    repository.lakefs.faults.on("hard_reset", late)
    publisher = repository.publisher()
    commit = await publisher.publish(repository.staged)
    await late.land()
    assert repository.history == []
    assert (await publisher.confirm(commit)).id == commit.id == repository.head


async def test_a_publication_that_somebody_has_reset_away_is_not_completed(repository: Repository) -> None:
    """It is neither put back nor reported: the message has its id."""
    publisher = repository.publisher()
    commit = await publisher.publish(repository.staged)
    repository.lakefs.branches["main"].head = repository.base
    with pytest.raises(PublishFenceError, match=rf"{commit.id} is no longer on .*{repository.base}"):
        await publisher.confirm(commit)
    assert repository.history == []


async def test_a_merge_that_vanished_before_it_was_seen_is_not_completed(repository: Repository) -> None:
    """Somebody has reset the branch between the merge and the look."""
    reset = moving(lambda: setattr(repository.lakefs.branches["main"], "head", repository.base))
    repository.lakefs.faults.on("history", reset)
    with pytest.raises(PublishFenceError, match="is no longer on"):
        await repository.publisher().publish(repository.staged)


async def test_a_landing_that_comes_before_the_outcome_is_taken_back(repository: Repository) -> None:
    """Later than all looks of the publication."""
    late = Late()
    repository.lakefs.faults.on("squash_merge", late)
    publisher = repository.publisher()
    commit = await publisher.publish(repository.staged)
    await late.land()
    assert repository.history == ["u2", "u2"]
    assert (await publisher.confirm(commit)).id == commit.id == repository.head


async def test_a_publication_below_later_commits_is_confirmed_with_one_look(repository: Repository) -> None:
    """Others may go on from it, and no turn is needed."""
    seen = repository.lakefs.faults.seen
    publisher = Publisher(repository.lakefs, repository.plan, Fence(), CountedTurn(seen))
    commit = await publisher.publish(repository.staged)
    repository.written("other")
    seen.clear()
    assert await publisher.confirm(commit) == commit
    assert seen == ["history"]


async def test_what_is_replaced_is_kept_for_the_status(repository: Repository) -> None:
    """With its id and its maker."""
    abandoned = repository.abandoned()
    publisher = repository.publisher()
    await publisher.publish(repository.staged)
    assert publisher.replaced == Replaced(ref=abandoned, by="t/a1 (task None, retry 0)")


@pytest.mark.parametrize("refusal", [HookRefused, NoChanges])
async def test_a_refusal_without_a_lost_answer_before_is_final(
    repository: Repository, refusal: type[Exception]
) -> None:
    """Nothing of this attempt can have landed, so nothing is looked for."""
    repository.lakefs.faults.on("squash_merge", raising(refusal("not today")))
    with pytest.raises(PublishFenceError, match="not today"):
        await repository.publisher().publish(repository.staged)
    assert repository.calls("history") == 0


async def test_a_merge_that_never_answers_fails_when_time_is_over() -> None:
    """After as many looks for each as a merge under way may take."""
    repository = Repository(retry_seconds=0.05)
    repository.lakefs.faults.on("squash_merge", cut_before, None)
    with pytest.raises(NoAnswer):
        await repository.publisher(Fence(10**9)).publish(repository.staged)
    merges = repository.calls("squash_merge")
    assert repository.calls("history") == SETTLE_LOOKS * merges + (merges - 1)


async def test_a_landed_merge_is_found_below_later_commits(repository: Repository) -> None:
    """Others may have published on top before the lost answer was noticed."""
    repository.lakefs.faults.on("squash_merge", lost)
    repository.lakefs.faults.on("history", moving(lambda: repository.written("file")))
    commit = await repository.publisher().publish(repository.staged)
    assert repository.history == [None, "u2"]
    assert repository.lakefs.commits[repository.head].parents == (commit.id,)


async def test_evidence_stops_at_the_input_ref(repository: Repository) -> None:
    """A commit of this attempt below the input ref is not a publication of this input."""
    first = await repository.publisher().publish(repository.staged)
    later = Plan("main", repository.written("x"), ME, True, 30)
    assert await repository.publisher().evidence() == repository.lakefs.commits[first.id]
    assert await Publisher(repository.lakefs, later, Fence(), FreeTurn()).evidence() is None


# --- a turn that ends too early


@pytest.mark.parametrize("call", ["branch_head", "squash_merge", "history"])
async def test_nothing_is_moved_after_the_end_of_a_turn(call: str) -> None:
    """Whatever the attempt waited for: another one may be publishing by then, so it takes another turn and looks."""
    repository, turn = Repository(), ShortTurns()
    repository.lakefs.faults.on(call, silent)
    published = await in_time(Publisher(repository.lakefs, repository.plan, Fence(), turn).publish(repository.staged))
    assert published.id == repository.head
    assert turn.seen == ["take", "give back"] * (1 if call == "history" else 2), "a look alone needs no turn"
    assert repository.history == ["u2"]


async def test_a_merge_that_lands_after_its_turn_is_found_in_the_next_one() -> None:
    """It is not made a second time."""
    repository, turn = Repository(), ShortTurns()
    repository.lakefs.faults.on("squash_merge", unanswered)
    published = await in_time(Publisher(repository.lakefs, repository.plan, Fence(), turn).publish(repository.staged))
    assert published.id == repository.head
    assert repository.lakefs.faults.seen.count("squash_merge") == 1


async def test_a_reset_that_was_given_up_with_its_turn_may_still_land() -> None:
    """So it is taken for unanswered."""
    repository, turn = Repository(), ShortTurns()
    repository.abandoned()
    repository.lakefs.faults.on("hard_reset", silent)
    publisher = Publisher(repository.lakefs, repository.plan, Fence(), turn)
    await in_time(publisher.publish(repository.staged))
    assert publisher._target.reset_unanswered


async def unanswered(call: Call) -> None:
    """The server does the work, and the answer never comes."""
    await call.answer()
    await call.hung_up()
