"""lakeFS as the operator needs it: the fake and a lakeFS API alike."""

from pathlib import Path
from typing import Any

import pytest

from perago.wire.metadata_keys import ATTEMPT_UID, OUTPUT
from perago_dev.servers.lakefs import Server
from perago_operator.adapters.lakefs import LakefsVersions
from perago_operator.core.answers import Landed
from perago_operator.ports import NotFound, Refused, Unreachable
from tests.contract.versions.subject import PAGE, UID, Subject, reading, write_keys
from tests.faults.kinds import Fault, Late, cut_before, lost, passed
from tests.faults.proxy import HttpExchange, answered


async def test_a_branch_is_deleted_once(subject: Subject) -> None:
    """The second time it does not exist, which also counts as success."""
    subject.branch("staging")
    assert await subject.versions.delete_branch(subject.repository, "staging")
    assert not await subject.versions.delete_branch(subject.repository, "staging")


async def test_a_repository_that_is_gone_has_no_branch(subject: Subject) -> None:
    """Nothing is left to clean up."""
    assert not await subject.versions.delete_branch("no-such-repository", "staging")


async def test_a_publication_at_the_head_is_found(subject: Subject) -> None:
    """The commit names the attempt; its metadata comes along."""
    input_ref = subject.commit()
    ref = subject.commit({ATTEMPT_UID: UID, OUTPUT: "{}"})
    found = (await subject.versions.find_publication(subject.repository, "main", input_ref, UID)).publication
    assert found is not None
    assert (found.ref, found.metadata[OUTPUT]) == (ref, "{}")


async def test_a_publication_below_later_commits_is_found(subject: Subject) -> None:
    """The next task of the workflow may have published already: the log is read page by page."""
    input_ref = subject.commit()
    ref = subject.commit({ATTEMPT_UID: UID})
    for _ in range(2 * PAGE):
        subject.commit()
    found = (await subject.versions.find_publication(subject.repository, "main", input_ref, UID)).publication
    assert found is not None
    assert found.ref == ref


async def test_without_a_publication_there_is_none(subject: Subject) -> None:
    """Commits of others do not count."""
    input_ref = subject.commit()
    subject.commit({ATTEMPT_UID: "another"})
    assert await subject.versions.find_publication(subject.repository, "main", input_ref, UID) == Landed()


async def test_a_landing_on_somebody_elses_commit_is_no_publication(subject: Subject) -> None:
    """Its agent takes it back, or fails and names it; where the agent died before that, it is found astray."""
    input_ref = subject.commit()
    subject.commit()
    astray = subject.commit({ATTEMPT_UID: UID})
    found = await subject.versions.find_publication(subject.repository, "main", input_ref, UID)
    assert found == Landed(astray=(astray,))


async def test_second_landings_are_found_beside_the_publication(subject: Subject) -> None:
    """Newest first, on whatever page of the log they are."""
    input_ref = subject.commit()
    ref, again = (subject.commit({ATTEMPT_UID: UID}) for _ in range(2))
    for _ in range(PAGE):
        subject.commit()
    once_more = subject.commit({ATTEMPT_UID: UID})
    found = await subject.versions.find_publication(subject.repository, "main", input_ref, UID)
    assert found.publication is not None
    assert (found.publication.ref, found.astray) == (ref, (once_more, again))


async def test_the_search_ends_on_a_branch_that_has_lost_its_input_ref(
    real_subject: Subject, lakefs: Server, tmp_path: Path
) -> None:
    """Somebody has reset it to below: not all of its history is read."""
    for _ in range(3 * PAGE):
        real_subject.commit()
    assert real_subject.real is not None
    assert real_subject.proxy is not None
    aside = real_subject.real.branch("aside").create("main").commit("m", allow_empty=True).id
    keys = write_keys(tmp_path, Server(real_subject.proxy.url, lakefs.access_key, lakefs.secret_key))
    limited = LakefsVersions(keys, page=PAGE, most=2 * PAGE)
    assert await limited.find_publication(real_subject.repository, "main", aside, UID) == Landed()
    assert len([line for line in real_subject.proxy.seen if "/commits?" in line]) == 2


async def test_what_is_older_than_the_input_is_not_looked_at(subject: Subject) -> None:
    """Neither the input ref itself nor what came before it."""
    subject.commit({ATTEMPT_UID: UID})
    input_ref = subject.commit({ATTEMPT_UID: UID})
    subject.commit()
    assert await subject.versions.find_publication(subject.repository, "main", input_ref, UID) == Landed()


@pytest.mark.parametrize(("repository", "branch"), [("no-such-repository", "main"), (None, "no-such-branch")])
async def test_a_branch_that_is_not_there_is_told_from_one_without_a_publication(
    subject: Subject, repository: str | None, branch: str
) -> None:
    """Whether it holds none is concluded from more than one answer."""
    with pytest.raises(NotFound):
        await subject.versions.find_publication(repository or subject.repository, branch, "0" * 64, UID)


