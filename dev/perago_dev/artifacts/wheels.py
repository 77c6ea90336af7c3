"""The wheels that pip chooses from a lock for an architecture: their digests tell apart what a version cannot.

The question is asked on any machine. That it has an answer shows that the lock holds for the architecture.
"""

import re
from collections.abc import Mapping
from typing import Any

from perago_dev import locking
from perago_dev.errors import EnvironmentProblem
from perago_dev.host.preflight import ARCHITECTURES

PYTHON, FAMILY = "3.11", "manylinux"
"""What the base image has: its Python, and glibc."""


def machine(architecture: str) -> str:
    """What Python calls an architecture."""
    return next(name for name, called in ARCHITECTURES.items() if called == architecture)


def chosen(lock: str, architecture: str) -> dict[str, str]:
    """The SHA-256 of the wheel of each distribution. Raises EnvironmentProblem if the lock has none of one."""
    pins = pinned(lock)
    asked = locking.report(machine(architecture), FAMILY, PYTHON, ["--no-deps", *pins])
    return held(pins, digests(asked), architecture)


def pinned(lock: str) -> dict[str, set[str]]:
    """The hashes in a lock, by `name==version`."""
    entries = (entry.split() for entry in re.split(r"\n(?=\S)", lock) if "==" in entry)
    return {entry[0]: {word.removeprefix("--hash=sha256:") for word in entry[1:] if word != "\\"} for entry in entries}


def digests(report: Mapping[str, Any]) -> dict[str, str]:
    """The SHA-256 of each wheel, by `name==version`, from a report of pip."""
    return dict(map(locking.wheel, report["install"]))


def held(pins: Mapping[str, set[str]], digests: Mapping[str, str], architecture: str) -> dict[str, str]:
    """What was found, by the names of distributions, once the lock is seen to have it all."""
    if missing := [pin for pin in pins if digests.get(pin) not in pins[pin]]:
        raise EnvironmentProblem(f"no wheel for {architecture} is locked of {', '.join(missing)}: run `make lock`")
    return {pin.partition("==")[0]: digest for pin, digest in digests.items()}
