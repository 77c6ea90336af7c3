"""Task 2: reads the figures that task 1 published and writes a report about them."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, Field

from perago import RetryPolicy, TaskControls, TimeoutPolicy, WorkspaceSpec, require_file, task
from weather.figures import Figures, read_figures


class ReportParams(BaseModel):
    """How the report looks."""

    title: str = Field(default="Weather in Seattle", min_length=1, description="First line of the report.")


class ReportResult(BaseModel):
    """Where the report is, and its headline figure."""

    report: str = Field(description="Path of the report in the workspace.")
    years: int = Field(description="Years that it covers.")
    wettest_year: int = Field(description="Year with the most precipitation.")


@task(
    name="weather_report",
    owner_email="examples@perago.dev",
    description="A report about the figures that weather_summarise published.",
    workspace=WorkspaceSpec(
        pre=[require_file("summary/yearly.csv"), require_file("summary/climate.png")],
        post=[require_file("report.md")],
    ),
    controls=TaskControls(retry=RetryPolicy(delay_seconds=5), timeout=TimeoutPolicy(response_seconds=60)),
)
def report(workspace: Path, params: ReportParams) -> ReportResult:
    """Write `report.md`."""
    years = read_figures(workspace / "summary" / "yearly.csv")
    (workspace / "report.md").write_text(page(params.title, years), encoding="utf-8")
    wettest = max(years, key=lambda year: year.precipitation_mm)
    return ReportResult(report="report.md", years=len(years), wettest_year=wettest.year)


def page(title: str, years: Sequence[Figures]) -> str:
    """The report as Markdown: a table with one row per year, and the picture."""
    rows = [
        f"| {year.year} | {year.precipitation_mm:.1f} | {year.wet_days} | {year.coldest:.1f} | {year.warmest:.1f} |"
        for year in years
    ]
    head = ["| year | precipitation, mm | wet days | coldest, °C | warmest, °C |", "|---|---|---|---|---|"]
    return "\n".join([f"# {title}", "", *head, *rows, "", "![Climate](summary/climate.png)", ""])
