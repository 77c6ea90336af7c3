"""Let the agent, another user of the same group, read what the body made. Local disk only.

A body may leave files of mode 0600 or folders of 0700, and only their owner, the task's process, can open them up.
What belongs to somebody else (the agent's own downloads) is readable already. Symlinks are left as they are: staging
refuses them.
"""

import os
import stat
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

FILE_BITS = stat.S_IRGRP
FOLDER_BITS = stat.S_IRGRP | stat.S_IXGRP


def make_group_readable(root: Path, paths: Iterable[str]) -> None:
    """Add the group's bits to these files, by workspace-relative path, and to the folders above them."""
    folders: set[str] = {""}
    for path in paths:
        for parent in reversed(PurePosixPath(path).parents):
            if (folder := "" if str(parent) == "." else str(parent)) not in folders:
                folders.add(folder)
                _add(f"{root}/{folder}", FOLDER_BITS)
        _add(f"{root}/{path}", FILE_BITS)
    _add(str(root), FOLDER_BITS)


def _add(path: str, bits: int) -> None:
    facts = os.lstat(path)
    mine = facts.st_uid == os.geteuid()
    if mine and not stat.S_ISLNK(facts.st_mode) and facts.st_mode & bits != bits:
        os.chmod(path, stat.S_IMODE(facts.st_mode) | bits)  # noqa: PTH101 - as many as there are files
