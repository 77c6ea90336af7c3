"""`perago describe --html`: one page for a browser, in one file, that loads nothing and runs nothing. Pure.

The same objects make the same page, however often, once an attempt is over: its page is as of its end.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Final

from perago.cli.output import printable
from perago_console.core import chart
from perago_console.core.chart import Bar
from perago_console.core.description import Surroundings, description
from perago_console.core.gantt import end, gantt
from perago_console.core.objects import Attempt
from perago_console.core.page import Line, Page, Section
from perago_console.core.times import exact_length, moment

WIDTH, LABELS, NOTES, ROW = 960, 200, 180, 22
"""Pixels: of the chart, of its labels and notes on both sides, and of one row."""

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE: Final = """
body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem; color: #1c2330; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; } td { padding: .1rem 1rem .1rem 0; vertical-align: top; }
td:first-child { color: #667; white-space: nowrap; } td:last-child { white-space: pre-wrap; overflow-wrap: anywhere; }
svg { width: 100%; height: auto; } svg text { font-size: 12px; fill: #1c2330; }
.good { color: #17663a; fill: #2f9e5f; } .bad { color: #a11c1c; fill: #cf4b4b; }
.waits { color: #8a5a00; fill: #d9a441; }
.works { color: #13557f; fill: #4a90c2; } .quiet { color: #667; fill: #b8bfca; } .plain { fill: #8892a0; }
""".strip()


def of_attempt(attempt: Attempt, around: Surroundings, now: datetime) -> str:
    """The page of one attempt: what `describe` prints, and its executions and steps as a chart."""
    at = end(attempt, now)
    page = [section for section in description(attempt, around, at) if section.title != "Parts"]
    return _document(page, chart.of_executions(attempt, around.pods, at), at)


def of_attempts(workflow: str, attempts: Sequence[Attempt], now: datetime) -> str:
    """The page of a workflow: its attempts as a chart."""
    at = max(end(attempt, now) for attempt in attempts)
    heading = gantt(workflow, attempts, at)[0].title
    return _document([Section(heading)], chart.of_attempts(attempts, at), at)


def _document(page: Page, bars: Sequence[Bar], at: datetime) -> str:
    """`at` is the moment that all of it is as of."""
    first, *others = page
    title = _text(first.title)
    parts = (
        "<!doctype html>",
        '<html lang="en">',
        f'<head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        f"<title>{title}</title><style>{_STYLE}</style></head>",
        f"<body><h1>{title}</h1><p>as of {at.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}</p>",
        *_table(first.lines),
        "<h2>Chart</h2>",
        *_chart(bars),
        *(part for section in others if section.lines for part in _section(section)),
        "</body></html>",
    )
    return "\n".join(parts) + "\n"


def _section(section: Section) -> Iterator[str]:
    yield f"<h2>{_text(section.title)}</h2>"
    yield from _table(section.lines)


def _table(lines: Sequence[Line]) -> Iterator[str]:
    if lines:
        yield "<table>"
        for line in lines:
            yield f'<tr><td>{_text(line.label)}</td><td class="{line.tone}">{_text(line.text)}</td></tr>'
        yield "</table>"


def _chart(bars: Sequence[Bar]) -> Iterator[str]:
    """The bars below each other, between the first moment and the last."""
    first, last = min(bar.begin for bar in bars), max(bar.end for bar in bars)
    span, height = max((last - first).total_seconds(), 1e-9), ROW * (len(bars) + 1)
    yield f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="executions and steps over time">'
    yield f'<text x="{LABELS}" y="14">{_text(moment(first, last))}</text>'
    yield f'<text x="{WIDTH - NOTES}" y="14" text-anchor="end">{_text(moment(last, last))}</text>'
    for number, bar in enumerate(bars, 1):
        yield from _row(bar, (bar.begin - first).total_seconds() / span, bar.seconds / span, ROW * number)
    yield "</svg>"


def _row(bar: Bar, begin: float, share: float, top: int) -> Iterator[str]:
    room = WIDTH - LABELS - NOTES
    left, width = LABELS + room * begin, max(room * share, 2.0)
    length = exact_length(bar.seconds)
    tip = _text(f"{bar.label}: {length} {bar.note}".rstrip())
    yield f'<text x="0" y="{top + 15}">{_text(_cut(bar.label))}</text>'
    shape = f'x="{left:.1f}" y="{top + 3}" width="{width:.1f}" height="{ROW - 6}" rx="2"'
    yield f'<rect class="{bar.tone}" {shape}><title>{tip}</title></rect>'
    yield f'<text x="{WIDTH - NOTES + 8}" y="{top + 15}">{_text(_cut(bar.note or length))}</text>'


def _text(text: str) -> str:
    """The text as HTML shows it; control characters, which HTML does not have, as their escapes."""
    return escape("\n".join(map(printable, text.split("\n"))))


def _cut(text: str, most: int = 26) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
