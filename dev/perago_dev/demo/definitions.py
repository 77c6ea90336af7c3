"""What the demo registers and applies: the example's own files, with the image and the refs of this run filled in."""

import json
from pathlib import Path

import yaml

from perago_dev.objects import Object
from perago_dev.source import REPOSITORY as SOURCE

EXAMPLE = SOURCE / "examples" / "weather"
MODULES = ("weather.summarise", "weather.report")
WORKFLOW_FILE = EXAMPLE / "conductor" / "workflow.json"
REPOSITORY = "weather"
WORKFLOW = "weather"
TITLE = "Weather in Seattle"
OBSERVATIONS = "data/seattle-weather.csv"
INPUT_FILES = frozenset({OBSERVATIONS})
REPORT_FILE = "report.md"
PICTURE = "summary/climate.png"
PUBLISHED_FILES = frozenset({"summary/monthly.csv", "summary/yearly.csv", PICTURE, REPORT_FILE})

FIGURES = {"days": 1461, "wettest_month": "2015-12", "warmest": 35.6, "coldest": -7.1}
REPORT = {"report": REPORT_FILE, "years": 4, "wettest_year": 2014}
"""What the two tasks return for the whole table, as checked with a spreadsheet."""
YEARS = (
    ("2012", "1226.0", "177", "-3.3", "34.4"),
    ("2013", "828.0", "152", "-7.1", "33.9"),
    ("2014", "1232.8", "150", "-6.0", "35.6"),
    ("2015", "1139.2", "144", "-3.8", "35.0"),
)
"""The rows of the report, checked in the same way: precipitation, wet days, coldest and warmest of each year."""
PICTURE_SIZE = (1000, 400)

BRANCH_PREFIX = "demo-"


def observations() -> bytes:
    """The weather table from the PyPI package `vega_datasets`."""
    from vega_datasets import data  # type: ignore[import-untyped]

    return Path(data.seattle_weather.filepath).read_bytes()


def workflow() -> Object:
    """Conductor's definition of the workflow."""
    definition: Object = json.loads(WORKFLOW_FILE.read_text())
    return definition


def perago_tasks(image: str) -> list[Object]:
    """The two PeragoTasks, with this image."""
    tasks = yaml.safe_load_all((EXAMPLE / "kubernetes" / "tasks.yaml").read_text())
    return [{**task, "spec": {**task["spec"], "image": image}} for task in tasks]


def attempt(branch: str, ref: str) -> Object:
    """The plain attempt, on this branch and commit."""
    text = (EXAMPLE / "kubernetes" / "attempt.yaml").read_text()
    manifest: Object = yaml.safe_load(text.replace("BRANCH", branch).replace("COMMIT", ref))
    return manifest


def workspace(branch: str, ref: str) -> Object:
    """The workspace of a workflow's or an attempt's input."""
    return {"repository": REPOSITORY, "branch": branch, "refType": "commit", "ref": ref}


def workflow_input(branch: str, ref: str) -> Object:
    """The input of one run of the workflow."""
    years = {"first_year": 2012, "last_year": 2015}
    return {"workspace": workspace(branch, ref), "years": years, "title": TITLE}


def next_branch(taken: list[str]) -> str:
    """The first of `demo-1`, `demo-2`, … after those that exist, so that a run never overwrites another one."""
    numbers = [name.removeprefix(BRANCH_PREFIX) for name in taken if name.startswith(BRANCH_PREFIX)]
    return f"{BRANCH_PREFIX}{max((int(number) for number in numbers if number.isdecimal()), default=0) + 1}"
