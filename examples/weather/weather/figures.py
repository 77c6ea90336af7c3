"""Monthly and yearly figures from daily observations, as plain functions without tasks or workspace paths."""

import csv
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class Day:
    """One day: rain and snow in mm, temperatures in °C, and the kind of weather."""

    year: int
    month: int
    day: int
    precipitation: float
    temp_max: float
    temp_min: float
    weather: str


@dataclass(frozen=True)
class Figures:
    """The figures of a month or a year; `month` is 0 for a whole year."""

    year: int
    month: int
    days: int
    wet_days: int
    precipitation_mm: float
    mean_max: float
    mean_min: float
    warmest: float
    coldest: float


def read_days(table: Path) -> list[Day]:
    """The days of a CSV file with the columns `date` (Y/M/D), `precipitation`, `temp_max`, `temp_min`, `weather`."""
    with table.open(newline="", encoding="utf-8") as lines:
        return [_day(row) for row in csv.DictReader(lines)]


def _day(row: dict[str, str]) -> Day:
    year, month, day = (int(part) for part in row["date"].split("/"))
    precipitation, high, low = (float(row[key]) for key in ("precipitation", "temp_max", "temp_min"))
    return Day(year, month, day, precipitation, high, low, row["weather"])


def monthly(days: Iterable[Day]) -> list[Figures]:
    """One row per month, in chronological order."""
    groups: dict[tuple[int, int], list[Day]] = defaultdict(list)
    for day in days:
        groups[day.year, day.month].append(day)
    return [_figures(year, month, groups[year, month]) for year, month in sorted(groups)]


def yearly(days: Iterable[Day]) -> list[Figures]:
    """One row per year, in chronological order."""
    groups: dict[int, list[Day]] = defaultdict(list)
    for day in days:
        groups[day.year].append(day)
    return [_figures(year, 0, groups[year]) for year in sorted(groups)]


def _figures(year: int, month: int, days: Sequence[Day]) -> Figures:
    return Figures(
        year=year,
        month=month,
        days=len(days),
        wet_days=sum(day.precipitation > 0 for day in days),
        precipitation_mm=round(sum(day.precipitation for day in days), 1),
        mean_max=round(sum(day.temp_max for day in days) / len(days), 1),
        mean_min=round(sum(day.temp_min for day in days) / len(days), 1),
        warmest=max(day.temp_max for day in days),
        coldest=min(day.temp_min for day in days),
    )


def write_figures(rows: Sequence[Figures], table: Path) -> None:
    """Write a CSV file with one column per field of `Figures`."""
    with table.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.DictWriter(lines, [field.name for field in fields(Figures)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def read_figures(table: Path) -> list[Figures]:
    """Read what `write_figures` has written."""
    with table.open(newline="", encoding="utf-8") as lines:
        return [_read(row) for row in csv.DictReader(lines)]


def _read(row: dict[str, str]) -> Figures:
    year, month, days, wet_days = (int(row[name]) for name in ("year", "month", "days", "wet_days"))
    amounts = ("precipitation_mm", "mean_max", "mean_min", "warmest", "coldest")
    return Figures(year, month, days, wet_days, *(float(row[name]) for name in amounts))
