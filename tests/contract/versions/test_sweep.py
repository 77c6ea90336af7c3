"""The operator's sweep of staging branches, over the fake and a real lakeFS: what it finds, and what it leaves."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from perago.agent.clients.http import NoAnswer
from perago.agent.clients.lakefs import LakeFS, open_session
from perago.wire import metadata_keys as keys
from perago.wire.leftovers import Verdict
from perago.wire.secrets import LakeFSKeys
from perago_dev.servers.lakefs import Server
from perago_operator.adapters.kube import utc_now
from perago_operator.ports import NotFound, Unreachable
from perago_operator.process.sweeper import Sweeper, SweepTerms
from perago_operator.watch.stores import AttemptStore
from tests import builders as b
from tests.bodies import fixed
from tests.contract.versions.subject import Subject
from tests.fakes.faulty import raising
from tests.fakes.kube import FakeCluster
from tests.faults.kinds import Fault, Late, cut_before, lost

UID = "6b9f0f5e-1c2d-4e3f-8a9b-0c1d2e3f4a5b"
OTHER = "0a1b2c3d-1c2d-4e3f-8a9b-0c1d2e3f4a5b"
AGE = 60.0


def name_of(uid: str = UID, execution: int = 1) -> str:
    """A staging branch's name."""
    return f"perago-staging-wf-build-seq-1-iteration-0-task-id-t-retry-0-exec-{uid}-{execution}"


class Swept:
    """A sweeper over a subject's lakeFS and a cluster in memory, and the time that passes for it."""

    def __init__(self, subject: Subject, namespace: str | None = None) -> None:
        self.subject = subject
        self.cluster = FakeCluster()
        self.store = AttemptStore(lambda key: None)
        self.seconds = 0.0
        terms = SweepTerms("ours", (subject.repository,), (namespace,) if namespace else (), age=AGE)
        self.sweeper = Sweeper(
            subject.versions, self.cluster, self.store, terms, clock=lambda: self.seconds, now=utc_now
        )

    def attempt(
        self, phase: str, uid: str = UID, staging: str | None = None, *, name: str = "", shown: bool = True
    ) -> None:
        """An attempt that exists and is named after its uid by default; unless `shown`, no watch has shown it yet."""
        status: b.Raw = {"phase": phase}
        if staging:
            status["staging"] = {"repository": self.subject.repository, "branch": name_of(uid), "state": staging}
        made = self.cluster.add(b.attempt(meta={"uid": uid, "name": name or uid, "finalizers": []}, status=status))
        if shown:
            self.store.put(made)

    def forget(self, uid: str = UID) -> None:
        """The attempt is deleted."""
        self.cluster.delete("PeragoAttempt", "ns", uid)
        for attempt in self.store:
            self.store.remove(attempt.metadata.key)

    async def after(self, seconds: float) -> None:
        """Sweep so much later."""
        self.seconds += seconds
        await self.sweeper.sweep()

    async def twice(self) -> Verdict:
        """Sweep now and when the branch is old enough; what became of the only branch."""
        await self.after(0)
        await self.after(AGE)
        (verdict,) = self.sweeper.seen.elements()
        return verdict


def staged(subject: Subject, name: str, uid: str = UID, installation: str = "ours", namespace: str = "ns") -> None:
    """A branch with an attempt's commit."""
    metadata = {keys.INSTALLATION: installation, keys.ATTEMPT: f"{namespace}/{uid}", keys.ATTEMPT_UID: uid}
    if subject.fake is not None:
        subject.fake.commit(subject.repository, name, f"commit-of-{name}", metadata)
        subject.fake.made[f"commit-of-{name}"] = utc_now()
        return
    assert subject.real is not None
    branch = subject.real.branch(name).create("main")
    branch.object("file").upload(data=b"1")
    branch.commit("Stage", metadata=metadata)


async def late_creation(subject: Subject, lakefs: Server, name: str) -> Callable[[], Awaitable[None]]:
    """The agent's call that makes the branch has no answer; what is returned lets it land."""
    if subject.proxy is None:

        async def land() -> None:
            subject.branch(name)

        return land
    late = Late()
    subject.proxy.on(r"^POST .*/branches$", late)
    async with open_session() as session:
        mounted = fixed(LakeFSKeys(subject.proxy.url, lakefs.access_key, lakefs.secret_key))
        with pytest.raises(NoAnswer):
            await LakeFS(session, mounted, subject.repository).create_branch(name, "main")
    return late.land


async def test_a_creation_that_lands_after_the_clean_up_is_found(subject: Subject, lakefs: Server) -> None:
    """The clean-up found no branch, and the attempt has ended; an hour later its branch is deleted."""
    swept = Swept(subject)
    land = await late_creation(subject, lakefs, name_of())
    assert not await subject.versions.delete_branch(subject.repository, name_of())
    swept.attempt("Failed", staging="Deleted")
    await land()
    assert await swept.twice() is Verdict.DELETE
    assert (await subject.has_branch(name_of()), swept.sweeper.deleted) == (False, 1)


async def test_a_creation_that_lands_after_the_attempts_deletion_is_found(subject: Subject) -> None:
    """The operator has seen the attempt, so it knows whose the branch is."""
    swept = Swept(subject)
    swept.attempt("Failed", staging="Deleted")
    swept.forget()
    subject.branch(name_of())
    assert await swept.twice() is Verdict.DELETE


