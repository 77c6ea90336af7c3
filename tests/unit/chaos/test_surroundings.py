"""A run whose witness is not there to the end is no run."""

import sys
from pathlib import Path

import pytest

from tests.chaos.stage import Stage
from tests.chaos.surroundings import witnessed, witnessing

LISTS = "print('PeragoAttempt', flush=True); print('Pod', flush=True)"


def test_a_witness_that_stays_is_ended_with_the_block() -> None:
    """In whatever order it has read the two lists."""
    with witnessing([sys.executable, "-c", f"{LISTS}; import time; time.sleep(60)"]):
        pass


def test_a_witness_that_does_not_begin_ends_the_run(stage: Stage, tmp_path: Path) -> None:
    """Without a cluster, it cannot read the first list."""
    with pytest.raises(SystemExit, match=r"the witness has listed \['', ''\]"), witnessed(stage, tmp_path):
        pytest.fail("the run has begun")


def test_a_witness_that_ends_during_the_run_is_noticed() -> None:
    """What happened after it would be passed by the auditor."""
    with (
        pytest.raises(SystemExit, match="the witness ended with 3 during the run"),
        witnessing([sys.executable, "-c", f"{LISTS}; raise SystemExit(3)"]) as witness,
    ):
        witness.wait()
