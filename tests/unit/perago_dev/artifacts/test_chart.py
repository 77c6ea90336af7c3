"""The packaged chart: filled in, and the same bytes whenever it is packaged."""

import gzip
import io
import tarfile
from pathlib import Path

import yaml

from perago_dev.artifacts import chart
from perago_dev.artifacts.plan import Commit, Release
from perago_dev.source import REPOSITORY

VALUES = (REPOSITORY / "charts" / "perago" / "values.yaml").read_text()
DIGESTS = {"operator": f"sha256:{'1' * 64}", "runner": f"sha256:{'2' * 64}"}
RELEASE = Release("1.2.0", Commit("c0ffee", 1, "", "", ""), "registry.example.com/perago")


def test_images_are_filled_in_by_digest() -> None:
    """Where the chart's templates read them, and nothing else is different."""
    filled, before = (yaml.safe_load(text) for text in (chart.values_for(RELEASE, DIGESTS, VALUES), VALUES))
    assert filled["image"].pop("digest") == DIGESTS["operator"]
    assert filled["runner"]["image"].pop("digest") == DIGESTS["runner"]
    assert filled["image"].pop("repository") == "registry.example.com/perago/perago-operator"
    assert filled["runner"]["image"].pop("repository") == "registry.example.com/perago/perago-runner"
    for image in (before["image"], before["runner"]["image"]):
        del image["digest"], image["repository"]
    assert filled == before


def test_comments_stay() -> None:
    """People read the values of the packaged chart as well."""
    filled = chart.values_for(RELEASE, DIGESTS, VALUES)
    changed = [old for old, new in zip(VALUES.splitlines(), filled.splitlines(), strict=True) if old != new]
    assert len(changed) == 4


def packed(path: Path, names: list[str], time: int) -> Path:
    """A chart as helm packs it at a time."""
    with tarfile.open(path, "w:gz") as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.mtime, info.size = time, len(name)
            tar.addfile(info, io.BytesIO(name.encode()))
    return path


def test_two_packages_are_the_same_bytes(tmp_path: Path) -> None:
    """helm writes the time of the build into each entry and into the header."""
    for number, names in enumerate((["perago/a", "perago/b"], ["perago/b", "perago/a"])):
        chart.rewritten(packed(tmp_path / f"{number}.in", names, 100 + number), tmp_path / f"{number}.tgz", 50)
    first, second = ((tmp_path / f"{number}.tgz").read_bytes() for number in (0, 1))
    assert first == second
    assert int.from_bytes(first[4:8], "little") == 50
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(first))) as tar:
        assert [(member.name, member.mtime, member.size) for member in tar] == [
            ("perago/a", 50, 8),
            ("perago/b", 50, 8),
        ]


def test_the_crds_are_one_file() -> None:
    """Both, as `kubectl apply` takes them."""
    names = [crd["metadata"]["name"] for crd in yaml.safe_load_all(chart.crds(REPOSITORY))]
    assert names == ["peragoattempts.perago.dev", "peragotasks.perago.dev"]
