"""Commits, merges, resets and history through the unmodified clients."""

import json

import lakefs
import pytest
from lakefs.client import Client
from lakefs.exceptions import BadRequestException, ConflictException, NotFoundException
from lakefs_sdk.exceptions import ApiException

from perago_dev.servers.lakefs import Server


def branch_with(repository: lakefs.Repository, name: str, **files: str) -> lakefs.Branch:
    """A branch of main with one commit that writes the files."""
    branch = repository.branch(name).create("main")
    for path, text in files.items():
        branch.object(path).upload(data=text.encode())
    branch.commit(f"commit of {name}")
    return branch


def content(ref: lakefs.Reference) -> dict[str, str]:
    """All paths and texts that a reader sees."""
    return {entry.path: str(ref.object(entry.path).reader("r").read()) for entry in ref.objects()}


def test_a_commit_needs_changes(main: lakefs.Branch) -> None:
    """An empty commit is refused, unless it is asked for."""
    with pytest.raises(BadRequestException, match="no changes"):
        main.commit("nothing")
    assert main.commit("on purpose", allow_empty=True).get_commit().message == "on purpose"


def test_a_commit_is_the_branch_without_what_came_after(main: lakefs.Branch) -> None:
    """A commit keeps what it had, its metadata and its parent; later changes do not reach it."""
    before = main.get_commit().id
    main.object("new").upload(data=b"1")
    made = main.commit("new", metadata={"perago.attempt": "u1"})
    main.object("base").upload(data=b"9")
    assert content(made) == {"base": "0", "new": "1"}
    assert (made.get_commit().parents, made.get_commit().metadata) == ([before], {"perago.attempt": "u1"})


def test_committing_nowhere(main: lakefs.Branch, client: Client) -> None:
    """A branch that does not exist is 404."""
    with pytest.raises(NotFoundException):
        lakefs.Branch(main.repo_id, "nope", client=client).commit("c", allow_empty=True)


def test_the_same_bytes_are_no_change(main: lakefs.Branch) -> None:
    """Uploading what is there already shows no difference; another content type does."""
    main.object("base").upload(data=b"0")
    assert list(main.uncommitted()) == []
    main.object("base").upload(data=b"0", content_type="text/plain")
    assert [(change.path, change.type) for change in main.uncommitted()] == [("base", "changed")]


def test_resetting_drops_uncommitted_changes(main: lakefs.Branch) -> None:
    """A reset of everything, of one object, of a prefix: what was committed shows again."""
    for path in ("base", "d/1", "d/2", "e"):
        main.object(path).upload(data=b"9")
    main.reset_changes("object", "base")
    main.reset_changes("common_prefix", "d/")
    assert [change.path for change in main.uncommitted()] == ["e"]
    main.reset_changes()
    assert content(main) == {"base": "0"}


def test_a_squash_merge_is_one_commit(repository: lakefs.Repository, main: lakefs.Branch) -> None:
    """It has one parent, the destination's head, and carries the given metadata."""
    before = main.get_commit().id
    work = branch_with(repository, "work", new="1", base="2")
    merged = work.merge_into("main", squash_merge=True, message="publish", metadata={"k": "v"})
    made = main.get_commit()
    assert (made.id, made.parents, made.message) == (merged, [before], "publish")
    assert made.metadata == {"k": "v", ".lakefs.merge.strategy": "default"}
    assert content(main) == {"base": "2", "new": "1"}


def test_an_ordinary_merge_has_two_parents(repository: lakefs.Repository, main: lakefs.Branch) -> None:
    """The destination's head first, the source second."""
    before = main.get_commit().id
    work = branch_with(repository, "work", new="1")
    work.merge_into("main")
    assert main.get_commit().parents == [before, work.get_commit().id]


def test_a_merge_can_delete(repository: lakefs.Repository, main: lakefs.Branch) -> None:
    """A path deleted on the source is gone on the destination."""
    work = repository.branch("work").create("main")
    work.object("base").delete()
    work.commit("delete")
    work.merge_into("main", squash_merge=True)
    assert content(main) == {}


def test_disjoint_changes_merge(repository: lakefs.Repository, main: lakefs.Branch) -> None:
    """What the two sides changed apart from each other is all there."""
    left, right = branch_with(repository, "left", a="1"), branch_with(repository, "right", b="2")
    left.merge_into("main", squash_merge=True)
    right.merge_into("main", squash_merge=True)
    assert content(main) == {"a": "1", "b": "2", "base": "0"}


def test_a_conflict_is_409_and_changes_nothing(repository: lakefs.Repository, main: lakefs.Branch) -> None:
    """The paths of a conflict are to be had from the diff; a strategy resolves it."""
    left, right = branch_with(repository, "left", base="L"), branch_with(repository, "right", base="R")
    left.merge_into("main", squash_merge=True)
    with pytest.raises(ConflictException):
        right.merge_into("main", squash_merge=True)
    assert [(change.path, change.type) for change in main.diff("right")] == [("base", "conflict")]
    assert content(main) == {"base": "L"}
    right.merge_into("main", squash_merge=True, strategy="source-wins")
    assert content(main) == {"base": "R"}


def test_both_sides_alike_is_no_conflict(repository: lakefs.Repository, main: lakefs.Branch) -> None:
    """The same change on both sides is not a conflict."""
    left, right = branch_with(repository, "left", base="S"), branch_with(repository, "right", base="S", n="1")
    left.merge_into("main", squash_merge=True)
    right.merge_into("main", squash_merge=True)
    assert content(main) == {"base": "S", "n": "1"}


