"""Lines of a log or a traceback that stand in an object: how many, how long, which characters. Pure."""

import re
from collections.abc import Iterable

MOST_LINES = 30
LONGEST_LINE = 300
MOST_BYTES = 4096
"""Of all lines of one field together: an attempt's object stays readable, and far below what etcd takes."""

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
"""Colours and cursor movements of a terminal, titles of its window."""


def last_lines(lines: Iterable[str], most: int = MOST_LINES) -> tuple[str, ...]:
    """The last lines of a text that fit, as plain text: no blank ones, no colours, no control characters.

    Of a line that was overwritten (a progress bar's), the last state counts.
    """
    kept: list[str] = []
    room = MOST_BYTES
    for line in reversed([plain for text in lines for part in text.split("\n") if (plain := _plain(part))]):
        room -= len(line.encode()) + 1
        if len(kept) == most or room < 0:
            break
        kept.append(line)
    return tuple(reversed(kept))


def _plain(line: str) -> str:
    written = _ESCAPES.sub("", line).rstrip().rpartition("\r")[2]
    text = "".join(character for character in written if character == "\t" or character.isprintable())
    return text if len(text) <= LONGEST_LINE else f"{text[: LONGEST_LINE - 1]}…"
