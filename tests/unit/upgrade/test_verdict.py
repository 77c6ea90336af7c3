"""What the trials of upgrades find wrong."""

from dataclasses import replace
from typing import Any

import pytest

from tests.upgrade.verdict import Ended, problems

WELL = Ended(tasks=[("COMPLETED", 0)], commits=1, published="text", wanted="text", branches=[], pods=[])


def test_an_attempt_that_ended_as_if_nothing_had_happened_is_well() -> None:
    """One task, one commit, nothing left."""
    assert problems(WELL) == []


@pytest.mark.parametrize(
    ("seen", "kinds"),
    [
        ({"tasks": [("FAILED", 0)]}, ["lost"]),
        ({"tasks": []}, ["lost", "blamed"]),
        ({"tasks": [("FAILED", 0), ("COMPLETED", 1)]}, ["blamed"]),
        ({"tasks": [("COMPLETED", 0), ("COMPLETED", 0)]}, ["blamed"]),
        ({"tasks": [("COMPLETED", 1)]}, ["blamed"]),
        ({"commits": 2}, ["doubled"]),
        ({"commits": 0}, ["lost"]),
        ({"published": "first"}, ["lost"]),
        ({"branches": ["perago-staging-a1"]}, ["leaked"]),
        ({"pods": ["a1-1"]}, ["leaked"]),
    ],
)
def test_what_is_wrong_is_told_by_kind(seen: dict[str, Any], kinds: list[str]) -> None:
    """And each with a sentence."""
    found = problems(replace(WELL, **seen))
    assert [kind for kind, _ in found] == kinds
    assert all(sentence for _, sentence in found)
