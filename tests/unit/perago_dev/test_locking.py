"""What the product's images are installed from is complete, and the same as what is tested."""

import re
from collections.abc import Iterator
from importlib import metadata

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from perago_dev.locking import CONSTRAINTS, LOCKS, lines, requirements
from perago_dev.source import REPOSITORY

WANTED = requirements((REPOSITORY / "pyproject.toml").read_text())
each_lock = pytest.mark.parametrize("name", WANTED)


def locked(name: str) -> dict[str, str]:
    """The versions of a lock, by distribution."""
    return dict(re.findall(r"^(\S+)==(\S+) \\$", (LOCKS / f"{name}.txt").read_text(), re.MULTILINE))


def needed(requirement: Requirement, seen: set[str]) -> Iterator[str]:
    """The names of a distribution and of all that it needs, as they are installed here."""
    if (name := canonicalize_name(requirement.name)) in seen:
        return
    seen.add(name)
    yield name
    for text in metadata.requires(name) or ():
        inner = Requirement(text)
        if _holds(inner.marker, requirement.extras):
            yield from needed(inner, seen)


def _holds(marker: Marker | None, extras: set[str]) -> bool:
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or {""})


@each_lock
def test_all_that_is_installed_is_locked(name: str) -> None:
    """With what it needs in turn, at the versions that the tests run with."""
    seen = set[str]()
    names = {distribution for text in WANTED[name] for distribution in needed(Requirement(text), seen)}
    tested = dict(row.split("==") for row in CONSTRAINTS.read_text().split())
    assert names <= locked(name).keys(), "run `make lock`"
    assert locked(name) == {distribution: tested[distribution] for distribution in locked(name)}, "run `make lock`"


@each_lock
def test_every_pin_has_a_hash(name: str) -> None:
    """Otherwise pip would refuse to install any of them."""
    entries = re.split(r"\n(?=\S)", (LOCKS / f"{name}.txt").read_text().rstrip())[1:]
    assert len(entries) == len(locked(name))
    assert all(re.fullmatch(r"\S+==\S+( \\\n    --hash=sha256:[0-9a-f]{64})+", entry) for entry in entries)


def test_hashes_of_all_platforms_are_gathered() -> None:
    """Each once, in an order that does not depend on the index."""

    def report(*items: tuple[str, str, str]) -> dict[str, object]:
        install = [
            {
                "metadata": {"name": name, "version": version},
                "download_info": {"archive_info": {"hashes": {"sha256": sha}}},
            }
            for name, version, sha in items
        ]
        return {"install": install}

    found = lines([report(("PyYAML", "6", "b"), ("kopf", "1", "k")), report(("PyYAML", "6", "a"), ("kopf", "1", "k"))])
    assert found == ["kopf==1 \\\n    --hash=sha256:k", "pyyaml==6 \\\n    --hash=sha256:a \\\n    --hash=sha256:b"]
