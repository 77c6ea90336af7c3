"""Images in files: reads what a builder saved, and writes an OCI archive with one image for all architectures.

It does not know who built an image, or what is in it.
"""

import hashlib
import json
import re
import tarfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from perago_dev.artifacts import layers
from perago_dev.errors import EnvironmentProblem

Json = dict[str, Any]
OCI = "application/vnd.oci.image"
INDEX, MANIFEST, CONFIG = f"{OCI}.index.v1+json", f"{OCI}.manifest.v1+json", f"{OCI}.config.v1+json"
LAYER = f"{OCI}.layer.v1.tar+gzip"
COPIED = re.compile(r"\b(dir|file|multi):[0-9a-f]{64}")
"""How builders name what they have copied: by a digest, of the times of the files among others."""
UNKNOWN = "unknown"
"""The architecture of what builders add to an image, such as statements about how it was built."""


@dataclass(frozen=True)
class Saved:
    """An image as its builder saved it: its configuration, and its layers as plain tars, the lowest first."""

    config: Json
    layers: tuple[Path, ...]

    def diff_ids(self) -> tuple[str, ...]:
        """The digests of the layers."""
        return tuple(self.config["rootfs"]["diff_ids"])


def saved(archive: Path, folder: Path) -> Saved:
    """The image in a file of `podman save` or `docker save`, with its layers in the folder."""
    with tarfile.open(archive, "r:") as tar:
        if "index.json" not in tar.getnames():
            raise EnvironmentProblem(f"{archive} is no OCI archive: saving images as such needs Docker 25 or newer")
        manifest = _manifest(tar, json.loads(_member(tar, "index.json")))
        paths = tuple(folder / f"{number}.tar" for number in range(len(manifest["layers"])))
        for descriptor, path in zip(manifest["layers"], paths, strict=True):
            source = tar.extractfile(_blob(descriptor["digest"]))
            assert source is not None
            layers.unpacked(source, path)
        return Saved(json.loads(_member(tar, _blob(manifest["config"]["digest"]))), paths)


def _manifest(tar: tarfile.TarFile, index: Json) -> Json:
    """The manifest of the only image in an index, which may be in an index of its own."""
    described = [entry for entry in index["manifests"] if entry.get("platform", {}).get("architecture") != UNKNOWN]
    manifest: Json = json.loads(_member(tar, _blob(described[0]["digest"])))
    return _manifest(tar, manifest) if "manifests" in manifest else manifest


def _member(tar: tarfile.TarFile, name: str) -> bytes:
    source = tar.extractfile(name)
    assert source is not None
    return source.read()


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def plain(image: Saved, base: frozenset[str], folder: Path, moment: int, mounted: Collection[str] = ()) -> Saved:
    """The image with layers that do not depend on its build, in the folder; those of its base stay.

    What was mounted while it was built is left out: builders leave a place for it.
    """
    paths = []
    for number, (path, diff_id) in enumerate(zip(image.layers, image.diff_ids(), strict=True)):
        if diff_id not in base:
            layers.normalised(path, folder / f"{number}.tar", moment, left_out=mounted)
            path = folder / f"{number}.tar"
        paths.append(path)
    digests = [f"sha256:{layers.digest_of(path)}" for path in paths]
    return Saved({**image.config, "rootfs": {"type": "layers", "diff_ids": digests}}, tuple(paths))


def configuration(image: Saved, labels: Mapping[str, str], time: str) -> Json:
    """The image's configuration with these labels alone, and with no time after this one."""
    said: Json = {
        name: image.config[name] for name in ("architecture", "variant", "os", "rootfs") if name in image.config
    }
    history = [_step(step, time) for step in image.config.get("history", [])]
    config = {name: value for name, value in image.config["config"].items() if value}
    return {**said, "created": time, "config": {**config, "Labels": dict(labels)}, "history": history}


def _step(step: Json, time: str) -> Json:
    history: Json = {name: step[name] for name in ("created_by", "empty_layer") if name in step}
    if "created_by" in history:
        history["created_by"] = COPIED.sub(r"\1", history["created_by"])
    return {"created": min(f"{step.get('created', time)[:19]}Z", time), **history}


class Layout:
    """An OCI layout that is being filled, in a folder."""

    def __init__(self, folder: Path) -> None:
        """Use the folder, which must be empty."""
        self._blobs = folder / "blobs" / "sha256"
        self._blobs.mkdir(parents=True)

    def put(self, media_type: str, content: Json) -> Json:
        """Store a document; returns its descriptor."""
        data = encoded(content)
        digest = hashlib.sha256(data).hexdigest()
        (self._blobs / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    def put_layer(self, layer: Path) -> Json:
        """Store a plain tar, compressed; returns its descriptor."""
        unfinished = self._blobs / "unfinished"
        written = layers.compressed(layer, unfinished)
        unfinished.rename(self._blobs / written.digest)
        return {"mediaType": LAYER, "digest": f"sha256:{written.digest}", "size": written.size}

    def put_image(self, image: Saved, labels: Mapping[str, str], time: str) -> Json:
        """Store an image of one architecture; returns its descriptor in an index."""
        config = configuration(image, labels, time)
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.put(CONFIG, config),
            "layers": [self.put_layer(layer) for layer in image.layers],
        }
        platform = {name: config[name] for name in ("architecture", "os", "variant") if name in config}
        return {**self.put(MANIFEST, manifest), "platform": platform}

    def put_index(self, images: Sequence[Json]) -> Json:
        """Store the index of an image for several architectures; returns its descriptor, with the digest to pull."""
        return self.put(INDEX, {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(images)})

    def write(self, top: Json, names: Mapping[str, str], archive: Path) -> None:
        """Write all as an archive with one image, which has these annotations."""
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [{**top, "annotations": dict(names)}]}
        with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
            _add(tar, "oci-layout", encoded({"imageLayoutVersion": "1.0.0"}))
            _add(tar, "index.json", encoded(index))
            for blob in sorted(self._blobs.iterdir()):
                with blob.open("rb") as source:
                    info = tarfile.TarInfo(f"blobs/sha256/{blob.name}")
                    info.size = blob.stat().st_size
                    tar.addfile(info, source)


def encoded(content: Json) -> bytes:
    """A document as bytes that follow from its content."""
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, BytesIO(data))
