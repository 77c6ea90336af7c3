"""What a command shows besides tables: sections of labelled lines, with a tone for each. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Tone(StrEnum):
    """How something is told, in colours where there are any."""

    GOOD = "good"
    BAD = "bad"
    WAITS = "waits"
    WORKS = "works"
    QUIET = "quiet"
    PLAIN = "plain"


@dataclass(frozen=True)
class Line:
    """A label and what it says; a text may have several lines."""

    label: str
    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True)
class Section:
    """Lines under a heading, which may be empty; a section without lines is not shown."""

    title: str
    lines: Sequence[Line] = ()


Page = Sequence[Section]


def lines(*candidates: Line | None) -> tuple[Line, ...]:
    """Those of the lines that say something."""
    return tuple(line for line in candidates if line is not None and line.text)


def optional(label: str, text: str | None, tone: Tone = Tone.PLAIN) -> Line | None:
    """A line for a text that there is."""
    return Line(label, text, tone) if text else None
