"""Asks pip-audit for known vulnerabilities of what the images install. Its data is had over the network.

Where they cannot be had the answer says why, and it is for people to look elsewhere. It is never taken for a good one.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from perago_dev.errors import EnvironmentProblem
from perago_dev.host.commands import tail

OPTIONS = ("--format=json", "--progress-spinner=off", "--disable-pip", "--no-deps")
"""The locks name everything, so that nothing has to be resolved."""


def asked(locks: Sequence[Path]) -> str:
    """One line about what is known. Raises EnvironmentProblem if a vulnerability is."""
    files = [f"--requirement={lock}" for lock in locks]
    command = [sys.executable, "-m", "pip_audit", *OPTIONS, *files]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return report(done.stdout, done.stderr)


def report(printed: str, complaints: str) -> str:
    """The same, from what pip-audit has printed."""
    try:
        rows = json.loads(printed)["dependencies"]
    except json.JSONDecodeError:
        return f"NOT AUDITED: pip-audit could not get its data: {tail(complaints, 1)}"
    if findings := [_finding(row, vulnerability) for row in rows for vulnerability in row.get("vulns", [])]:
        advice = "raise the versions in constraints.txt, then `make lock`"
        raise EnvironmentProblem(
            "\n  - ".join([f"known vulnerabilities in what the images install ({advice}):", *findings])
        )
    unknown = [f"{row['name']} ({row['skip_reason']})" for row in rows if "skip_reason" in row]
    if unknown:
        few = f"{len(unknown)} of {len(rows)} distributions"
        return f"NOT AUDITED: pip-audit's source does not know {few}: {unknown[0]} …"
    return f"no known vulnerability in {len(rows)} distributions"


def _finding(row: dict[str, str], vulnerability: dict[str, list[str] | str]) -> str:
    fixed = ", ".join(vulnerability["fix_versions"]) or "no version"
    return f"{row['name']} {row['version']}: {vulnerability['id']}, fixed in {fixed}"
