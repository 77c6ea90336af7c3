"""Branches, tags and references through the unmodified clients."""

import time

import lakefs
import pytest
from lakefs.client import Client
from lakefs.exceptions import BadRequestException, ConflictException, ForbiddenException, NotFoundException
from lakefs_sdk.exceptions import ApiException
from lakefs_sdk.models.branch_creation import BranchCreation


def test_a_branch_is_a_copy_on_write(repository: lakefs.Repository, main: lakefs.Branch) -> None:
    """A branch sees what its source had, and neither sees what the other changes afterwards."""
    branch = repository.branch("work").create("main")
    branch.object("base").upload(data=b"1")
    main.object("other").upload(data=b"2")
    assert main.object("base").reader("rb").read() == b"0"
    assert not branch.object("other").exists()


def test_uncommitted_changes_do_not_follow_into_a_branch(repository: lakefs.Repository, main: lakefs.Branch) -> None:
    """A branch begins at its source's commit, without its uncommitted changes."""
    main.object("dirt").upload(data=b"1")
    branch = repository.branch("work").create("main")
    assert [entry.path for entry in branch.objects()] == ["base"]


@pytest.mark.parametrize("name", ["a.b", "a/b", "-a", "a b", "é"])
def test_names_that_are_refused(repository: lakefs.Repository, name: str) -> None:
    """Branch names are letters, digits, underscores and dashes, not beginning with a dash."""
    with pytest.raises(BadRequestException):
        repository.branch(name).create("main")


def test_a_name_may_have_a_thousand_characters(repository: lakefs.Repository) -> None:
    """A staging branch's name cannot exceed any limit."""
    name = "n" * 1000
    assert repository.branch(name).create("main").get_commit() == repository.branch("main").get_commit()


def test_creating_twice_and_from_nowhere(repository: lakefs.Repository, main: lakefs.Branch) -> None:
    """A second branch of a name is a conflict, an unknown source is not found."""
    repository.branch("work").create("main")
    with pytest.raises(ConflictException):
        repository.branch("work").create("main")
    with pytest.raises(NotFoundException):
        repository.branch("else").create("nope")


def test_a_branch_from_a_commit_or_a_part_of_its_id(repository: lakefs.Repository, main: lakefs.Branch) -> None:
    """Sources may be commit ids, whole or short."""
    head = main.get_commit().id
    assert repository.branch("long").create(head).get_commit().id == head
    assert repository.branch("short").create(head[:12]).get_commit().id == head


def test_looking_at_a_branch(repository: lakefs.Repository, main: lakefs.Branch, client: Client) -> None:
    """It is a name and a commit id; an unknown one is 404."""
    found = client.sdk_client.branches_api.get_branch(repository.id, "main")
    assert (found.id, found.commit_id) == ("main", main.get_commit().id)
    with pytest.raises(ApiException) as refusal:
        client.sdk_client.branches_api.get_branch(repository.id, "nope")
    assert refusal.value.status == 404


def test_hidden_branches_work_but_are_not_listed(
    repository: lakefs.Repository, main: lakefs.Branch, client: Client
) -> None:
    """A hidden branch is left out of the list and is otherwise like any other."""
    api = client.sdk_client.branches_api
    api.create_branch(repository.id, BranchCreation(name="hid", source="main", hidden=True))
    assert [branch.id for branch in repository.branches()] == ["main"]
    assert repository.branch("hid").object("base").exists()


def test_deleting_a_branch_keeps_its_commits(repository: lakefs.Repository, main: lakefs.Branch) -> None:
    """After deletion the name is unknown, the commit can still be read and merged by id."""
    branch = repository.branch("work").create("main")
    branch.object("new").upload(data=b"1")
    tip = branch.commit("new").get_commit().id
    branch.delete()
    with pytest.raises(NotFoundException):
        branch.delete()
    repository.ref(tip).merge_into("main", squash_merge=True)
    assert main.object("new").exists()


def test_a_namesake_inherits_nothing(repository: lakefs.Repository, main: lakefs.Branch) -> None:
    """Uncommitted changes die with their branch."""
    branch = repository.branch("work").create("main")
    branch.object("dirt").upload(data=b"1")
    branch.delete()
    repository.branch("work").create("main")
    assert [entry.path for entry in branch.objects()] == ["base"]


def test_the_default_branch_stays(main: lakefs.Branch) -> None:
    """The default branch cannot be deleted."""
    with pytest.raises(ForbiddenException):
        main.delete()


def test_ancestors_by_suffix(repository: lakefs.Repository, main: lakefs.Branch) -> None:
    """`~n` walks first parents, `^n` picks a parent."""
    first = main.get_commit()
    main.object("second").upload(data=b"1")
    second = main.commit("second").get_commit()
    assert repository.ref("main~1").get_commit() == repository.ref("main^1").get_commit() == first
    assert repository.ref(f"{second.id}~").get_commit() == first


def test_a_tag_names_a_commit(repository: lakefs.Repository, main: lakefs.Branch) -> None:
    """A tag stays where it was put when its branch moves on."""
    tag = repository.tag("v1").create("main")
    main.object("later").upload(data=b"1")
    main.commit("later")
    assert [entry.path for entry in tag.objects()] == ["base"]


def test_protected_branches_take_merges_only(
    repository: lakefs.Repository, main: lakefs.Branch, client: Client
) -> None:
    """A protection rule refuses writes, commits and resets with 403 and lets merges pass."""
    api = client.sdk_client
    work = repository.branch("work").create("main")
    work.object("new").upload(data=b"1")
    work.commit("new")
    probe = repository.branch("probe").create("main")
    api.repositories_api.set_branch_protection_rules(repository.id, [{"pattern": "main"}, {"pattern": "probe"}])
    _until_protected(probe)
    with pytest.raises(ForbiddenException):
        main.object("new").upload(data=b"1")
    with pytest.raises(ForbiddenException):
        main.commit("c")
    with pytest.raises(Exception, match="403"):
        api.experimental_api.hard_reset_branch(repository.id, "main", "main~1")
    work.merge_into("main", squash_merge=True)
    assert main.object("new").exists()


def _until_protected(branch: lakefs.Branch) -> None:
    """Wait for the rules: lakeFS applies a repository's all at once, from a cache, after seconds."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            branch.object("probe").upload(data=b"x")
        except ForbiddenException:
            return
        time.sleep(0.1)
    pytest.fail("the rules were never applied")
