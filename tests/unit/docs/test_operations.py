"""The page on operations lists the metrics that there are, and explains every alert; their queries can be parsed."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from perago_operator.adapters.metrics import Metrics
from perago_operator.api.reasons import Reason
from perago_operator.ports import Finished
from perago_operator.watch.counts import UNSEEN
from tests.unit.perago_operator.replica import Replica

ROOT = Path(__file__).resolve().parents[3]
FILES = ROOT / "charts" / "perago" / "files"
PAGE = (ROOT / "docs" / "operations.md").read_text()
ALERTS = [rule for group in yaml.safe_load((FILES / "alerts.yaml").read_text())["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((FILES / "dashboard.json").read_text())
SUFFIXES = ("_bucket", "_count", "_sum")


def listed() -> dict[str, set[str]]:
    """The metrics of the page's table, with their labels."""
    rows = re.findall(r"^\| `(perago_\w+)` \|([^|]*)\|", PAGE, re.MULTILINE)
    return {name: {label.strip() for label in labels.split(",") if label.strip()} for name, labels in rows}


def existing() -> dict[str, set[str]]:
    """The metrics of the code, as they are called in queries, with their labels."""
    metrics = Metrics()
    metrics.acted("a", 1.0, True)
    metrics.acted("a", 1.0, False)
    metrics.called("s", "c", "ok", 1.0)
    metrics.polled("t", 1)
    metrics.finished(Finished("n", "t", "COMPLETED", "Completed", "", {"executing": 1.0}))
    found = {gauge.name: set(gauge.labels) for gauge in Replica().operator.gauges()}
    for family in text_string_to_metric_families(metrics.render().decode()):
        if family.name.startswith("perago_"):
            sample = family.samples[0]
            name = sample.name if family.type == "counter" or family.name == "perago_build" else family.name
            found[name] = set(sample.labels) - {"le"}
    return found


def test_every_metric_is_listed_with_its_labels() -> None:
    """And no other one."""
    assert listed() == existing()


def queries() -> Iterator[tuple[str, str]]:
    """All of alerts and dashboard, by what they belong to."""
    for alert in ALERTS:
        yield alert["alert"], alert["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"].replace('"$namespace"', '".*"').replace('"$task"', '".*"')


def selectors(expression: Any) -> Iterator[Any]:
    """The vector selectors of a parsed query."""
    if isinstance(expression, promql_parser.VectorSelector):
        yield expression
    for part in ("lhs", "rhs", "expr", "vector_selector"):
        if (inner := getattr(expression, part, None)) is not None:
            yield from selectors(inner)
    for argument in getattr(expression, "args", None) or ():
        yield from selectors(argument)


@pytest.mark.parametrize(("name", "query"), list(queries()), ids=lambda value: value if value[:1].isupper() else "")
def test_queries_name_what_exists(name: str, query: str) -> None:
    """Each can be parsed, and each metric and each label in it is one of the operator's."""
    known = existing() | {"process_resident_memory_bytes": set()}
    found = list(selectors(promql_parser.parse(query)))
    assert found
    for selector in found:
        metric = next(
            (selector.name.removesuffix(end) for end in SUFFIXES if selector.name.endswith(end)), selector.name
        )
        labels = {matcher.name for matcher in selector.matchers.matchers}
        assert metric in known
        assert labels <= known[metric]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_every_alert_is_explained(alert: dict[str, Any]) -> None:
    """Under a heading of its name, to which its link leads; with a summary, a description and a severity."""
    assert f"\n### {alert['alert']}\n" in PAGE
    assert {"summary", "description"} == set(alert["annotations"])
    assert alert["labels"]["severity"] in ("critical", "warning")


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_tells_only_labels_that_its_query_keeps(alert: dict[str, Any]) -> None:
    """Others would be empty in its words."""
    words = " ".join(alert["annotations"].values())
    told = set(re.findall(r"\$labels\.(\w+)", words))
    grouped = re.findall(r"\bby \(([^)]*)\)", alert["expr"])
    named = set(re.findall(r"perago_\w+", alert["expr"]))
    metrics = existing()
    kept = (
        {label.strip() for label in grouped[0].split(",")}
        if grouped
        else set().union(*(metrics.get(name.removesuffix("_count"), set()) for name in named))
    )
    assert told <= kept


def test_no_paragraph_is_about_an_alert_that_is_gone() -> None:
    """Every heading that begins like an alert is one."""
    assert set(re.findall(r"^### (Perago\w+)$", PAGE, re.MULTILINE)) == {alert["alert"] for alert in ALERTS}


def test_alerts_name_reasons_that_there_are() -> None:
    """One that nobody gives any more would exclude nothing, and the alert would fire for what it was to leave out."""
    words = {
        word
        for rule in ALERTS
        for matcher in re.findall(r'\breason(?:=|!=|=~|!~)"([^"]*)"', rule["expr"])
        for word in matcher.split("|")
    }
    assert {"TaskIncomplete", "Paused", "MaxConcurrency"} <= words
    assert words - {reason.value for reason in Reason} == {UNSEEN}