def test_a_repeated_squash_merge_lands_again(repository: lakefs.Repository, main: lakefs.Branch) -> None:
    """It is not idempotent: a repeat brings back what was deleted in between."""
    work = branch_with(repository, "work", new="1")
    work.merge_into("main", squash_merge=True)
    main.object("new").delete()
    main.commit("delete it")
    work.merge_into("main", squash_merge=True)
    assert main.object("new").exists()


def test_a_source_without_commits_is_no_change(repository: lakefs.Repository, main: lakefs.Branch) -> None:
    """Refused with 400 unless empty merges are allowed or forced; uncommitted data of the source does not count."""
    work = repository.branch("work").create("main")
    work.object("dirt").upload(data=b"1")
    with pytest.raises(BadRequestException, match="no changes"):
        work.merge_into("main", squash_merge=True)
    work.merge_into("main", squash_merge=True, allow_empty=True)
    work.merge_into("main", squash_merge=True, force=True)
    assert content(main) == {"base": "0"}


def test_a_merge_leaves_out_what_is_not_committed(repository: lakefs.Repository, main: lakefs.Branch) -> None:
    """Of the source only its head is merged."""
    work = branch_with(repository, "work", new="1")
    work.object("dirt").upload(data=b"2")
    work.merge_into("main", squash_merge=True)
    assert content(main) == {"base": "0", "new": "1"}


@pytest.mark.parametrize("force", [False, True])
def test_a_dirty_destination_refuses(repository: lakefs.Repository, main: lakefs.Branch, force: bool) -> None:
    """Uncommitted changes on the destination block every merge, forced or not."""
    work = branch_with(repository, "work", new="1")
    main.object("dirt").upload(data=b"1")
    with pytest.raises(BadRequestException, match="dirty branch"):
        work.merge_into("main", squash_merge=True, force=force)


def test_a_hard_reset_asks_nothing(repository: lakefs.Repository, main: lakefs.Branch, client: Client) -> None:
    """It moves the branch anywhere, forward too, and uncommitted changes stay on top."""
    api, first = client.sdk_client.experimental_api, main.get_commit().id
    main.object("new").upload(data=b"1")
    second = main.commit("new").get_commit().id
    api.hard_reset_branch(repository.id, "main", first)
    main.object("dirt").upload(data=b"2")
    assert content(main) == {"base": "0", "dirt": "2"}
    api.hard_reset_branch(repository.id, "main", second)
    assert content(main) == {"base": "0", "dirt": "2", "new": "1"}


def test_resetting_to_nowhere(repository: lakefs.Repository, main: lakefs.Branch, client: Client) -> None:
    """An unknown reference is 404 and moves nothing."""
    before = main.get_commit().id
    with pytest.raises(ApiException) as refusal:
        client.sdk_client.experimental_api.hard_reset_branch(repository.id, "main", "nope")
    assert (refusal.value.status, main.get_commit().id) == (404, before)


def test_the_log_goes_from_children_to_parents(repository: lakefs.Repository, main: lakefs.Branch) -> None:
    """Its first element is the head; `stop_at` is inclusive."""
    base = main.get_commit().id
    ids = [base]
    for number in range(3):
        main.object(f"f{number}").upload(data=b"x")
        ids.append(main.commit(str(number)).get_commit().id)
    log = [commit.id for commit in main.log()]
    assert log[:4] == ids[::-1]
    assert [commit.id for commit in main.log(stop_at=base)] == ids[::-1]


def test_the_log_comes_in_pages(repository: lakefs.Repository, main: lakefs.Branch, client: Client) -> None:
    """Each page begins after the last commit of the one before; with `stop_at`, the last page ends there."""
    base = main.get_commit().id
    made = [main.commit(str(number), allow_empty=True).get_commit().id for number in range(4)]
    api, after, pages, more = client.sdk_client.refs_api, "", [], True
    while more:
        page = api.log_commits(repository.id, "main", after=after, amount=2, first_parent=True, stop_at=base)
        pages.append([commit.id for commit in page.results])
        more, after = page.pagination.has_more, page.pagination.next_offset
    assert [commit for page in pages for commit in page] == [*reversed(made), base]
    assert max(map(len, pages)) == 2


def test_the_log_of_a_path(repository: lakefs.Repository, main: lakefs.Branch) -> None:
    """Filters by object and by prefix leave the commits that touched them."""
    for path in ("d/a", "d/b", "e"):
        main.object(path).upload(data=b"x")
        main.commit(path)
    assert [commit.message for commit in main.log(objects=["d/a"])] == ["d/a"]
    assert [commit.message for commit in main.log(prefixes=["d/"])] == ["d/b", "d/a"]


def test_the_log_of_first_parents(repository: lakefs.Repository, main: lakefs.Branch) -> None:
    """Without what came in by ordinary merges."""
    branch_with(repository, "work", new="1").merge_into("main", message="merged")
    assert [commit.message for commit in main.log(first_parent=True)][:2] == ["merged", "base"]
    assert "commit of work" in [commit.message for commit in main.log()]


@pytest.mark.parametrize("keys", [{"username": "nobody"}, {"password": "wrong"}])
def test_keys_that_are_wrong(main: lakefs.Branch, lakefs: Server, keys: dict[str, str]) -> None:
    """An unknown key and a wrong secret are told alike: 401 and the same words."""
    given = {"username": lakefs.access_key, "password": lakefs.secret_key} | keys
    stranger = Client(host=lakefs.endpoint, **given)
    with pytest.raises(ApiException) as refusal:
        stranger.sdk_client.branches_api.get_branch(main.repo_id, "main")
    assert refusal.value.status == 401
    assert json.loads(str(refusal.value.body)) == {"message": "error authenticating request"}