@pytest.mark.parametrize(("fault", "carried_out"), [(lost, True), (cut_before, False)])
async def test_a_deletion_without_an_answer_may_have_been_carried_out(
    subject: Subject, fault: Fault[Any], carried_out: bool
) -> None:
    """The error says that its fate is unknown; the next try has the answer."""
    subject.branch("staging")
    subject.break_("delete_branch", fault)
    with pytest.raises(Unreachable) as caught:
        await subject.versions.delete_branch(subject.repository, "staging")
    assert caught.value.fate_unknown
    assert await subject.has_branch("staging") is not carried_out
    assert await subject.versions.delete_branch(subject.repository, "staging") is not carried_out


async def test_a_deletion_may_land_after_its_caller_has_given_up(subject: Subject) -> None:
    """Until then the branch is there."""
    subject.branch("staging")
    late = Late()
    subject.break_("delete_branch", late)
    with pytest.raises(Unreachable):
        await subject.versions.delete_branch(subject.repository, "staging")
    assert await subject.has_branch("staging")
    await late.land()
    assert not await subject.has_branch("staging")


@pytest.mark.parametrize("fault", [lost, cut_before])
async def test_a_broken_search_is_not_taken_for_no_publication(subject: Subject, fault: Fault[Any]) -> None:
    """The work would be done a second time."""
    input_ref = subject.commit()
    ref = subject.commit({ATTEMPT_UID: UID})
    subject.break_("find_publication", fault)
    with pytest.raises(Unreachable):
        await subject.versions.find_publication(subject.repository, "main", input_ref, UID)
    publication = (await subject.versions.find_publication(subject.repository, "main", input_ref, UID)).publication
    assert publication is not None
    assert publication.ref == ref


@pytest.mark.parametrize(
    "fault", [answered(404, b"<html>"), answered(404), answered(502, b"<html>"), answered(200, b"<html>")]
)
async def test_what_a_gateway_says_is_not_taken_for_lakefs_words(
    real_subject: Subject, fault: Fault[HttpExchange]
) -> None:
    """A 404 of its own does not mean that a branch is gone or that nothing was published."""
    input_ref = real_subject.commit()
    real_subject.commit({ATTEMPT_UID: UID})
    real_subject.branch("staging")
    real_subject.break_("find_publication", fault)
    with pytest.raises(Unreachable):
        await real_subject.versions.find_publication(real_subject.repository, "main", input_ref, UID)
    real_subject.break_("delete_branch", fault)
    with pytest.raises(Unreachable):
        await real_subject.versions.delete_branch(real_subject.repository, "staging")


async def test_a_search_that_breaks_off_on_a_later_page_is_broken(real_subject: Subject) -> None:
    """What the first pages have does not make an answer."""
    input_ref = real_subject.commit()
    for _ in range(2 * PAGE):
        real_subject.commit()
    real_subject.break_("find_publication", passed)
    real_subject.break_("find_publication", lost)
    with pytest.raises(Unreachable):
        await real_subject.versions.find_publication(real_subject.repository, "main", input_ref, UID)


async def test_wrong_keys_are_refused_without_being_told(lakefs: Server, tmp_path: Path) -> None:
    """401, and the keys are not in the error."""
    keys = write_keys(tmp_path, Server(lakefs.endpoint, lakefs.access_key, "wrong-secret"))
    with pytest.raises(Refused) as caught:
        await LakefsVersions(keys).delete_branch("some-repository", "staging")
    assert caught.value.status == 401
    assert "wrong-secret" not in str(caught.value)


async def test_changed_keys_take_effect(lakefs: Server, tmp_path: Path) -> None:
    """A rotated Secret needs no restart."""
    keys = write_keys(tmp_path, Server(lakefs.endpoint, lakefs.access_key, "wrong-secret"))
    versions = LakefsVersions(keys)
    with pytest.raises(Refused):
        await versions.delete_branch("some-repository", "staging")
    write_keys(tmp_path, lakefs)
    assert not await versions.delete_branch("some-repository", "staging")


async def test_a_server_that_is_away_is_unreachable(tmp_path: Path) -> None:
    """The call never left, so it cannot have been carried out."""
    keys = write_keys(tmp_path, Server("http://127.0.0.1:9", "key", "secret"))
    with pytest.raises(Unreachable) as caught:
        await LakefsVersions(keys).delete_branch("repo", "staging")
    assert not caught.value.fate_unknown


async def test_a_missing_key_file_is_refused_by_name(tmp_path: Path) -> None:
    """A person has to mend the Secret."""
    with pytest.raises(Refused, match="endpoint"):
        await LakefsVersions(reading(tmp_path)).delete_branch("repo", "staging")
