"""What pip-audit says is report as it is: nothing that could not be looked at counts as looked at."""

import json

import pytest

from perago_dev.artifacts.audit import report
from perago_dev.errors import EnvironmentProblem

CLEAN = {"name": "idna", "version": "3.20", "vulns": []}
FOUND = {"name": "yarl", "version": "1.25.1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.26"], "aliases": []}]}
UNKNOWN = {"name": "attrs", "skip_reason": "Dependency not found"}


def test_nothing_known_is_good() -> None:
    """With the number of distributions that were looked at."""
    assert report(json.dumps({"dependencies": [CLEAN]}), "") == "no known vulnerability in 1 distributions"


def test_a_known_vulnerability_stops_the_release() -> None:
    """With what it is in, and the version that has it no more."""
    with pytest.raises(EnvironmentProblem, match=r"yarl 1[.]25[.]1: PYSEC-1, fixed in 1[.]26"):
        report(json.dumps({"dependencies": [CLEAN, FOUND, UNKNOWN]}), "")


def test_what_could_not_be_asked_is_not_audited() -> None:
    """With pip-audit's last word."""
    assert report("", "WARNING: slow\nERROR: no route to host\n").startswith("NOT AUDITED")
    assert report("", "WARNING: slow\nERROR: no route to host\n").endswith("ERROR: no route to host")


def test_a_part_that_could_not_be_asked_is_not_audited() -> None:
    """However good the rest is."""
    said = report(json.dumps({"dependencies": [CLEAN, UNKNOWN]}), "")
    assert said.startswith("NOT AUDITED")
    assert "1 of 2 distributions: attrs (Dependency not found)" in said
