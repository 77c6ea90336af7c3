"""Guardrails: what must hold in a workspace before and after a body. Reads the local disk, knows nothing else."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Literal

from perago.errors import GuardrailViolation, PostGuardrailViolation, PreGuardrailViolation
from perago.problems import refuse

DEFAULT_REQUIRE_GLOB_MIN_COUNT = 1

MARKER = ".perago-attempt.json"
"""The attempt's own file at the workspace root; no guardrail sees it."""

_DRIVE = re.compile(r"^[A-Za-z]:")

Rule = Literal["require_file", "require_dir", "require_glob", "forbid_glob"]
Phase = Literal["pre", "post"]
StrPath = str | os.PathLike[str]


@dataclass(frozen=True)
class Guardrail:
    """One rule about the workspace; made by the four functions below."""

    rule: Rule
    path: str
    min_count: int = DEFAULT_REQUIRE_GLOB_MIN_COUNT
    max_count: int | None = None

    def violation(self, root: Path) -> str | None:
        """What is wrong in the workspace `root`, naming the rule and the path; None when the rule holds."""
        match self.rule:
            case "require_file":
                return None if (root / self.path).is_file() else f"require_file: {self.path!r} is not a file"
            case "require_dir":
                return None if (root / self.path).is_dir() else f"require_dir: {self.path!r} is not a directory"
            case "require_glob":
                return self._wrong_count(sum(path.is_file() for path in _matches(root, self.path)))
            case "forbid_glob":  # pragma: no branch - mypy reports a rule that is forgotten here
                matches = sorted(path.relative_to(root).as_posix() for path in _matches(root, self.path))
                return f"forbid_glob: {self.path!r} matches {_shortened(matches)}" if matches else None

    def _wrong_count(self, count: int) -> str | None:
        if count < self.min_count:
            return f"require_glob: {self.path!r} matches {count} files, at least {self.min_count} must be there"
        if self.max_count is not None and count > self.max_count:
            return f"require_glob: {self.path!r} matches {count} files, at most {self.max_count} may be there"
        return None


def _matches(root: Path, pattern: str) -> Iterable[Path]:
    marker = root / MARKER
    return (path for path in root.glob(pattern) if path != marker)


def _shortened(paths: list[str], limit: int = 5) -> str:
    more = f" and {len(paths) - limit} more" if len(paths) > limit else ""
    return ", ".join(map(repr, paths[:limit])) + more


def posix_text(path: StrPath) -> str:
    """The path as text with `/` between its parts; raises TypeError for what is not a path of text."""
    text = path.as_posix() if isinstance(path, PurePath) else os.fspath(path)
    if not isinstance(text, str):
        raise TypeError(f"a path must be a str or an os.PathLike of str, not {path!r}")
    return text


def _checked(rule: Rule, path: StrPath) -> str:
    try:
        text = posix_text(path)
    except TypeError:
        refuse(f"{rule}: the path must be a str or an os.PathLike, not {path!r}")
        return str(path)
    problem = _path_problem(text) or (_glob_problem(text) if rule.endswith("_glob") else None)
    if problem:
        refuse(f"{rule}: the path {problem}, not {path!r}")
    return text


def _path_problem(path: str) -> str | None:
    parts = path.split("/")
    if not path.strip() or path.startswith("/") or ".." in parts or "\\" in path or "\0" in path:
        return "must be relative, '/'-separated and without '..'"
    if any(_DRIVE.match(part) for part in parts):
        return "must not name a drive"
    return None


def _glob_problem(pattern: str) -> str | None:
    """What pathlib would find wrong only when the guardrail is checked, after the download."""
    parts = pattern.split("/")
    if any("**" in part and part != "**" for part in parts):
        return "must have '**' as a whole part, as in 'a/**/b'"
    if all(part in ("", ".") for part in parts):
        return "must match something below the workspace"
    return None


def _check_counts(min_count: object, max_count: object) -> None:
    for name, count in (("min_count", min_count), ("max_count", 0 if max_count is None else max_count)):
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            refuse(f"require_glob: {name} must be a whole number of at least 0, not {count!r}")
    if isinstance(max_count, int) and isinstance(min_count, int) and max_count < min_count:
        refuse(f"require_glob: max_count {max_count} is below min_count {min_count}")


