"""Text tables of the demo: what happened and how long it took, and attempts as kubectl prints them. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

GAP = "   "
UNSTABLE_COLUMNS = ("AGE",)
"""Columns that change on their own; a row that differs only in these is not printed again."""


@dataclass(frozen=True)
class Row:
    """One step of the demo."""

    step: str
    seconds: float
    outcome: str


def rendered(rows: Sequence[Row]) -> str:
    """The table with a total at its end."""
    total = Row("total", sum(row.seconds for row in rows), "")
    width = max(len(row.step) for row in [*rows, total])
    lines = [f"{row.step:<{width}}{GAP}{row.seconds:6.1f} s{GAP}{row.outcome}".rstrip() for row in [*rows, total]]
    return "\n".join([*lines[:-1], "-" * max(map(len, lines)), lines[-1]])


def cells(listing: str) -> list[dict[str, str]]:
    """The rows of what `kubectl get` prints, by column; a cell starts where its column's header does."""
    head, *lines = listing.splitlines() or [""]
    names = head.split()
    starts = [head.index(name) for name in names]
    ends = [*starts[1:], None]
    return [
        {name: line[start:end].strip() for name, start, end in zip(names, starts, ends, strict=True)} for line in lines
    ]


class Attempts:
    """Prints attempts as they change: kubectl's columns, at widths that stay the same from line to line."""

    def __init__(self, widths: Mapping[str, int]) -> None:
        """`widths` names the columns to show and how wide they are."""
        self._widths = widths
        self._shown: dict[str, dict[str, str]] = {}

    def head(self) -> str:
        """The header line."""
        return self._line({name: name for name in self._widths})

    def changes(self, listing: str) -> list[str]:
        """A line for each attempt of the listing that is new or looks different from when it was last shown."""
        changed = [row for row in cells(listing) if _stable(row) != self._shown.get(row["NAME"])]
        self._shown.update({row["NAME"]: _stable(row) for row in changed})
        return [self._line(row) for row in changed]

    def _line(self, row: Mapping[str, str]) -> str:
        return GAP.join(f"{row.get(name, ''):<{width}}" for name, width in self._widths.items()).rstrip()


def _stable(row: Mapping[str, str]) -> dict[str, str]:
    return {name: cell for name, cell in row.items() if name not in UNSTABLE_COLUMNS}


def commands(lines: Iterable[tuple[str, str]]) -> str:
    """Commands to try, each below its description."""
    return "\n".join(f"  # {what}\n  {command}" for what, command in lines)
