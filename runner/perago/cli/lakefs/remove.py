"""`perago lakefs remove-fence`: takes the hook off a branch again."""

import argparse
from functools import partial

from perago.cli.lakefs.fenced import changed, to_be_changed
from perago.cli.output import Answer
from perago.fence_hook import PATH, Standing

MESSAGE = "Remove Perago's fence"


def execute(options: argparse.Namespace) -> Answer:
    """What was done."""
    before, branch = to_be_changed(options)
    if before.standing is Standing.ABSENT:
        return Answer(f"{before.called} has no fence: unchanged", before.facts(action="unchanged"))
    after = changed(before, branch, MESSAGE, partial(before.repository.remove, path=PATH))
    return Answer(f"{after.called} is no longer fenced: removed", after.facts(action="removed"))
