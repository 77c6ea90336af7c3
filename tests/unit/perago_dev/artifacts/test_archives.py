"""Archives of images: what a builder saved, without what depends on when it was built."""

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from perago_dev.artifacts import archives
from perago_dev.artifacts.archives import INDEX, MANIFEST, Layout, Saved
from perago_dev.errors import EnvironmentProblem

TIME, MOMENT = "2026-11-27T05:00:00Z", 1_795_755_600
BASE = b"".ljust(10_240, b"\0")
"""An empty tar: the layer of a base image."""

Json = dict[str, Any]


def layer(time: int) -> bytes:
    """The layer of a build at this time."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        info = tarfile.TarInfo("opt/file")
        info.mtime = time
        tar.addfile(info)
    return buffer.getvalue()


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def archive(path: Path, time: int, *, nested: bool = False, architecture: str = "amd64") -> Path:
    """An image on BASE as its builder saves it, `nested` in an index with a statement about the build."""
    layers = [BASE, layer(time)]
    stored = [BASE, gzip.compress(layers[1], mtime=time)]
    history = [
        {"created": "2026-01-01T00:00:00.123Z", "created_by": "base"},
        {
            "created": f"2026-11-28T00:00:{time % 60:02}.5Z",
            "created_by": f"COPY dir:{time:064x} in /opt",
            "comment": f"FROM {time}",
        },
        {"created": f"2026-11-28T00:00:{time % 60:02}.5Z", "created_by": "CMD", "empty_layer": True},
    ]
    config = json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "created": f"2026-11-28T00:00:{time % 60:02}.5Z",
            "config": {"User": "65532", "Env": ["A=b"], "OnBuild": None, "Labels": {"io.buildah.version": str(time)}},
            "rootfs": {"type": "layers", "diff_ids": [digest(data) for data in layers]},
            "history": history,
        }
    ).encode()
    manifest = json.dumps(
        {"config": {"digest": digest(config)}, "layers": [{"digest": digest(data)} for data in stored]}
    )
    inner = {
        "manifests": [{"platform": {"architecture": "unknown"}, "digest": "no"}, {"digest": digest(manifest.encode())}]
    }
    index = json.dumps(inner if not nested else {"manifests": [{"digest": digest(json.dumps(inner).encode())}]})
    files = {"index.json": index.encode()}
    blobs = [*stored, config, manifest.encode(), json.dumps(inner).encode()]
    files |= {f"blobs/sha256/{hashlib.sha256(data).hexdigest()}": data for data in blobs}
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def written(folder: Path, *parts: tuple[str, int]) -> tuple[str, dict[str, bytes]]:
    """The digest and the files of an archive with an image for architectures, each built at a time."""
    folder.mkdir()
    layout = Layout(folder / "layout")
    described = []
    for architecture, time in parts:
        raw, plain = folder / f"raw-{architecture}", folder / f"plain-{architecture}"
        raw.mkdir()
        plain.mkdir()
        source = archives.saved(archive(folder / "saved.tar", time, architecture=architecture), raw)
        image = archives.plain(source, frozenset({digest(BASE)}), plain, MOMENT)
        described.append(layout.put_image(image, {"title": "x"}, TIME))
    top = layout.put_index(described)
    layout.write(top, {"name": "x:1"}, folder / "out.tar")
    with tarfile.open(folder / "out.tar") as tar:
        members = {member.name: tar.extractfile(member) for member in tar}
        return top["digest"], {name: file.read() for name, file in members.items() if file}


def blob(files: dict[str, bytes], descriptor: Json) -> Json:
    """The document that a descriptor points at."""
    content: Json = json.loads(files[f"blobs/{descriptor['digest'].replace(':', '/')}"])
    return content


def test_two_builds_are_the_same_bytes(tmp_path: Path) -> None:
    """Whatever their builders say of times, of themselves, and of what they built from."""
    first = written(tmp_path / "1", ("amd64", MOMENT + 10))
    second = written(tmp_path / "2", ("amd64", MOMENT + 30))
    assert first == second
    assert (tmp_path / "1" / "out.tar").read_bytes() == (tmp_path / "2" / "out.tar").read_bytes()


def test_the_configuration_is_the_images_without_its_build(tmp_path: Path) -> None:
    """How to run it stays; times are the commit's at the latest, and labels are ours."""
    top, files = written(tmp_path / "1", ("amd64", MOMENT + 10))
    (manifest,) = blob(files, {"digest": top})["manifests"]
    config = blob(files, blob(files, manifest)["config"])
    assert config["config"] == {"User": "65532", "Env": ["A=b"], "Labels": {"title": "x"}}
    assert (config["created"], config["architecture"], config["os"]) == (TIME, "amd64", "linux")
    assert [step["created"] for step in config["history"]] == ["2026-01-01T00:00:00Z", TIME, TIME]
    assert [step["created_by"] for step in config["history"]] == ["base", "COPY dir in /opt", "CMD"]


