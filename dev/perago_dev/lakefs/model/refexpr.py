"""Reference expressions: `name`, `name@`, `name$`, `name~2`, `name^1`. Pure; does not know what exists."""

import re
from dataclasses import dataclass
from typing import Literal

BRANCH_NAME = re.compile(r"\w[-\w]*", re.ASCII)
_EXPRESSION = re.compile(r"(?P<base>[^~^@$]+)(?P<steps>(?:[~^]\d*)*)(?P<mode>[@$]?)")
_STEP = re.compile(r"([~^])(\d*)")

Mode = Literal["", "@", "$"]
"""For a branch: with uncommitted changes, committed only, uncommitted only."""


@dataclass(frozen=True)
class RefExpression:
    """`steps` from the commit that `base` names: ("~", n) first parents, ("^", n) the n-th parent."""

    base: str
    steps: tuple[tuple[str, int], ...]
    mode: Mode


def parse(text: str) -> RefExpression | None:
    """None when it is no reference expression."""
    match = _EXPRESSION.fullmatch(text)
    if match is None:
        return None
    steps = tuple((kind, int(count or "1")) for kind, count in _STEP.findall(match["steps"]))
    mode: Mode = "@" if match["mode"] == "@" else "$" if match["mode"] == "$" else ""
    return RefExpression(match["base"], steps, mode)
