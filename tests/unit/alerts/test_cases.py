"""The cases that promtool runs leave out no alert; the command itself needs a program that takes minutes to build."""

import yaml

from tests.alerts.__main__ import CASES, RULES

ALERTS = {rule["alert"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]}
TESTS = yaml.safe_load(CASES.read_text())["tests"]
EXPECTED = [expected for test in TESTS for expected in test["alert_rule_test"]]


def test_every_alert_fires_in_some_case() -> None:
    """And no other alert is expected."""
    assert {expected["alertname"] for expected in EXPECTED if expected["exp_alerts"]} == ALERTS


def test_every_alert_has_something_alike_that_is_no_reason() -> None:
    """It is silent at some time, or beside a series that it must not tell of."""
    silent = {expected["alertname"] for expected in EXPECTED if not expected["exp_alerts"]}
    among = {
        expected["alertname"]
        for test in TESTS
        for expected in test["alert_rule_test"]
        if 0 < len(expected["exp_alerts"]) < len(test["input_series"])
    }
    assert silent | among == ALERTS
