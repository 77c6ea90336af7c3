"""`python -m perago_dev.locking`: writes the files in `locks`, from which the product's images are installed.

Each pins what one image or the build needs, at the versions of `constraints.txt`, with the hash of each wheel that pip
chooses on the platforms and Python versions below. pip refuses everything else.
"""

import json
import re
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

from perago_dev.host import commands
from perago_dev.source import REPOSITORY

LOCKS = REPOSITORY / "locks"
CONSTRAINTS = REPOSITORY / "constraints.txt"
EXTRAS = ("runner", "operator")
"""Those that an image is made of."""
MACHINES = ("x86_64", "aarch64")
LIBRARIES = ("manylinux_2_17", "manylinux2014", "manylinux_2_28", "manylinux_2_34", "musllinux_1_1", "musllinux_1_2")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
HEAD = "# Written by `make lock`. Each hash is that of a wheel for Linux, of x86_64 or aarch64, with glibc or musl.\n"


def requirements(pyproject: str) -> dict[str, list[str]]:
    """What is asked for in `pyproject.toml`, by the name of the lock: `build`, and each image's extra."""
    declared = tomllib.loads(pyproject)
    project = declared["project"]
    extras = {extra: [*project["dependencies"], *project["optional-dependencies"][extra]] for extra in EXTRAS}
    return {"build": declared["build-system"]["requires"], **extras}


def normalised(name: str) -> str:
    """The name of a distribution as an index has it, however it spells its own."""
    return re.sub(r"[-_.]+", "-", name).lower()


def wheel(item: Mapping[str, Any]) -> tuple[str, str]:
    """`name==version` and the SHA-256 of what an entry in a report of pip installs."""
    pin = f"{normalised(item['metadata']['name'])}=={item['metadata']['version']}"
    return pin, item["download_info"]["archive_info"]["hashes"]["sha256"]


def lines(reports: Iterable[Mapping[str, Any]]) -> list[str]:
    """The lines of a lock, from reports of `pip install --report`."""
    hashes: dict[str, set[str]] = {}
    for pin, digest in (wheel(item) for report in reports for item in report["install"]):
        hashes.setdefault(pin, set()).add(digest)
    return [
        " \\\n".join([pin, *(f"    --hash=sha256:{digest}" for digest in sorted(hashes[pin]))])
        for pin in sorted(hashes)
    ]


def report(machine: str, family: str, python: str, wanted: Iterable[str]) -> Mapping[str, Any]:
    """What pip would install on a platform, as its own report; `wanted` may also be options of pip.

    Raises CommandFailed if pip finds no wheel for something.
    """
    platforms = (f"--platform={library}_{machine}" for library in LIBRARIES if library.startswith(family))
    choice = (*platforms, "--implementation=cp", f"--python-version={python}", "--only-binary=:all:")
    with tempfile.TemporaryDirectory() as nowhere:
        head = (sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--report=-")
        words = (*head, f"--target={nowhere}", f"--constraint={CONSTRAINTS}", *choice, *wanted)
        report: Mapping[str, Any] = json.loads(commands.output(words))
    return report


def main() -> int:
    """Ask pip for every platform, and write the files."""
    for name, wanted in requirements((REPOSITORY / "pyproject.toml").read_text()).items():
        choices = product(MACHINES, ("manylinux", "musllinux"), PYTHONS)
        every = lines(report(*choice, wanted) for choice in choices)
        (LOCKS / f"{name}.txt").write_text(HEAD + "\n".join(every) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
