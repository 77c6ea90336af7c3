"""The archive of control-plane images: an OCI layout whose digests hold."""

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from perago_dev.cluster import oci
from perago_dev.cluster.oci import Program


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Name and content of every member of an archive with two images, of which one has the tools of kube-proxy."""
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    monkeypatch.setattr(oci, "nft_tar", lambda rootfs: oci.layer_tar([("usr/sbin/nft", tmp_path / "program")]))
    (tmp_path / "program").write_bytes(b"program")
    plain = Program("registry.k8s.io/etcd:3", tmp_path / "program", "usr/local/bin/etcd", "etcd")
    proxy = Program("registry.k8s.io/kube-proxy:v1", tmp_path / "program", "usr/local/bin/proxy", "proxy", nft=True)
    oci.write_archive([plain, proxy], tmp_path, tmp_path / "out.tar")
    with tarfile.open(tmp_path / "out.tar") as tar:
        members = {member.name: tar.extractfile(member) for member in tar}
        return {name: file.read() for name, file in members.items() if file}


def manifests(archive: dict[str, bytes]) -> list[dict[str, Any]]:
    """The manifests in the order of the index."""
    index = json.loads(archive["index.json"])
    return [json.loads(blob(archive, entry)) for entry in index["manifests"]]


def blob(archive: dict[str, bytes], descriptor: dict[str, Any]) -> bytes:
    """The content that a descriptor points at."""
    return archive[f"blobs/sha256/{descriptor['digest'].removeprefix('sha256:')}"]


def test_every_blob_is_what_its_name_says(archive: dict[str, bytes]) -> None:
    """The name of a blob is the digest of its content."""
    blobs = {name: content for name, content in archive.items() if name.startswith("blobs/")}
    assert all(name.endswith(hashlib.sha256(content).hexdigest()) for name, content in blobs.items())


def test_images_carry_the_names_that_kubeadm_asks_for(archive: dict[str, bytes]) -> None:
    """containerd takes the full name from an annotation."""
    entries = json.loads(archive["index.json"])["manifests"]
    names = [entry["annotations"]["io.containerd.image.name"] for entry in entries]
    assert names == ["registry.k8s.io/etcd:3", "registry.k8s.io/kube-proxy:v1"]


def test_program_lies_where_its_entry_point_finds_it(archive: dict[str, bytes]) -> None:
    """The one layer of a plain image holds the program, executable."""
    (layer,) = manifests(archive)[0]["layers"]
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob(archive, layer)))) as tar:
        assert tar.getmember("usr/local/bin/etcd").mode == 0o755


def test_diff_ids_are_those_of_the_plain_layers(archive: dict[str, bytes]) -> None:
    """What an image's configuration says of its layers holds for them unpacked."""
    for manifest in manifests(archive):
        plain = [gzip.decompress(blob(archive, layer)) for layer in manifest["layers"]]
        said = json.loads(blob(archive, manifest["config"]))["rootfs"]["diff_ids"]
        assert said == [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in plain]


def test_only_kube_proxy_has_the_tools(archive: dict[str, bytes]) -> None:
    """nft is a layer of its own under kube-proxy's program."""
    assert [len(manifest["layers"]) for manifest in manifests(archive)] == [1, 2]


def test_images_are_for_the_machine_that_built_them(archive: dict[str, bytes]) -> None:
    """On an ARM machine neither the index nor an image's configuration says amd64."""
    entries = json.loads(archive["index.json"])["manifests"]
    configurations = [json.loads(blob(archive, manifest["config"])) for manifest in manifests(archive)]
    assert {entry["platform"]["architecture"] for entry in entries} == {"arm64"}
    assert {configuration["architecture"] for configuration in configurations} == {"arm64"}
