"""How the run of all tests is divided: what each of its workers collects and runs, beside the others.

What shares a server is one share, in order: no server is started twice. A worker imports what its own share needs, no
more. The end-to-end tests wait most of the time, so several shares of them cost little more than one.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath

ENVIRONMENT_VARIABLE = "PERAGO_SHARE"
"""Names the share that a worker collects; unset, everything that the command line names is collected."""

_E2E = ("bad_input", "crashes", "demo", "failures", "parity")
"""End-to-end modules that take as long as all others together."""
_ON_LAKEFS = ("agent", "branches", "lakefs", "objects", "races", "versions")
"""Folders of contract tests that need a lakeFS; the others share an API server."""

SHARES: dict[str, tuple[str, ...]] = {
    **{name: (f"tests/e2e/test_{name}.py",) for name in _E2E},
    "e2e": ("tests/e2e",),
    "lakefs": tuple(f"tests/contract/{folder}" for folder in _ON_LAKEFS),
    "cluster": ("tests/contract", "tests/typing"),
    "runner": ("tests/unit/perago", "tests/unit/model", "tests/unit/mutants"),
    "operator": ("tests",),
}
"""The paths of each share. A module belongs to the share with the longest path that it lies in."""


def share_of(module: str) -> str:
    """The share of a test module, which is given relative to the repository."""
    places = {place: name for name, paths in SHARES.items() for place in paths}
    return next(places[place] for place in _ways_up(module) if place in places)


def has_part_in(folder: str, share: str) -> bool:
    """Whether a folder can hold modules of the share."""
    return any(place in _ways_up(folder) or folder in _ways_up(place) for place in SHARES[share])


def _ways_up(path: str) -> Iterator[str]:
    yield path
    yield from map(str, PurePosixPath(path).parents)


def workers() -> list[str]:
    """Arguments of pytest that start a worker for each share, for `--dist each`."""
    return [f"--tx=popen//env:{ENVIRONMENT_VARIABLE}={share}" for share in SHARES]
