"""`perago lakefs remove-fence`: takes the hook off a branch again."""

import argparse

from perago.cli.lakefs.branches import branch_of_ones_own
from perago.cli.lakefs.fenced import Place, at_branch, branch_of, opened, refuse_foreign
from perago.cli.lakefs.install import MOVED
from perago.cli.output import Answer, tell
from perago.fence_hook import PATH, Standing

MESSAGE = "Remove Perago's fence"


def execute(options: argparse.Namespace) -> Answer:
    """What was done."""
    repository = opened(options)
    branch = branch_of(repository, options)
    before = at_branch(repository, branch)
    refuse_foreign(before)
    if before.standing is Standing.ABSENT:
        return Answer(f"{before.called} has no fence: unchanged", before.facts(action="unchanged"))
    after = _removed(before, branch)
    return Answer(f"{after.called} is no longer fenced: removed", after.facts(action="removed"))


def _removed(before: Place, branch: str) -> Place:
    repository = before.repository
    with branch_of_ones_own(repository, before.commit) as beside:
        repository.remove(beside, PATH)
        repository.commit(beside, MESSAGE)
        repository.merge(beside, branch, MESSAGE)
    tell(f"the branch has moved: {MOVED}")
    return at_branch(repository, branch)
