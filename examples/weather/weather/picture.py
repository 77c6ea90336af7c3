"""Draws monthly figures as a PNG file, without a display."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot

from weather.figures import Figures


def draw(months: Sequence[Figures], picture: Path) -> None:
    """Draw the range from mean daily low to mean daily high as a band over bars of precipitation, month by month."""
    figure, rain = pyplot.subplots(figsize=(10, 4), dpi=100)
    at = range(len(months))
    rain.bar(at, [month.precipitation_mm for month in months], color="#9ecae1")
    rain.set_ylabel("precipitation, mm")
    rain.set_xticks([i for i in at if months[i].month == 1], [str(row.year) for row in months if row.month == 1])
    heat = rain.twinx()
    heat.fill_between(at, [m.mean_min for m in months], [m.mean_max for m in months], color="#d94801", alpha=0.6)
    heat.set_ylabel("mean daily low to high, °C")
    figure.tight_layout()
    figure.savefig(picture, metadata={"Software": None})
    pyplot.close(figure)
