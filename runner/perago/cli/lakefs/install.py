"""`perago lakefs install-fence`: commits the hook to a branch, or replaces an older one, and tries it."""

import argparse
from typing import Final

from perago.cli.lakefs.branches import branch_of_ones_own
from perago.cli.lakefs.fenced import Place, at_branch, branch_of, opened, refuse_foreign, refuses_stale
from perago.cli.output import Answer, Misused, tell
from perago.fence_hook import ACTION, PATH, VERSION, Standing

DONE: Final = {
    Standing.ABSENT: "installed",
    Standing.OLDER: "updated",
    Standing.EDITED: "restored",
    Standing.CURRENT: "unchanged",
}
MOVED: Final = (
    "attempts that started from an earlier commit of this branch can no longer publish: they fail with "
    "PublishFenceError, and their workflows have to be started again from the branch's head"
)


def execute(options: argparse.Namespace) -> Answer:
    """What was done; raises Unusable where it could not be done or does not help."""
    repository = opened(options)
    branch = branch_of(repository, options)
    before = at_branch(repository, branch)
    refuse_foreign(before)
    if before.standing is Standing.NEWER:
        raise Misused(
            f"{before.called} is fenced by version {before.version}, which is newer than this command's version "
            f"{VERSION}; update Perago to change it"
        )
    done = DONE[before.standing]
    after = before if before.standing is Standing.CURRENT else _installed(before, branch)
    tried = refuses_stale(repository, after.commit)
    return _answer(after, done) if tried else _useless(after, done)


def _installed(before: Place, branch: str) -> Place:
    repository, message = before.repository, f"Install Perago's fence, version {VERSION}"
    with branch_of_ones_own(repository, before.commit) as beside:
        repository.put(beside, PATH, ACTION)
        repository.commit(beside, message)
        repository.merge(beside, branch, message)
    tell(f"the branch has moved: {MOVED}")
    return at_branch(repository, branch)


def _answer(place: Place, done: str) -> Answer:
    text = f"{place.called} is fenced, version {place.version}: {done}; lakeFS refused a stale publication in a trial"
    return Answer(text, place.facts(action=done, trial="refused"))


def _useless(place: Place, done: str) -> Answer:
    """The file is there, and lakeFS does not run it."""
    text = (
        f"{place.called} has the hook, version {place.version}: {done}; but lakeFS let a stale publication pass in a "
        "trial, so it does not fence: actions are switched off on this server (actions.enabled, or actions.lua)"
    )
    return Answer(text, {**place.facts(action=done, trial="passed"), "ok": False}, 1)
