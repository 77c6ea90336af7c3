"""The hook that makes lakeFS itself refuse a publication from an outdated input ref: its file and its versions. PURE.

lakeFS runs the hook inside the compare-and-swap by which a merge moves a branch, so nothing can land between the
comparison and the merge. It reads hooks from the merge's *source*: a publication is fenced if the file was part of the
commit that its attempt started from.
"""

import re
from enum import StrEnum
from typing import Final

from perago.wire.metadata_keys import INPUT_REF

PATH: Final = "_lakefs_actions/perago_fence.yaml"
VERSION: Final = 1
"""Raise it with every change of `ACTION`, so that `perago lakefs install-fence` replaces what is installed."""
REFUSAL: Final = "perago fence:"
"""Begins the hook's words when it refuses a merge."""

ACTION: Final = f"""\
# perago-fence: {VERSION}
# Made by `perago lakefs install-fence`. `perago lakefs remove-fence` removes it. Do not edit it.
name: perago-fence
description: Refuses a publication of Perago unless the branch is at the commit that the attempt started from.
on:
  pre-merge:
    branches: []
hooks:
  - id: perago-fence
    type: lua
    properties:
      script: |
        local metadata = action.commit.metadata or {{}}
        local expected = metadata["{INPUT_REF}"]
        local head = (action.commit.parents or {{}})[1]
        if expected ~= nil and expected ~= head then
          error("{REFUSAL} the branch is at " .. tostring(head) .. ", not at the input ref " .. expected)
        end
"""

_VERSION_LINE = re.compile(r"# perago-fence: ([1-9][0-9]{0,8})\r?\n")


class Standing(StrEnum):
    """What the file at `PATH` is."""

    ABSENT = "absent"
    CURRENT = "current"
    OLDER = "older"
    NEWER = "newer"
    EDITED = "edited"
    FOREIGN = "foreign"

    @property
    def fences(self) -> bool:
        """Whether publications are refused by it; nobody can say so of a file that was edited."""
        return self in (Standing.CURRENT, Standing.OLDER, Standing.NEWER)


def version_of(content: str) -> int | None:
    """The version in the file's first line; None where the file is not ours."""
    line = _VERSION_LINE.match(content)
    return int(line[1]) if line else None


def standing_of(content: str | None) -> Standing:
    """What a file of this content is; None means that there is no file."""
    if content is None:
        return Standing.ABSENT
    version = version_of(content)
    if version is None:
        return Standing.FOREIGN
    if version != VERSION:
        return Standing.OLDER if version < VERSION else Standing.NEWER
    return Standing.CURRENT if content == ACTION else Standing.EDITED
