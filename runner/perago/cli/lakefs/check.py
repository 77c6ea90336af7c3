"""`perago lakefs check-fence`: whether publications of attempts that start from a commit are fenced by lakeFS."""

import argparse
from typing import Final

from perago.cli.lakefs.fenced import Place, at_branch, at_ref, branch_of, opened, refuses_stale
from perago.cli.output import Answer, Misused
from perago.fence_hook import PATH, VERSION, Standing

WORDS: Final = {
    Standing.ABSENT: "is not fenced: perago lakefs install-fence does that for a branch",
    Standing.CURRENT: "is fenced, version {version}",
    Standing.OLDER: f"is fenced, version {{version}}; perago lakefs install-fence updates it to version {VERSION}",
    Standing.NEWER: f"is fenced, version {{version}}, which is newer than this command's version {VERSION}",
    Standing.EDITED: f"has a hook that was edited ({PATH}), so nobody knows what it refuses; "
    "perago lakefs install-fence restores it",
    Standing.FOREIGN: f"is not fenced: its file {PATH} is not Perago's",
}


def execute(options: argparse.Namespace) -> Answer:
    """Whether it is fenced; the exit code says the same."""
    if options.ref is not None and options.branch is not None:
        raise Misused("pass --ref or --branch, not both")
    repository = opened(options)
    if options.ref is not None:
        place = at_ref(repository, options.ref)
    else:
        place = at_branch(repository, branch_of(repository, options))
    fenced, trial = place.standing.fences, "not tried"
    text = f"{place.called} {WORDS[place.standing].format(version=place.version)}"
    if options.trial and fenced:
        fenced, trial = _tried(place)
        text += f"; in a trial, lakeFS {'refused' if fenced else 'let'} a stale publication{'' if fenced else ' pass'}"
    return Answer(text, {**place.facts(trial=trial), "ok": fenced}, 0 if fenced else 1)


def _tried(place: Place) -> tuple[bool, str]:
    refused = refuses_stale(place.repository, place.commit)
    return refused, "refused" if refused else "passed"
