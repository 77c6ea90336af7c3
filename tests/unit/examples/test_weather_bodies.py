"""The example's task bodies, called as the plain functions that they are."""

import struct
from pathlib import Path

import pytest
from weather.figures import Figures, read_days, read_figures, yearly
from weather.report import ReportParams, page, report
from weather.summarise import OBSERVATIONS, SummariseParams, summarise

from perago import TaskTerminalError
from perago.cli import main


def test_four_years_are_1461_days(workspace: Path) -> None:
    """Every day from 2012 to 2015 is there once, a leap day included."""
    days = read_days(workspace / OBSERVATIONS)
    assert len(days) == len({(day.year, day.month, day.day) for day in days}) == 1461


def test_result_of_summarise_can_be_checked_by_eye(workspace: Path) -> None:
    """The headline figures are those of the table."""
    result = summarise(workspace, SummariseParams())
    assert result.model_dump() == {"days": 1461, "wettest_month": "2015-12", "warmest": 35.6, "coldest": -7.1}


def test_summarise_writes_three_files(workspace: Path) -> None:
    """The summary folder holds the two tables and the picture, nothing else."""
    summarise(workspace, SummariseParams())
    assert sorted(path.name for path in (workspace / "summary").iterdir()) == [
        "climate.png",
        "monthly.csv",
        "yearly.csv",
    ]


def test_picture_is_a_png_of_1000_by_400(workspace: Path) -> None:
    """The picture is a real one: signature and size are read from its header."""
    summarise(workspace, SummariseParams())
    header = (workspace / "summary" / "climate.png").read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", header[16:24]) == (1000, 400)


def test_same_input_gives_the_same_bytes(workspace: Path) -> None:
    """A retry publishes what the first try would have, the picture included."""
    summarise(workspace, SummariseParams())
    first = {path.name: path.read_bytes() for path in (workspace / "summary").iterdir()}
    summarise(workspace, SummariseParams())
    assert {path.name: path.read_bytes() for path in (workspace / "summary").iterdir()} == first


def test_one_year_only(workspace: Path) -> None:
    """Parameters choose the years."""
    result = summarise(workspace, SummariseParams(first_year=2012, last_year=2012))
    assert result.days == 366
    assert [row.year for row in read_figures(workspace / "summary" / "yearly.csv")] == [2012]


def test_years_without_a_day_are_a_terminal_failure(workspace: Path) -> None:
    """The reason names the file and the years; a retry would find the same table."""
    with pytest.raises(TaskTerminalError, match=r"seattle-weather\.csv has no day from 2050 to 2051"):
        summarise(workspace, SummariseParams(first_year=2050, last_year=2051))
    assert not (workspace / "summary").exists()


def test_both_tasks_run_one_after_the_other_on_a_folder(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the example's README has it, with the command."""
    monkeypatch.chdir(workspace.parent)
    Path("input.json").write_text('{"params": {}}')
    for task in ("weather.summarise", "weather.report"):
        assert main(["run", task, "--input", "input.json", "--workspace", str(workspace), "--in-place"]) == 0
    assert (workspace / "report.md").read_text().startswith("# Weather in Seattle\n")


@pytest.mark.parametrize(
    ("year", "precipitation", "wet_days"), [(2012, 1226.0, 177), (2013, 828.0, 152), (2014, 1232.8, 150)]
)
def test_yearly_rain(workspace: Path, year: int, precipitation: float, wet_days: int) -> None:
    """Precipitation and wet days of a year, as a spreadsheet has them."""
    row = next(row for row in yearly(read_days(workspace / OBSERVATIONS)) if row.year == year)
    assert (row.precipitation_mm, row.wet_days) == (precipitation, wet_days)


def test_report_reads_what_summarise_wrote(workspace: Path) -> None:
    """The second task needs nothing but the first one's files."""
    summarise(workspace, SummariseParams())
    result = report(workspace, ReportParams(title="Rain"))
    text = (workspace / "report.md").read_text(encoding="utf-8")
    assert (result.report, result.years, result.wettest_year) == ("report.md", 4, 2014)
    assert text.startswith("# Rain\n")
    assert "| 2012 | 1226.0 | 177 | " in text


def test_page_has_a_row_for_each_year() -> None:
    """A table's row names the year and its extremes."""
    year = Figures(1999, 0, 365, 10, 12.34, 15.0, 5.0, 30.0, -3.0)
    assert "| 1999 | 12.3 | 10 | -3.0 | 30.0 |" in page("x", [year])
