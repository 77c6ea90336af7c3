"""`perago lakefs install-fence`: commits the hook to a branch, or replaces an older one, and tries it."""

import argparse
from functools import partial
from typing import Final

from perago.cli.lakefs.fenced import Place, changed, refuses_stale, to_be_changed
from perago.cli.output import Answer, Misused
from perago.fence_hook import ACTION, PATH, VERSION, Standing

DONE: Final = {
    Standing.ABSENT: "installed",
    Standing.OLDER: "updated",
    Standing.EDITED: "restored",
    Standing.CURRENT: "unchanged",
}


def execute(options: argparse.Namespace) -> Answer:
    """What was done; raises Unusable where it could not be done or does not help."""
    before, branch = to_be_changed(options)
    if before.standing is Standing.NEWER:
        raise Misused(
            f"{before.called} is fenced by version {before.version}, which is newer than this command's version "
            f"{VERSION}; update Perago to change it"
        )
    done = DONE[before.standing]
    after = before if before.standing is Standing.CURRENT else _installed(before, branch)
    tried = refuses_stale(after.repository, after.commit)
    return _answer(after, done) if tried else _useless(after, done)


def _installed(before: Place, branch: str) -> Place:
    put = partial(before.repository.put, path=PATH, text=ACTION)
    return changed(before, branch, f"Install Perago's fence, version {VERSION}", put)


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
