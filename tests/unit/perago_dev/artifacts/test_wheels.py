"""The wheels that pip chooses from a lock."""

import pytest

from perago_dev.artifacts import wheels
from perago_dev.errors import EnvironmentProblem
from perago_dev.locking import LOCKS

LOCK = (
    "# written\nidna==3.20 \\\n    --hash=sha256:1\npydantic-core==2 \\\n    --hash=sha256:2 \\\n    --hash=sha256:3\n"
)
PINS = {"idna==3.20": {"1"}, "pydantic-core==2": {"2", "3"}}


def item(name: str, version: str, digest: str) -> dict[str, object]:
    """A distribution in a report of pip."""
    return {
        "metadata": {"name": name, "version": version},
        "download_info": {"archive_info": {"hashes": {"sha256": digest}}},
    }


def test_architectures_have_pythons_names() -> None:
    """Which its platforms are made of."""
    assert [wheels.machine(name) for name in ("amd64", "arm64")] == ["x86_64", "aarch64"]


def test_a_lock_is_read_as_it_is_written() -> None:
    """Each pin with all of its hashes."""
    assert wheels.pinned(LOCK) == PINS
    found = wheels.pinned((LOCKS / "operator.txt").read_text())
    assert len(found) > 20
    assert all(len(digest) == 64 for hashes in found.values() for digest in hashes)


def test_digests_are_by_the_names_under_which_distributions_are_found() -> None:
    """However a distribution spells its own."""
    found = wheels.digests({"install": [item("idna", "3.20", "1"), item("Pydantic_Core", "2", "3")]})
    assert wheels.held(PINS, found, "arm64") == {"idna": "1", "pydantic-core": "3"}


@pytest.mark.parametrize("found", [{"idna==3.20": "1"}, {"idna==3.20": "1", "pydantic-core==2": "4"}])
def test_a_wheel_that_is_not_locked_is_told(found: dict[str, str]) -> None:
    """For the architecture that lacks it: nothing could be installed there."""
    with pytest.raises(EnvironmentProblem, match="no wheel for arm64 is locked of pydantic-core==2"):
        wheels.held(PINS, found, "arm64")
