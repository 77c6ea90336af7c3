"""The hard fence: a pre-merge hook in Lua that compares an expected head inside the server's own compare-and-swap."""

from concurrent.futures import ThreadPoolExecutor

import lakefs
import pytest
from lakefs.exceptions import ServerException

from perago.wire.metadata_keys import INPUT_REF

ACTION = f"""\
name: fence
on:
  pre-merge:
    branches: []
hooks:
  - id: fence
    type: lua
    properties:
      script: |
        local m = action.commit.metadata or {{}}
        local want = m["{INPUT_REF}"]
        local got = action.commit.parents and action.commit.parents[1]
        if want ~= nil and want ~= got then error("perago fence: head is " .. tostring(got)) end
"""


@pytest.fixture
def fenced(main: lakefs.Branch) -> lakefs.Branch:
    """`main` with the action committed."""
    main.object("_lakefs_actions/fence.yaml").upload(data=ACTION.encode())
    main.commit("fence")
    return main


def staged(repository: lakefs.Repository, name: str) -> lakefs.Branch:
    """A branch of main that writes a file of its own."""
    branch = repository.branch(name).create("main")
    branch.object(name).upload(data=name.encode())
    branch.commit(name)
    return branch


def publish(branch: lakefs.Branch, expected: str) -> bool:
    """Whether the merge passed the fence; anything but a pass or a 412 is raised."""
    try:
        branch.merge_into("main", squash_merge=True, metadata={INPUT_REF: expected})
    except ServerException as refusal:
        if refusal.status_code != 412 or "perago fence: head is" not in str(refusal.body):
            raise
        return False
    return True


def test_a_stale_publication_is_refused(repository: lakefs.Repository, fenced: lakefs.Branch) -> None:
    """The second of two publications of one input is answered 412, and nothing of it lands."""
    expected = fenced.get_commit().id
    first, second = staged(repository, "first"), staged(repository, "second")
    assert (publish(first, expected), publish(second, expected)) == (True, False)
    assert not fenced.object("second").exists()


def test_a_merge_without_expectation_passes(repository: lakefs.Repository, fenced: lakefs.Branch) -> None:
    """The script lets merges through that name no input."""
    first, second = staged(repository, "first"), staged(repository, "second")
    for branch in (first, second):
        branch.merge_into("main", squash_merge=True)
    assert fenced.object("first").exists()
    assert fenced.object("second").exists()


def test_the_fence_is_read_from_the_source(repository: lakefs.Repository, main: lakefs.Branch) -> None:
    """A branch made before the fence was committed is not fenced: hooks are read from the source reference."""
    expected = main.get_commit().id
    old = staged(repository, "old")
    main.object("_lakefs_actions/fence.yaml").upload(data=ACTION.encode())
    main.commit("fence")
    assert publish(old, expected)


def test_of_many_racing_publications_one_wins(repository: lakefs.Repository, fenced: lakefs.Branch) -> None:
    """Eight at once with the same expected head: exactly one lands, whatever the order."""
    expected = fenced.get_commit().id
    branches = [staged(repository, f"racer{number}") for number in range(8)]
    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(lambda branch: publish(branch, expected), branches))
    landed = [branch.id for branch, passed in zip(branches, won, strict=True) if passed]
    assert len(landed) == 1
    assert [entry.path for entry in fenced.objects(prefix="racer")] == landed


def test_an_unreadable_action_stops_commits(repository: lakefs.Repository, main: lakefs.Branch) -> None:
    """Every commit and merge from a branch that has a file which is not YAML fails with 500, which names the file.

    lakeFS keeps a branch's actions for some seconds, so the branch is a new one.
    """
    branch = repository.branch("work").create("main")
    branch.object("_lakefs_actions/bad.yaml").upload(data=b"not: [valid")
    with pytest.raises(ServerException, match=r"prepare-commit hook aborted.*bad\.yaml") as refusal:
        branch.commit("bad")
    assert refusal.value.status_code == 500
