"""Writes an OCI archive of the control-plane images that kubeadm expects, in which each program is one layer.

It does not know podman or containerd.
"""

import gzip
import hashlib
import io
import json
import platform
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from perago_dev.host.preflight import ARCHITECTURES

CREATED = "2026-01-01T00:00:00Z"
SEARCH_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BASE_DIRS = ("etc", "tmp", "var", "run")
MERGED_DIRS = ("usr", "usr/bin", "usr/sbin", "usr/lib", "usr/lib64")
MERGED_LINKS = tuple((name, f"usr/{name}") for name in ("bin", "sbin", "lib", "lib64"))
OCI = "application/vnd.oci.image"


@dataclass(frozen=True)
class Program:
    """An image with one program at `path`; `nft` if it also needs the tools of kube-proxy."""

    reference: str
    binary: Path
    path: str
    entrypoint: str
    nft: bool = False


@dataclass(frozen=True)
class Layer:
    """A stored layer: the digest of its plain tar, and the descriptor of its compressed form."""

    diff_id: str
    descriptor: dict[str, object]


@dataclass
class Blobs:
    """The content-addressed part of an archive."""

    content: dict[str, bytes] = field(default_factory=dict)

    def put(self, data: bytes) -> dict[str, object]:
        """Store `data` and return its descriptor (without media type)."""
        digest = hashlib.sha256(data).hexdigest()
        self.content[digest] = data
        return {"digest": f"sha256:{digest}", "size": len(data)}

    def put_layer(self, raw: bytes) -> Layer:
        """Store a plain tar as a gzipped layer."""
        packed = self.put(gzip.compress(raw, compresslevel=1, mtime=0))
        descriptor = {"mediaType": f"{OCI}.layer.v1.tar+gzip", **packed}
        return Layer(f"sha256:{hashlib.sha256(raw).hexdigest()}", descriptor)


def _add(tar: tarfile.TarFile, name: str, data: bytes, mode: int) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), mode
    tar.addfile(info, io.BytesIO(data))


def _add_special(tar: tarfile.TarFile, name: str, kind: bytes, *, mode: int = 0o755, target: str = "") -> None:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname = kind, mode, target
    tar.addfile(info)


def layer_tar(
    files: Sequence[tuple[str, Path]], dirs: Sequence[str] = BASE_DIRS, links: Sequence[tuple[str, str]] = ()
) -> bytes:
    """A tar of executable files, with folders (`tmp` world-writable) and symbolic links before them."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in dirs:
            _add_special(tar, name, tarfile.DIRTYPE, mode=0o1777 if name == "tmp" else 0o755)
        for name, target in links:
            _add_special(tar, name, tarfile.SYMTYPE, target=target)
        for name, path in files:
            _add(tar, name, path.read_bytes(), 0o755)
    return buffer.getvalue()


def nft_tar(rootfs: Path) -> bytes:
    """The layer with `nft`, `conntrack`, their libraries and the protocols' names, taken from a Debian tree.

    Without the names, nft lists `tcp` as 6, and kube-proxy deletes all services when it compares them, once an hour.
    """
    tools = ["/usr/sbin/nft", "/usr/sbin/conntrack"]
    listed = subprocess.run(["chroot", str(rootfs), "ldd", *tools], capture_output=True, text=True, check=True).stdout
    libraries = {word for word in listed.split() if word.startswith("/") and not word.endswith(":")}
    files = [(_merged(name), _inside(rootfs, name)) for name in sorted({*tools, *libraries, "/etc/protocols"})]
    return layer_tar(files, (*BASE_DIRS, *MERGED_DIRS), MERGED_LINKS)


def _merged(name: str) -> str:
    return f"usr{name}" if name.startswith(("/lib", "/bin", "/sbin")) else name.removeprefix("/")


def _inside(rootfs: Path, name: str) -> Path:
    real = (rootfs / name.removeprefix("/")).resolve()
    return real if real.is_relative_to(rootfs.resolve()) else rootfs / str(real).removeprefix("/")


def architecture(machine: str) -> str:
    """What OCI calls a machine of this `uname -m`; the programs in the images are built for the machine they run on."""
    return ARCHITECTURES[machine]


def _image(blobs: Blobs, program: Program, shared: Layer) -> dict[str, object]:
    layers = [shared] if program.nft else []
    layers.append(blobs.put_layer(layer_tar([(program.path, program.binary)])))
    built_for = {"architecture": architecture(platform.machine()), "os": "linux"}
    config = {
        **built_for,
        "created": CREATED,
        "config": {"Env": [SEARCH_PATH], "Entrypoint": [program.entrypoint]},
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "config": {"mediaType": f"{OCI}.config.v1+json", **blobs.put(json.dumps(config).encode())},
        "layers": [layer.descriptor for layer in layers],
    }
    names = {
        "io.containerd.image.name": program.reference,
        "org.opencontainers.image.ref.name": program.reference.rsplit(":", 1)[1],
    }
    stored = blobs.put(json.dumps(manifest).encode())
    return {"mediaType": f"{OCI}.manifest.v1+json", **stored, "platform": built_for, "annotations": names}


def write_archive(programs: Sequence[Program], rootfs: Path, out: Path) -> None:
    """Write the archive of all programs' images to `out`; `rootfs` is a Debian tree with nft, conntrack and netbase."""
    blobs = Blobs()
    shared = blobs.put_layer(nft_tar(rootfs))
    index = {"schemaVersion": 2, "manifests": [_image(blobs, program, shared) for program in programs]}
    with tarfile.open(out, "w") as tar:
        _add(tar, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}', 0o644)
        _add(tar, "index.json", json.dumps(index).encode(), 0o644)
        for digest, data in blobs.content.items():
            _add(tar, f"blobs/sha256/{digest}", data, 0o644)
