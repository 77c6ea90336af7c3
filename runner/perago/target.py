"""What names a task module: an import path. PURE."""

import re

_PART = r"[^\W\d]\w*"
_PATH = re.compile(rf"{_PART}(\.{_PART})*")


def is_import_path(target: str) -> bool:
    """Whether `target` is an import path such as `package.module`; the path of a file is none."""
    return _PATH.fullmatch(target) is not None and not target.endswith(".py")
