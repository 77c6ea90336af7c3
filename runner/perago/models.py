"""The values that a declaration is made of, under the one name that the contract fixes.

`WorkspaceSpec` is at home here, the controls in `perago.controls`, and `WorkspaceInput`, which is what Conductor sends,
in `perago.reference`. Knows no disk, no lakeFS, no running attempt.
"""

import re
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING

from perago.controls import (
    DEFAULT_RETRY_COUNT,
    DEFAULT_RETRY_DELAY_SECONDS,
    DEFAULT_TIMEOUT_RESPONSE_SECONDS,
    MAX_RETRY_COUNT,
    ExecutionLimits,
    PublishBudget,
    RetryLogic,
    RetryPolicy,
    TaskControls,
    TimeoutAction,
    TimeoutPolicy,
)
from perago.exclusion import pattern_problem
from perago.guards import Guardrail
from perago.problems import check_kind, refuse, refuse_field

if TYPE_CHECKING:
    from perago.reference import WorkspaceInput, WorkspaceOutput

__all__ = [
    "DEFAULT_RETRY_COUNT",
    "DEFAULT_RETRY_DELAY_SECONDS",
    "DEFAULT_TIMEOUT_RESPONSE_SECONDS",
    "MAX_RETRY_COUNT",
    "ExecutionLimits",
    "PublishBudget",
    "RetryLogic",
    "RetryPolicy",
    "TaskControls",
    "TimeoutAction",
    "TimeoutPolicy",
    "WorkspaceInput",
    "WorkspaceOutput",
    "WorkspaceSpec",
]

_DRIVE = re.compile(r"^[A-Za-z]:")


def _kept_prefix(prefix: object) -> str:
    if not isinstance(prefix, str):
        refuse(f"WorkspaceSpec.prefix must be a str, not {prefix!r}")
        return "/"
    kept = prefix.strip("/")
    parts = [] if prefix in ("", "/") else kept.split("/")
    outside = any(part.strip() in ("", ".", "..") or _DRIVE.match(part) for part in parts)
    if outside or "\\" in kept or "\0" in kept:
        refuse(f"WorkspaceSpec.prefix must be a path inside the repository, not {prefix!r}")
    return kept or "/"


@dataclass(frozen=True)
class WorkspaceSpec:
    """Which part of the repository the body sees, what must hold before and after it, and whether it publishes.

    Parameters
    ----------
    prefix : str
        The path in the repository that the body sees as the root of its workspace. It is kept without leading and
        trailing `/`; `/` is the whole repository.
    pre : list of guardrails
        What must hold before the body runs; made by `require_file` and its like.
    post : list of guardrails
        What must hold before its work is published.
    read_only : bool
        Publish nothing, whatever the body does to its copy.
    exclude : list of str
        Patterns, as in `.gitignore`, of paths that are never published: scratch files, caches, symlinks. What matches
        stays in the repository as it is, whatever the body does to its copy.

    Raises
    ------
    TaskDefinitionError
        The prefix does not name a place in a repository, a pattern is none, or a value is of another kind.

    Examples
    --------
    >>> import perago
    >>> spec = perago.WorkspaceSpec(prefix="/audio/render", pre=[perago.require_glob("*.wav")])
    >>> spec.prefix
    'audio/render'
    >>> perago.WorkspaceSpec(exclude=["scratch/", "*.tmp", "!keep.tmp"]).exclude
    ['scratch/', '*.tmp', '!keep.tmp']
    >>> perago.WorkspaceSpec(prefix="../elsewhere")
    Traceback (most recent call last):
    perago.errors.TaskDefinitionError: WorkspaceSpec.prefix must be a path inside the repository, not '../elsewhere'
    """

    prefix: str = "/"
    pre: list[Guardrail] = field(default_factory=list)
    post: list[Guardrail] = field(default_factory=list)
    read_only: bool = False
    exclude: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefix", _kept_prefix(self.prefix))
        for name in ("pre", "post"):
            guardrails = getattr(self, name)
            if not isinstance(guardrails, (list, tuple)) or not all(isinstance(item, Guardrail) for item in guardrails):
                refuse_field(self, name, "must be a list of guardrails")
            else:
                object.__setattr__(self, name, list(guardrails))
        check_kind(self, "read_only", bool)
        self._keep_patterns()

    def _keep_patterns(self) -> None:
        if not isinstance(self.exclude, (list, tuple)):
            refuse_field(self, "exclude", "must be a list of patterns")
            return
        object.__setattr__(self, "exclude", list(self.exclude))
        for pattern in self.exclude:
            if problem := pattern_problem(pattern):
                refuse(f"WorkspaceSpec.exclude: {pattern!r} {problem}")


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """`WorkspaceInput` and `WorkspaceOutput`, loaded when first used: no declaration builds their schemas."""
        if name not in ("WorkspaceInput", "WorkspaceOutput"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module("perago.reference"), name)
