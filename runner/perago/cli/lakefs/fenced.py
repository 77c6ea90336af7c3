"""What the three commands on the fence share: the branch in question, what is installed on it, and the trial."""

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from perago.cli.lakefs.account import account
from perago.cli.lakefs.branches import branch_of_ones_own
from perago.cli.lakefs.failures import LakefsFailed
from perago.cli.lakefs.repository import Repository
from perago.cli.output import Misused, tell
from perago.fence_hook import PATH, REFUSAL, Standing, standing_of, version_of
from perago.wire.metadata_keys import INPUT_REF

MOVED: Final = (
    "attempts that started from an earlier commit of this branch can no longer publish: they fail with "
    "PublishFenceError, and their workflows have to be started again from the branch's head"
)
TRIAL = "a trial of Perago's fence: this merge must be refused"


@dataclass(frozen=True)
class Place:
    """A commit of a repository, what names it there, and the hook's file at it."""

    repository: Repository
    called: str
    commit: str
    content: str | None

    @property
    def standing(self) -> Standing:
        """What the file is."""
        return standing_of(self.content)

    @property
    def version(self) -> int | None:
        """The version of the hook, if it is ours."""
        return None if self.content is None else version_of(self.content)

    def facts(self, **more: Any) -> dict[str, Any]:
        """It as JSON."""
        named = {"repository": self.repository.name, "at": self.called, "commit": self.commit}
        return {"ok": True, **named, "fence": self.standing, "version": self.version, **more}


def opened(options: argparse.Namespace) -> Repository:
    """The repository that the command is about."""
    return Repository(account(os.environ, Path.home()), options.repository)


def branch_of(repository: Repository, options: argparse.Namespace) -> str:
    """The branch that the command is about."""
    return options.branch or repository.default_branch()


def at_branch(repository: Repository, branch: str) -> Place:
    """What is committed on a branch now."""
    return _at(repository, f"branch {branch!r} of repository {repository.name!r}", repository.head(branch))


def at_ref(repository: Repository, ref: str) -> Place:
    """What a ref holds."""
    return _at(repository, f"ref {ref!r} of repository {repository.name!r}", repository.commit_of(ref).id)


def _at(repository: Repository, called: str, commit: str) -> Place:
    return Place(repository, called, commit, repository.text(commit, PATH))


def to_be_changed(options: argparse.Namespace) -> tuple[Place, str]:
    """The branch that the command changes, as it is; raises Misused where the file is somebody else's."""
    repository = opened(options)
    branch = branch_of(repository, options)
    before = at_branch(repository, branch)
    if before.standing is Standing.FOREIGN:
        raise Misused(
            f"{before.called} has a file {PATH!r} without Perago's version line, so it is somebody else's; "
            "move it to another name first"
        )
    return before, branch


def changed(before: Place, branch: str, message: str, change: Callable[[str], None]) -> Place:
    """The branch after a change that is made beside it, on a branch of which `change` gets the name."""
    repository = before.repository
    with branch_of_ones_own(repository, before.commit) as beside:
        change(beside)
        repository.commit(beside, message)
        repository.merge(beside, branch, message)
    tell(f"the branch has moved: {MOVED}")
    return at_branch(repository, branch)


def refuses_stale(repository: Repository, commit: str) -> bool:
    """Whether lakeFS refuses a merge that expects another head, tried between two branches made at the commit."""
    with branch_of_ones_own(repository, commit) as source, branch_of_ones_own(repository, commit) as target:
        try:
            repository.merge(source, target, TRIAL, {INPUT_REF: "another"})
        except LakefsFailed as failed:
            if REFUSAL in failed.words:
                return True
            raise
    return False
