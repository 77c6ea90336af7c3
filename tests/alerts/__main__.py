"""`python -m tests.alerts`: promtool, built from its pinned Go module, checks the alerts and runs `cases.yaml`."""

import subprocess
import sys
from pathlib import Path

import yaml

from perago_dev.servers import promtool
from perago_dev.source import REPOSITORY

RULES = REPOSITORY / "charts" / "perago" / "files" / "alerts.yaml"
CASES = Path(__file__).with_name("cases.yaml")


def main() -> int:
    """0 when every alert fires where it should, and nowhere else."""
    program = promtool.cached() / "promtool"
    for words in (("check", "rules", "--lint=all", "--lint-fatal", RULES), ("test", "rules", CASES)):
        if code := subprocess.run([program, *words]).returncode:
            return code
    tests = yaml.safe_load(CASES.read_text())["tests"]
    expected = [alert for test in tests for alert in test["alert_rule_test"]]
    fire = sum(bool(alert["exp_alerts"]) for alert in expected)
    print(
        f"alerts: {len({alert['alertname'] for alert in expected})}, fire: {fire}, stay silent: {len(expected) - fire}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
