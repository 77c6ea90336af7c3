"""The packaged chart: with the version, and with the images by their digests; and the CRDs in one file."""

import gzip
import shutil
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from perago_dev import values_reference
from perago_dev.artifacts.plan import Release
from perago_dev.cluster import binaries
from perago_dev.host import commands

PLACES = {"operator": ("image",), "runner": ("runner", "image")}
"""Where the values name each image."""


def filled(values: str, replacements: Mapping[Sequence[str], str]) -> str:
    """The text of a `values.yaml` in which the values at these paths are replaced; all else stays as it is."""
    whole = yaml.compose(values)
    places = {path: _place(whole, path) for path in replacements}
    for path, (begin, end) in sorted(places.items(), key=lambda place: place[1], reverse=True):
        values = f"{values[:begin]}{replacements[path]}{values[end:]}"
    return values


def _place(node: yaml.Node | None, path: Sequence[str]) -> tuple[int, int]:
    if not path:
        assert isinstance(node, yaml.ScalarNode)
        return node.start_mark.index, node.end_mark.index
    assert isinstance(node, yaml.MappingNode)
    (inner,) = (value for key, value in node.value if key.value == path[0])
    return _place(inner, path[1:])


def values_for(release: Release, digests: Mapping[str, str], values: str) -> str:
    """The values of the packaged chart, from those in the repository and the digests of the images."""
    replacements: dict[Sequence[str], str] = {}
    for image, place in PLACES.items():
        replacements[(*place, "repository")] = release.repository(image)
        replacements[(*place, "digest")] = digests[image]
    return filled(values, replacements)


def package(tree: Path, release: Release, digests: Mapping[str, str], folder: Path) -> None:
    """Write the packaged chart into the folder, from the files of the commit in `tree`, which this changes."""
    chart = tree / "charts" / "perago"
    values = values_for(release, digests, (chart / "values.yaml").read_text())
    (chart / "values.yaml").write_text(values)
    (chart / "README.md").write_text(values_reference.CHART_README + values_reference.table(values))
    packed = tree / "packed"
    commands.output([str(binaries.helm()), "package", str(chart), "--destination", str(packed)])
    (archive,) = packed.iterdir()
    rewritten(archive, folder / release.chart_file(), release.commit.moment)
    shutil.rmtree(packed)


def rewritten(archive: Path, target: Path, moment: int) -> None:
    """Write a packed chart again, in the order of its names and with this time: helm writes that of the build."""
    with (
        tarfile.open(archive) as before,
        target.open("wb") as sink,
        gzip.GzipFile(filename="", mode="wb", fileobj=sink, mtime=moment) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as after,
    ):
        for member in sorted(before, key=lambda member: member.name):
            info = tarfile.TarInfo(member.name)
            info.mtime, info.size = moment, member.size
            after.addfile(info, before.extractfile(member))


def crds(tree: Path) -> str:
    """All CRDs as one file."""
    return "---\n".join(file.read_text() for file in sorted((tree / "crds").glob("*.yaml")))
