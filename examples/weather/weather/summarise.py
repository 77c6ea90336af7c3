"""Task 1: daily observations in, figures and a picture out."""

from pathlib import Path

from pydantic import BaseModel, Field

from perago import RetryPolicy, TaskControls, TaskTerminalError, TimeoutPolicy, WorkspaceSpec, require_file, task
from weather.figures import monthly, read_days, write_figures, yearly
from weather.picture import draw

OBSERVATIONS = "data/seattle-weather.csv"


class SummariseParams(BaseModel):
    """Which years to summarise."""

    first_year: int = Field(default=2012, description="First year, inclusive.")
    last_year: int = Field(default=2015, description="Last year, inclusive.")


class SummariseResult(BaseModel):
    """Figures that are easy to check by eye."""

    days: int = Field(description="Days that were read.")
    wettest_month: str = Field(description="Month with the most precipitation, as YYYY-MM.")
    warmest: float = Field(description="Highest temperature, °C.")
    coldest: float = Field(description="Lowest temperature, °C.")


@task(
    name="weather_summarise",
    owner_email="examples@perago.dev",
    description="Monthly and yearly figures of daily weather observations, and a picture of them.",
    workspace=WorkspaceSpec(
        pre=[require_file(OBSERVATIONS)],
        post=[
            require_file("summary/monthly.csv"),
            require_file("summary/yearly.csv"),
            require_file("summary/climate.png"),
        ],
    ),
    controls=TaskControls(retry=RetryPolicy(delay_seconds=5), timeout=TimeoutPolicy(response_seconds=60)),
)
def summarise(workspace: Path, params: SummariseParams) -> SummariseResult:
    """Write `summary/monthly.csv`, `summary/yearly.csv` and `summary/climate.png`."""
    days = [day for day in read_days(workspace / OBSERVATIONS) if params.first_year <= day.year <= params.last_year]
    if not days:
        raise TaskTerminalError(f"{OBSERVATIONS} has no day from {params.first_year} to {params.last_year}")
    summary = workspace / "summary"
    summary.mkdir(exist_ok=True)
    months, years = monthly(days), yearly(days)
    write_figures(months, summary / "monthly.csv")
    write_figures(years, summary / "yearly.csv")
    draw(months, summary / "climate.png")
    wettest = max(months, key=lambda month: month.precipitation_mm)
    return SummariseResult(
        days=len(days),
        wettest_month=f"{wettest.year}-{wettest.month:02}",
        warmest=max(year.warmest for year in years),
        coldest=min(year.coldest for year in years),
    )