def require_file(path: StrPath) -> Guardrail:
    """Demand a file.

    Parameters
    ----------
    path : str or os.PathLike
        The file, relative to the workspace and written with `/`.

    Returns
    -------
    Guardrail
        For `pre` or `post` of a `WorkspaceSpec`.

    Raises
    ------
    TaskDefinitionError
        The path is empty, absolute, or contains `..`, a backslash or a drive.

    Examples
    --------
    >>> import perago
    >>> perago.require_file("config/model.json").path
    'config/model.json'
    """
    return Guardrail("require_file", _checked("require_file", path))


def require_dir(path: StrPath) -> Guardrail:
    """Demand a directory.

    Parameters
    ----------
    path : str or os.PathLike
        The directory, relative to the workspace and written with `/`.

    Returns
    -------
    Guardrail
        For `pre` or `post` of a `WorkspaceSpec`.

    Raises
    ------
    TaskDefinitionError
        The path is empty, absolute, or contains `..`, a backslash or a drive.

    Examples
    --------
    >>> import perago
    >>> spec = perago.WorkspaceSpec(pre=[perago.require_dir("raw")])
    """
    return Guardrail("require_dir", _checked("require_dir", path))


def require_glob(
    pattern: StrPath, *, min_count: int = DEFAULT_REQUIRE_GLOB_MIN_COUNT, max_count: int | None = None
) -> Guardrail:
    """Demand a number of files that match a pattern.

    Parameters
    ----------
    pattern : str or os.PathLike
        A pattern as `pathlib.Path.glob` takes it, relative to the workspace; `**` stands for any folders.
    min_count : int
        The least number of files; directories and the attempt's marker are not counted.
    max_count : int, optional
        The greatest number of files; any number, if it is left out.

    Returns
    -------
    Guardrail
        For `pre` or `post` of a `WorkspaceSpec`.

    Raises
    ------
    TaskDefinitionError
        The pattern is not one of the workspace, or the counts contradict each other.

    Examples
    --------
    >>> import perago
    >>> spec = perago.WorkspaceSpec(pre=[perago.require_glob("raw/**/*.csv", min_count=1, max_count=500)])
    """
    _check_counts(min_count, max_count)
    return Guardrail("require_glob", _checked("require_glob", pattern), min_count, max_count)


def forbid_glob(pattern: StrPath) -> Guardrail:
    """Forbid every file and directory that matches a pattern.

    Parameters
    ----------
    pattern : str or os.PathLike
        A pattern as `pathlib.Path.glob` takes it, relative to the workspace; the attempt's marker never matches.

    Returns
    -------
    Guardrail
        For `pre` or `post` of a `WorkspaceSpec`.

    Raises
    ------
    TaskDefinitionError
        The pattern is not one of the workspace.

    Examples
    --------
    >>> import perago
    >>> spec = perago.WorkspaceSpec(post=[perago.forbid_glob("**/*.tmp")])
    """
    return Guardrail("forbid_glob", _checked("forbid_glob", pattern))


def check_guardrails(root: StrPath, guardrails: Iterable[Guardrail], phase: Phase) -> None:
    """Check the guardrails of one phase in a workspace.

    Parameters
    ----------
    root : str or os.PathLike
        The workspace.
    guardrails : iterable of guardrails
        What `require_file`, `require_dir`, `require_glob` and `forbid_glob` returned.
    phase : {"pre", "post"}
        Before the body, or after it.

    Raises
    ------
    PreGuardrailViolation, PostGuardrailViolation
        Some guardrail does not hold; the message names each of them, with its path and what was found.

    Examples
    --------
    >>> import tempfile
    >>> import perago
    >>> with tempfile.TemporaryDirectory() as workspace:
    ...     perago.check_guardrails(workspace, [perago.require_file("a.csv")], "pre")
    Traceback (most recent call last):
    perago.errors.PreGuardrailViolation: pre guardrail: require_file: 'a.csv' is not a file
    """
    violations = [violation for guardrail in guardrails if (violation := guardrail.violation(Path(root)))]
    if not violations:
        return
    error: type[GuardrailViolation] = PreGuardrailViolation if phase == "pre" else PostGuardrailViolation
    raise error(f"{phase} guardrail: {'; '.join(violations)}")
