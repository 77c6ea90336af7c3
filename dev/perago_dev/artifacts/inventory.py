"""What is installed in an image: Debian's packages, Python's distributions, and a Python that is neither's.

It reads the layers, and runs nothing of the image, which may be for another architecture.
"""

import re
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path
from typing import Any

from perago_dev import locking

PACKAGES, SYSTEM = "var/lib/dpkg/status", "etc/os-release"
OF_INTEREST = re.compile(rf"{PACKAGES}|usr/lib/os-release|usr/share/doc/[^/]+/copyright|.+[.]dist-info/METADATA")
REMOVED = ".wh."
REMOVED_ALL = ".wh..wh..opq"


@dataclass(frozen=True)
class Distribution:
    """A distribution of Python; its licence is an SPDX expression or what its author wrote."""

    name: str
    version: str
    licence: str


@dataclass(frozen=True)
class Package:
    """A Debian package, with the source that it is built from and the licences that its copyright file names."""

    name: str
    version: str
    architecture: str
    source: str
    licences: tuple[str, ...]


@dataclass(frozen=True)
class Inventory:
    """What an image holds; `system` is as in `/etc/os-release`, and `python` the version of one built from source."""

    system: Mapping[str, str]
    packages: tuple[Package, ...]
    distributions: tuple[Distribution, ...]
    python: str


def texts(layers: Sequence[Path]) -> dict[str, str]:
    """The files that tell what is installed, as the topmost layer has them."""
    files: dict[str, str] = {}
    for layer in layers:
        with tarfile.open(layer, "r:") as tar:
            for member in tar:
                _take(tar, member, files)
    return files


def _take(tar: tarfile.TarFile, member: tarfile.TarInfo, files: dict[str, str]) -> None:
    path = Path(member.name.removeprefix("./"))
    if path.name == REMOVED_ALL:
        _forget(files, str(path.parent))
    elif path.name.startswith(REMOVED):
        _forget(files, str(path.with_name(path.name.removeprefix(REMOVED))))
    elif OF_INTEREST.fullmatch(str(path)) and (content := tar.extractfile(member)):
        files[str(path)] = content.read().decode(errors="replace")


def _forget(files: dict[str, str], gone: str) -> None:
    for name in [name for name in files if name == gone or name.startswith(f"{gone}/")]:
        del files[name]


def inventory(files: Mapping[str, str], config: Mapping[str, Any]) -> Inventory:
    """What is installed, from the texts and the configuration of an image."""
    variables = dict(entry.partition("=")[::2] for entry in config["config"].get("Env", []))
    metadata = [text for name, text in files.items() if name.endswith("/METADATA")]
    return Inventory(
        system=_system(files.get("usr/lib/os-release", "")),
        packages=tuple(_packages(files)),
        distributions=tuple(
            sorted(
                {_distribution(text) for text in metadata},
                key=lambda distribution: (distribution.name, distribution.version),
            )
        ),
        python=variables.get("PYTHON_VERSION", ""),
    )


def _system(text: str) -> dict[str, str]:
    rows = (row.partition("=") for row in text.splitlines() if "=" in row)
    return {name: value.strip('"') for name, _, value in rows}


def _distribution(metadata: str) -> Distribution:
    fields = Parser().parsestr(metadata, headersonly=True)
    name = locking.normalised(fields["Name"])
    return Distribution(
        name,
        fields["Version"],
        licence(fields.get("License-Expression"), fields.get("License"), fields.get_all("Classifier", [])),
    )


def licence(expression: str | None, text: str | None, classifiers: Iterable[str]) -> str:
    """What a distribution says of its licence, in the order of preference; a whole licence counts as nothing."""
    classified = [words.rpartition(" :: ")[2] for words in classifiers if words.startswith("License :: ")]
    short = text.strip() if text and "\n" not in text.strip() else ""
    return expression or short or " AND ".join(sorted(classified))


def _packages(files: Mapping[str, str]) -> Iterable[Package]:
    paragraphs = (Parser().parsestr(text, headersonly=True) for text in files.get(PACKAGES, "").split("\n\n"))
    for fields in sorted(
        (fields for fields in paragraphs if fields["Package"]), key=lambda fields: str(fields["Package"])
    ):
        if fields["Status"] == "install ok installed":
            name = fields["Package"]
            licences = licences_of(files.get(f"usr/share/doc/{name}/copyright", ""))
            source = (fields["Source"] or name).split()[0]
            yield Package(name, fields["Version"], fields["Architecture"], source, licences)


def licences_of(copyright_file: str) -> tuple[str, ...]:
    """The short names of licences in a copyright file of Debian's machine-readable format."""
    if not copyright_file.startswith("Format:"):
        return ()
    return tuple(sorted(set(re.findall(r"^License: *(\S.*?) *$", copyright_file, re.MULTILINE))))
