"""`perago list`: attempts as a table, once or as they change."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perago_console.core.objects import Attempt, Raw
from perago_console.core.page import Tone
from perago_console.core.rows import LONGEST_WHY, Row, Selection, columns, ordered, row
from perago_console.ports import ATTEMPTS
from perago_console.session import Session, seen_attempt

DELETED = "Deleted"
LEAST = {"STATE": len("Downloading"), "WHY": LONGEST_WHY, "SINCE": 6, "AGE": 6}
"""Widths of columns whose cells change."""


@dataclass(frozen=True)
class ListQuery:
    """What is asked for."""

    selection: Selection
    labels: str = ""
    form: str = ""
    watch: bool = False


def execute(session: Session, asked: ListQuery) -> int:
    """Print the attempts; with `watch`, also each that changes."""
    listing = session.cluster.find(ATTEMPTS, session.namespace, labels=asked.labels)
    now = session.now()
    chosen = [attempt for attempt in map(seen_attempt, listing.items) if asked.selection.takes(attempt, now)]
    if asked.form in ("json", "yaml"):
        uids = {attempt.metadata.uid for attempt in chosen}
        session.output.objects([raw for raw in listing.items if seen_attempt(raw).metadata.uid in uids], asked.form)
        return 0
    if asked.form == "name":
        for attempt in ordered(chosen):
            session.output.line(f"{ATTEMPTS.resource}/{attempt.metadata.name}")
        return 0
    rows = [_row(session, asked, attempt) for attempt in ordered(chosen)]
    headings = columns(namespaces=session.namespace is None, wide=asked.form == "wide")
    if asked.watch:
        _follow(session, asked, headings, rows, listing.version)
    elif rows:
        session.output.table(headings, rows)
    else:
        session.output.remark(f"no attempts {session.place}" + (" are selected" if listing.items else ""))
    return 0


def _follow(session: Session, asked: ListQuery, headings: Sequence[str], rows: Sequence[Row], version: str) -> None:
    """The rows, and one more for each change that shows; no later one makes a column wider."""
    widths = [
        max(LEAST.get(column[0], 0), *map(len, column))
        for column in zip(headings, *(row.cells for row in rows), strict=True)
    ]
    for shown in (Row(tuple(headings), Tone.PLAIN), *rows):
        session.output.row(headings, shown, widths)
    last: dict[str, tuple[str, ...]] = {}
    for change in session.cluster.watch(ATTEMPTS, session.namespace, version, labels=asked.labels):
        for attempt in _of_change(change):
            shown = _row(session, asked, attempt)
            gone = change["type"] == "DELETED"
            cells = _with_state(headings, shown.cells, DELETED) if gone else shown.cells
            if asked.selection.takes(attempt, session.now()) and _without_ages(headings, cells) != last.get(
                attempt.metadata.uid
            ):
                last[attempt.metadata.uid] = _without_ages(headings, cells)
                session.output.row(headings, Row(cells, shown.tone), widths)


def _of_change(change: Raw) -> Iterator[Attempt]:
    changed = change.get("object")
    if isinstance(changed, dict) and change.get("type") != "BOOKMARK":
        yield seen_attempt(changed)


def _row(session: Session, asked: ListQuery, attempt: Attempt) -> Row:
    return row(attempt, session.now(), namespaces=session.namespace is None, wide=asked.form == "wide")


def _with_state(headings: Sequence[str], cells: Sequence[str], state: str) -> tuple[str, ...]:
    return tuple(state if name == "STATE" else cell for name, cell in zip(headings, cells, strict=True))


def _without_ages(headings: Sequence[str], cells: Sequence[str]) -> tuple[str, ...]:
    return tuple(cell for name, cell in zip(headings, cells, strict=True) if name not in ("SINCE", "AGE"))
