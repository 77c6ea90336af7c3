"""Which paths of a workspace are never published: patterns as in `.gitignore`. Pure.

The library that reads patterns is loaded only where there are any.
"""

from collections.abc import Callable, Sequence


def pattern_problem(pattern: object) -> str | None:
    """What is wrong with a pattern; None when it is one that can exclude something."""
    if not isinstance(pattern, str):
        return "is not a str"
    if not pattern.strip() or "\0" in pattern or "\n" in pattern or "\r" in pattern:
        return "is blank, or contains a NUL or a line break"
    if pattern.startswith("#"):
        return r"is a comment in .gitignore; begin it with '\#'"
    from pathspec import GitIgnoreSpec  # most declarations have no pattern

    try:
        [parsed] = GitIgnoreSpec.from_lines([pattern]).patterns
    except ValueError:
        return "is not a pattern of .gitignore"
    return "matches nothing" if parsed.include is None else None


def exclusion(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether a workspace-relative path of a file or symlink is excluded; the last pattern that matches decides."""
    if not patterns:
        return _nothing
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(patterns).match_file


def _nothing(_path: str) -> bool:
    return False
