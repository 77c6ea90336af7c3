"""The staging branch: each step can be repeated, and only what we put there is taken for ours."""

import pytest

from perago.agent.clients import http
from perago.agent.clients.http import NoAnswer
from perago.agent.clients.lakefs_errors import Conflict, RepositoryNotFound
from perago.agent.data.staging import StagingBranch
from perago.errors import TaskExecutionError
from tests.fakes.faulty import raising
from tests.fakes.repository import FakeRepository
from tests.faults.kinds import cut_before, lost

NAME = "perago-staging-1"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two tries."""
    monkeypatch.setattr(http, "FIRST_PAUSE_SECONDS", 0.0)


@pytest.fixture
def repository() -> FakeRepository:
    return FakeRepository()


@pytest.fixture
def branch(repository: FakeRepository) -> StagingBranch:
    return StagingBranch(repository, NAME, repository.lakefs.branches["main"].head, 5)


@pytest.mark.parametrize("fault", [cut_before, lost], ids=["never arrived", "answer lost"])
async def test_a_branch_is_made_once_whatever_happens_to_the_answer(
    repository: FakeRepository, branch: StagingBranch, fault: object
) -> None:
    """The second try may find it."""
    repository.faults.on("create_branch", fault)  # type: ignore[arg-type]
    await branch.create()
    assert repository.lakefs.branches[NAME].head == branch.input_ref


async def test_a_branch_of_somebody_elses_is_not_taken_over(repository: FakeRepository, branch: StagingBranch) -> None:
    """It stands at another commit: what is on it is not ours, though it has our name."""
    repository.lakefs.put("theirs", "theirs")
    repository.lakefs.create_branch(NAME, repository.lakefs.commit())
    with pytest.raises(Conflict):
        await branch.create()


async def test_a_commit_whose_answer_was_lost_is_the_head(repository: FakeRepository, branch: StagingBranch) -> None:
    """The second try finds nothing to commit."""
    await branch.create()
    await repository.upload(NAME, "new", b"new")
    repository.faults.on("commit", lost)
    commit = await branch.commit("Stage", {"key": "value"}, 600)
    assert repository.lakefs.branches[NAME].head == commit != branch.input_ref
    assert (repository.messages, repository.lakefs.commits[commit].metadata) == (["Stage"], {"key": "value"})


async def test_nothing_to_commit_is_an_error(branch: StagingBranch) -> None:
    """The named changes have left the repository as it is, which a publication would not."""
    await branch.create()
    with pytest.raises(TaskExecutionError, match="nothing to publish"):
        await branch.commit("Stage", {}, 600)


@pytest.mark.parametrize("fault", [cut_before, lost], ids=["never arrived", "answer lost"])
async def test_a_branch_is_deleted_whatever_happens_to_the_answer(
    repository: FakeRepository, branch: StagingBranch, fault: object
) -> None:
    """The second try may not find it any more."""
    await branch.create()
    repository.faults.on("delete_branch", fault)  # type: ignore[arg-type]
    await branch.delete()
    assert NAME not in repository.lakefs.branches


async def test_a_branch_without_a_repository_is_gone(repository: FakeRepository, branch: StagingBranch) -> None:
    """Somebody has deleted the whole repository."""
    repository.faults.on("delete_branch", raising(RepositoryNotFound("404 repository not found")))
    await branch.delete()


async def test_a_server_that_stays_silent_is_an_error(repository: FakeRepository) -> None:
    """A branch that may still be there is not called deleted."""
    branch = StagingBranch(repository, NAME, repository.lakefs.branches["main"].head, 0)
    await branch.create()
    repository.faults.on("delete_branch", cut_before)
    with pytest.raises(NoAnswer):
        await branch.delete()
