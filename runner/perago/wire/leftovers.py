"""Staging branches that were left behind: whose a branch is, and whether it may be deleted. PURE.

The operator's sweep and `perago lakefs sweep` decide by it. A branch is deleted only when its attempt is proved to have
ended, and never on the strength of its name alone: another installation may publish to the same repository.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from perago.staging import BRANCH_PREFIX as BRANCH_PREFIX
from perago.wire import metadata_keys
from perago.wire.base import ENDED_PHASES

_EXECUTION: Final = re.compile(r"-exec-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-([1-9][0-9]{0,8})")


class Attempt(StrEnum):
    """What the API server says of the attempt that a branch belongs to."""

    LIVES = "lives"
    """It exists and has not ended, or its own clean-up is not over."""
    ENDED = "ended"
    """It exists, has ended, and is done with its staging branch."""
    GONE = "gone"
    """It does not exist any more, but did: its installation has seen it, or its commit names it."""
    ELSEWHERE = "elsewhere"
    """Whoever asks cannot know: it may exist where they do not look."""


class Verdict(StrEnum):
    """What becomes of a branch; the value says why in a word."""

    DELETE = "leftover"
    LIVING = "living"
    YOUNG = "young"
    FOREIGN = "foreign"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class StagingBranch:
    """A branch with our prefix, with the attempt's UID and the execution that its name carries."""

    name: str
    head: str
    uid: str
    execution: int


@dataclass(frozen=True, slots=True)
class Maker:
    """Who made the commit at a branch's head, as far as that is the branch's own attempt."""

    installation: str
    namespace: str
    attempt: str


def staging_branch(name: str, head: str) -> StagingBranch | None:
    """A branch as the name shows it; None where the name is not that of an attempt in a cluster."""
    ending = _EXECUTION.search(name)
    if not name.startswith(f"{BRANCH_PREFIX}-") or ending is None or ending.end() != len(name):
        return None
    return StagingBranch(name, head, ending[1], int(ending[2]))


def maker_of(branch: StagingBranch, metadata: Mapping[str, str]) -> Maker | None:
    """Who made the head; None where it is not the attempt's own commit, but the one that the branch was made from."""
    if metadata.get(metadata_keys.ATTEMPT_UID) != branch.uid:
        return None
    namespace, _, attempt = metadata.get(metadata_keys.ATTEMPT, "").partition("/")
    return Maker(metadata.get(metadata_keys.INSTALLATION, ""), namespace, attempt)


def verdict(installation: str, maker: Maker | None, attempt: Attempt, age: float, older_than: float) -> Verdict:
    """What becomes of a branch of which the age in seconds and the attempt's fate are known."""
    if maker is not None and maker.installation != installation:
        return Verdict.FOREIGN
    if attempt is Attempt.LIVES:
        return Verdict.LIVING
    if attempt is Attempt.ELSEWHERE:
        return Verdict.UNCLEAR
    return Verdict.DELETE if age >= older_than else Verdict.YOUNG


def fate_of(status: Mapping[str, object] | None) -> Attempt:
    """The fate of an attempt that exists, from its status."""
    state = status or {}
    staging = state.get("staging")
    cleaned = not isinstance(staging, Mapping) or staging.get("state") == "Deleted"
    ended = state.get("phase") in ENDED_PHASES
    return Attempt.ENDED if ended and cleaned else Attempt.LIVES
