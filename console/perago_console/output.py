"""How answers are printed: tables and pages for people, JSON, YAML and names for programs.

Standard output carries the answer, standard error remarks. Colours are used on a terminal only, and not where NO_COLOR
is set; control characters of what a task has written never reach the terminal.
"""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Final

from perago.cli.output import printable, say, tell
from perago_console.core.objects import Raw
from perago_console.core.page import Line, Page, Section, Tone
from perago_console.core.rows import Row

_STYLES: Final = {
    Tone.GOOD: "green",
    Tone.BAD: "red",
    Tone.WAITS: "yellow",
    Tone.WORKS: "cyan",
    Tone.QUIET: "dim",
    Tone.PLAIN: "",
}
_INDENT: Final = "  "
UNLIMITED: Final = 10_000


class Output:
    """One terminal, pipe or file."""

    def __init__(self, *, width: int | None = None) -> None:
        from rich.console import Console

        piped = not sys.stdout.isatty()
        plain = piped or bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
        self.coloured = not plain
        self._console = Console(
            force_terminal=self.coloured,
            no_color=plain,
            color_system="standard" if self.coloured else None,
            highlight=False,
            markup=False,
            emoji=False,
            width=width or (UNLIMITED if piped else None),
            soft_wrap=False,
        )

    def table(self, headings: Sequence[str], rows: Iterable[Row], coloured: str = "STATE") -> None:
        """A table as kubectl prints it, with the column of the state in the row's tone."""
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), show_edge=False, header_style="bold")
        for heading in headings:
            table.add_column(heading, no_wrap=True, overflow="ellipsis" if heading == "WHY" else "fold")
        for row in rows:
            named = zip(headings, row.cells, strict=True)
            table.add_row(
                *(Text(printable(cell), style=_STYLES[row.tone] if name == coloured else "") for name, cell in named)
            )
        self._print(table)

    def afresh(self) -> None:
        """Before an answer in the place of the last one: empty the terminal, or leave a line blank elsewhere."""
        if self._console.is_terminal:
            self._console.clear()
        else:
            say("")

    def row(self, headings: Sequence[str], row: Row, widths: Sequence[int], coloured: str = "STATE") -> None:
        """One line of a table whose widths are known."""
        from rich.text import Text

        line = Text()
        for name, cell, width in zip(headings, row.cells, widths, strict=True):
            line.append(printable(cell).ljust(width) + "   ", style=_STYLES[row.tone] if name == coloured else "")
        line.rstrip()
        self._print(line)

    def page(self, page: Page) -> None:
        """Sections, with a blank line between them; of the first, the heading stands for itself."""
        first, *others = page
        for section in (first, *(section for section in others if section.lines)):
            if section is not first:
                self._print("")
            self._section(section)

    def objects(self, objects: Sequence[Raw] | Raw, form: str) -> None:
        """The objects as they are, in JSON or YAML; several as a List."""
        whole = (
            objects
            if not isinstance(objects, Sequence)
            else {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        )
        if form == "json":
            say(json.dumps(whole, indent=2, ensure_ascii=False))
        else:
            import yaml

            say(yaml.safe_dump(json.loads(json.dumps(whole)), sort_keys=False, allow_unicode=True).rstrip())

    def line(self, text: str) -> None:
        """One line of an answer."""
        say(printable(text))

    def remark(self, text: str) -> None:
        """A remark on standard error."""
        tell(printable(text))

    def _section(self, section: Section) -> None:
        from rich.text import Text

        if section.title:
            self._print(Text(printable(section.title), style="bold"))
        width = max((len(line.label) for line in section.lines), default=0)
        for line in section.lines:
            self._line(line, width)

    def _line(self, line: Line, width: int) -> None:
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(no_wrap=True, width=len(_INDENT) + width)
        grid.add_column(overflow="fold")
        text = "\n".join(printable(part) for part in line.text.split("\n"))
        grid.add_row(Text(_INDENT + printable(line.label), style="dim"), Text(text, style=_STYLES[line.tone]))
        self._print(grid)

    def _print(self, what: object) -> None:
        with self._console.capture() as captured:
            self._console.print(what)
        for line in captured.get().removesuffix("\n").split("\n"):
            say(line.rstrip())