def test_everything_is_what_its_descriptor_says(tmp_path: Path) -> None:
    """Names, digests and sizes of blobs, and the digests of the layers when they are unpacked."""
    top, files = written(tmp_path / "1", ("amd64", MOMENT + 10))
    blobs = {name.rpartition("/")[2]: data for name, data in files.items() if name.startswith("blobs/")}
    assert all(name == hashlib.sha256(data).hexdigest() for name, data in blobs.items())
    (manifest,) = blob(files, {"digest": top})["manifests"]
    described = [*blob(files, manifest)["layers"], blob(files, manifest)["config"], manifest]
    assert all(len(blobs[one["digest"].removeprefix("sha256:")]) == one["size"] for one in described)
    plain = [gzip.decompress(blobs[one["digest"].removeprefix("sha256:")]) for one in blob(files, manifest)["layers"]]
    config = blob(files, blob(files, manifest)["config"])
    assert config["rootfs"]["diff_ids"] == [digest(data) for data in plain]


def test_layers_of_the_base_stay_as_they_are(tmp_path: Path) -> None:
    """A node that has the base image does not pull them again."""
    (tmp_path / "raw").mkdir()
    (tmp_path / "plain").mkdir()
    source = archives.saved(archive(tmp_path / "saved.tar", MOMENT + 10), tmp_path / "raw")
    image = archives.plain(source, frozenset(source.diff_ids()), tmp_path / "plain", MOMENT)
    assert image == source


def test_one_digest_is_for_all_architectures(tmp_path: Path) -> None:
    """It is that of an index, which the archive's only entry points at."""
    top, files = written(tmp_path / "1", ("amd64", MOMENT + 10), ("arm64", MOMENT + 10))
    (entry,) = json.loads(files["index.json"])["manifests"]
    assert (entry["digest"], entry["mediaType"], entry["annotations"]) == (top, INDEX, {"name": "x:1"})
    described = blob(files, entry)["manifests"]
    assert [one["platform"] for one in described] == [
        {"architecture": "amd64", "os": "linux"},
        {"architecture": "arm64", "os": "linux"},
    ]
    assert {one["mediaType"] for one in described} == {MANIFEST}


def test_an_image_is_found_behind_an_index_of_its_own(tmp_path: Path) -> None:
    """As Docker saves it, beside statements about the build."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    nested = archives.saved(archive(tmp_path / "1.tar", MOMENT, nested=True), tmp_path / "a")
    flat = archives.saved(archive(tmp_path / "2.tar", MOMENT), tmp_path / "b")
    assert nested.config == flat.config
    assert [path.read_bytes() for path in nested.layers] == [BASE, layer(MOMENT)]


def test_an_archive_of_an_old_docker_is_refused(tmp_path: Path) -> None:
    """It has no index."""
    with tarfile.open(tmp_path / "old.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("manifest.json"))
    with pytest.raises(EnvironmentProblem, match="Docker 25"):
        archives.saved(tmp_path / "old.tar", tmp_path)


def test_an_image_without_history_has_none() -> None:
    """Builders need not tell it."""
    config = {"architecture": "arm64", "variant": "v8", "os": "linux", "config": {}, "rootfs": {"diff_ids": []}}
    made = archives.configuration(Saved(config, ()), {}, TIME)
    assert (made["history"], made["variant"]) == ([], "v8")
