"""What becomes of a merge whose source branch is deleted while lakeFS carries it out.

The operator deletes a staging branch before it asks lakeFS for evidence. A hook holds the merge at the last moment: it
leaves a tag, and waits for an object.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import lakefs
import pytest
from lakefs.exceptions import NotFoundException

from tests.fakes.waiting import OF_SERVERS
from tests.kubectl import eventually

HOLD = """\
name: hold
on:
  pre-merge:
    branches: []
hooks:
  - id: hold
    type: lua
    properties:
      script: |
        local lakefs = require("lakefs")
        local repository = action.repository_id
        lakefs.create_tag(repository, action.source_ref, "held")
        local code = 0
        while code ~= 200 do code = lakefs.stat_object(repository, "gate", "open") end
"""

Held = tuple[Future[str], Callable[[], object]]
"""A merge that is under way, and what lets it go on."""


@pytest.fixture
def held(repository: lakefs.Repository, main: lakefs.Branch) -> Iterator[Held]:
    """A merge of `staging` into `main`, held by the hook."""
    gate = repository.branch("gate").create("main")
    staging = repository.branch("staging").create("main")
    staging.object("_lakefs_actions/hold.yaml").upload(data=HOLD.encode())
    staging.commit("stage")

    def go_on() -> object:
        return gate.object("open").upload(data=b"")

    with ThreadPoolExecutor(1) as thread:
        merge = thread.submit(lambda: staging.merge_into("main", squash_merge=True))
        try:
            eventually(lambda: "held" in [tag.id for tag in repository.tags()] or None, "the hook", OF_SERVERS)
            yield merge, go_on
        finally:
            go_on()


def test_a_merge_may_land_although_its_source_is_gone(
    repository: lakefs.Repository, main: lakefs.Branch, held: Held
) -> None:
    """The deletion stops what has yet to begin, and not what lakeFS is about to finish."""
    merge, go_on = held
    repository.branch("staging").delete()
    go_on()
    assert merge.result() == main.get_commit().id


def test_a_merge_that_has_to_begin_again_does_not_find_its_source(
    repository: lakefs.Repository, main: lakefs.Branch, held: Held
) -> None:
    """Whenever the target has moved, the server starts over, and looks the source up by its name."""
    merge, go_on = held
    repository.branch("staging").delete()
    main.object("another").upload(data=b"")
    moved = main.commit("another").id
    go_on()
    with pytest.raises(NotFoundException):
        merge.result()
    assert main.get_commit().id == moved