async def test_a_zombies_branch_is_found(subject: Subject) -> None:
    """It stages when its attempt is gone for long; its commit says whose it is, even after the operator's restart."""
    staged(subject, name_of(execution=1))
    swept = Swept(subject)
    assert await swept.twice() is Verdict.DELETE
    assert not await subject.has_branch(name_of(execution=1))


async def test_a_zombies_branch_is_left_while_its_attempt_lives(subject: Subject) -> None:
    """A later execution runs; the branch goes when the attempt has ended."""
    swept = Swept(subject)
    swept.attempt("Running")
    staged(subject, name_of(execution=1))
    assert await swept.twice() is Verdict.LIVING
    assert await subject.has_branch(name_of(execution=1))


@pytest.mark.parametrize("commits", [True, False])
async def test_what_may_be_anothers_is_left(subject: Subject, commits: bool) -> None:
    """Another installation's, by its commit; and without a commit nobody knows."""
    if commits:
        staged(subject, name_of(OTHER), OTHER, "theirs")
    else:
        subject.branch(name_of(OTHER))
    assert await Swept(subject).twice() is (Verdict.FOREIGN if commits else Verdict.UNCLEAR)
    assert await subject.has_branch(name_of(OTHER))


async def test_an_attempt_of_a_namespace_that_is_not_watched_may_live(subject: Subject) -> None:
    """It cannot be read."""
    staged(subject, name_of(), namespace="elsewhere")
    assert await Swept(subject, "ns").twice() is Verdict.UNCLEAR


async def test_an_attempt_of_the_watched_namespace_is_gone_if_it_is_not_there(subject: Subject) -> None:
    """Its branch is deleted."""
    staged(subject, name_of())
    assert await Swept(subject, "ns").twice() is Verdict.DELETE


@pytest.mark.parametrize(("phase", "want"), [("Running", Verdict.LIVING), ("Failed", Verdict.DELETE)])
async def test_an_attempt_that_no_watch_has_shown_is_read(subject: Subject, phase: str, want: Verdict) -> None:
    """The watch may be behind: nothing is concluded from that."""
    staged(subject, name_of())
    swept = Swept(subject)
    swept.attempt(phase, shown=False)
    assert await swept.twice() is want


async def test_another_attempt_of_the_name_does_not_keep_a_branch(subject: Subject) -> None:
    """It was made again under its name; the branch is the former one's."""
    staged(subject, name_of())
    swept = Swept(subject)
    swept.attempt("Running", OTHER, name=UID)
    assert await swept.twice() is Verdict.DELETE


async def test_a_branch_is_old_when_it_was_seen_for_long_enough(subject: Subject) -> None:
    """Without a commit of its own, nothing else tells its age."""
    swept = Swept(subject)
    swept.attempt("Succeeded")
    subject.branch(name_of())
    await swept.after(0)
    await swept.after(AGE - 1)
    assert list(swept.sweeper.seen.elements()) == [Verdict.YOUNG]
    await swept.after(1)
    assert list(swept.sweeper.seen.elements()) == [Verdict.DELETE]


async def test_branches_of_people_are_not_looked_at(subject: Subject) -> None:
    """Whatever their names begin with."""
    for name in ("perago-staging-mine", "work"):
        subject.branch(name)
    await Swept(subject).after(AGE)
    assert await subject.has_branch("perago-staging-mine")


async def test_many_branches_are_swept(subject: Subject) -> None:
    """Page by page."""
    names = [name_of(execution=number) for number in range(1, 6)]
    for name in names:
        staged(subject, name)
    swept = Swept(subject)
    await swept.after(0)
    await swept.after(AGE)
    assert swept.sweeper.deleted == 5


async def test_an_attempt_that_cannot_be_read_is_not_taken_for_gone(subject: Subject) -> None:
    """Nothing is deleted then, and the next sweep makes up for it."""
    staged(subject, name_of())
    swept = Swept(subject)
    await swept.after(0)
    swept.cluster.faults.on("read_attempt", raising(Unreachable("no answer")))
    await swept.after(AGE)
    assert await subject.has_branch(name_of())
    await swept.after(0)
    assert not await subject.has_branch(name_of())


@pytest.mark.parametrize("fault", [lost, cut_before])
async def test_a_deletion_without_an_answer_is_made_up_for(subject: Subject, fault: Fault[Any]) -> None:
    """By the next sweep, whether it landed or not."""
    staged(subject, name_of())
    swept = Swept(subject)
    await swept.after(0)
    subject.break_("delete_branch", fault)
    await swept.after(AGE)
    await swept.after(0)
    assert not await subject.has_branch(name_of())


async def test_staging_branches_are_listed_by_name(subject: Subject) -> None:
    """With the commit at the head of each, whose metadata and time can be read."""
    staged(subject, name_of())
    (branch,) = await subject.versions.staging_branches(subject.repository)
    assert (branch.name, branch.uid, branch.execution) == (name_of(), UID, 1)
    commit = await subject.versions.commit_record(subject.repository, branch.head)
    assert commit.metadata[keys.ATTEMPT_UID] == UID
    assert abs((utc_now() - commit.created_at).total_seconds()) < 300


async def test_what_is_not_there_is_not_found(subject: Subject) -> None:
    """A repository, and a commit."""
    with pytest.raises(NotFound):
        await subject.versions.staging_branches("no-such-repository")
    with pytest.raises(NotFound):
        await subject.versions.commit_record(subject.repository, "0" * 64)
