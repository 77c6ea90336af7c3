"""Branches that a command makes for itself: changes are made beside the branch that people and attempts use.

A merge moves a branch in one step, is refused by lakeFS if somebody's uncommitted changes are there, takes along
nothing but what was committed beside it, and is allowed where a rule protects the branch from direct writes.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from perago.cli.lakefs.failures import LakefsFailed
from perago.cli.lakefs.repository import Repository
from perago.cli.output import tell

PREFIX = "perago-fence-"


@contextmanager
def branch_of_ones_own(repository: Repository, commit: str) -> Iterator[str]:
    """In this block there is a branch at the commit; at the end it is deleted, or named if that fails."""
    name, refused = f"{PREFIX}{uuid.uuid4().hex}", False
    try:
        try:
            repository.create_branch(name, commit)
        except LakefsFailed as failed:
            refused = failed.status > 0
            raise
        yield name
    finally:
        if not refused:
            _delete(repository, name)


def _delete(repository: Repository, name: str) -> None:
    try:
        repository.delete_branch(name)
    except LakefsFailed as failed:
        if not failed.gone:
            tell(f"warning: {failed.problems[0].message}; this branch was made for a moment, so delete it by hand")
