"""What is found in an image, from its layers alone."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from perago_dev.artifacts import inventory
from perago_dev.artifacts.inventory import Distribution, Package

STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc (2.36-9)
Version: 2.36-9+deb12u9
Description: a library
 with a long text

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1

Package: base-files
Status: install ok installed
Architecture: amd64
Version: 12.4
"""
COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
License: GPL-2+
 text

Files: a
License: BSD-3-clause
"""
METADATA = "Metadata-Version: 2.4\nName: Some_Thing\nVersion: 1.0\nLicense-Expression: MIT\n\nName: not a field\n"
CONFIG = {"config": {"Env": ["PATH=/bin", "PYTHON_VERSION=3.11.14"]}}


def layer(path: Path, files: Mapping[str, str]) -> Path:
    """A layer with these files, named as some builders do."""
    with tarfile.open(path, "w") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(f"./{name}")
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return path


def test_the_topmost_layer_counts(tmp_path: Path) -> None:
    """What a later layer replaces or removes is not in the image, and other files are not read."""
    site = "opt/perago/lib/python3.11/site-packages"
    lower = {f"{site}/{name}-1.dist-info/METADATA": "old" for name in ("a", "b", "c")} | {"etc/shadow": "no"}
    upper = {f"{site}/a-1.dist-info/METADATA": "new", f"{site}/.wh.b-1.dist-info": ""}
    found = inventory.texts([layer(tmp_path / "1", lower), layer(tmp_path / "2", upper)])
    assert found == {f"{site}/a-1.dist-info/METADATA": "new", f"{site}/c-1.dist-info/METADATA": "old"}


def test_an_opaque_folder_hides_what_is_below(tmp_path: Path) -> None:
    """All that lower layers have in it."""
    lower = layer(tmp_path / "1", {"opt/a-1.dist-info/METADATA": "old", "var/lib/dpkg/status": STATUS})
    assert list(inventory.texts([lower, layer(tmp_path / "2", {"opt/.wh..wh..opq": ""})])) == ["var/lib/dpkg/status"]


def test_what_is_installed_is_told() -> None:
    """Debian's packages with their sources and licences, distributions under their normalised names, and the system."""
    files = {
        "var/lib/dpkg/status": STATUS,
        "usr/share/doc/libc6/copyright": COPYRIGHT,
        "usr/lib/os-release": 'ID=debian\nVERSION_ID="12"\n',
        "opt/some_thing-1.0.dist-info/METADATA": METADATA,
    }
    found = inventory.inventory(files, CONFIG)
    assert found.packages == (
        Package("base-files", "12.4", "amd64", "base-files", ()),
        Package("libc6", "2.36-9+deb12u9", "amd64", "glibc", ("BSD-3-clause", "GPL-2+")),
    )
    assert found.distributions == (Distribution("some-thing", "1.0", "MIT"),)
    assert (found.system, found.python) == ({"ID": "debian", "VERSION_ID": "12"}, "3.11.14")


@pytest.mark.parametrize(
    ("expression", "text", "classifiers", "said"),
    [
        ("MIT", "other", [], "MIT"),
        (None, "BSD", ["License :: OSI Approved :: MIT License"], "BSD"),
        (None, "Permission is hereby\ngranted", ["License :: OSI Approved :: MIT License", "A :: B"], "MIT License"),
        (None, None, [], ""),
    ],
)
def test_a_licence_is_what_says_it_best(
    expression: str | None, text: str | None, classifiers: list[str], said: str
) -> None:
    """An expression, else a short name, else classifiers; a licence in full is none of these."""
    assert inventory.licence(expression, text, classifiers) == said
