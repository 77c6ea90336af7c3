"""The node image: it holds what kubeadm and containerd ask for, by the names they use, and no other guess."""

from pathlib import Path
from typing import Any

import pytest

from perago_dev import on_kind
from perago_dev.cluster import binaries, node_image
from perago_dev.errors import EnvironmentProblem
from perago_dev.host import debian, podman
from perago_dev.host.together import together
from perago_dev.images import base_image

LISTED = (
    "registry.example/kube-proxy:v1.99.0",
    "registry.example/coredns/coredns:v1.99.1",
    "registry.example/etcd:3.9-0",
)


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A folder as `binaries` makes it, with a kubeadm that asks for LISTED and a containerd that asks for a pause."""
    programs = {Path(package).name for package in (*binaries.TOOLS, *binaries.NODE)} | {"etcd"}
    for name in programs:
        (tmp_path / name).touch()
    lines = "\n".join(LISTED)
    (tmp_path / "kubeadm").write_text(f"#!/bin/sh\n[ \"$5\" = {binaries.kubernetes_version()} ] && echo '{lines}'\n")
    (tmp_path / "kubeadm").chmod(0o755)
    settings = tmp_path / binaries.KIND_FILES / node_image.CONTAINERD
    settings.parent.mkdir(parents=True)
    settings.write_text('[plugins."io.containerd.grpc.v1.cri"]\nsandbox_image = "registry.example/pause:9"\n')
    return tmp_path


def test_references_are_those_that_the_node_asks_for(built: Path) -> None:
    """kubeadm lists its own, for the version that is pinned; containerd's configuration names the one for pods."""
    assert node_image.references(built) == [*LISTED, "registry.example/pause:9"]


def test_each_image_holds_its_program(built: Path) -> None:
    """The program is named as the image; kube-proxy has its tools, coredns and pause lie in the root."""
    proxy, coredns, etcd, pause = node_image.programs(built, node_image.references(built))
    assert (proxy.binary, proxy.path, proxy.nft) == (built / "kube-proxy", "usr/local/bin/kube-proxy", True)
    assert (coredns.reference, coredns.path, coredns.entrypoint) == (LISTED[1], "coredns", "/coredns")
    assert (etcd.binary, etcd.entrypoint, etcd.nft) == (built / "etcd", "etcd", False)
    assert (pause.path, pause.entrypoint) == ("pause", "/pause")


def test_an_image_without_a_program_is_named_before_the_cluster_fails(built: Path) -> None:
    """A new Kubernetes may ask for more than is built."""
    with pytest.raises(EnvironmentProblem, match=r"registry.example/newcomer:1.*go\.mod"):
        node_image.programs(built, ["registry.example/newcomer:1"])


def test_debians_packages_are_renewed_on_purpose(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both images are made anew when the stamp is raised, and only then."""
    monkeypatch.setattr(podman, "has_image", lambda reference: True)
    monkeypatch.setenv("PERAGO_CACHE", str(tmp_path / "cache"))
    before = (base_image.cached(), node_image.cached(built))
    assert (base_image.cached(), node_image.cached(built)) == before
    monkeypatch.setattr(debian, "PACKAGES_OF", "bookworm 2099-01")
    after = (base_image.cached(), node_image.cached(built))
    assert all(new != old for new, old in zip(after, before, strict=True))


def test_debian_is_installed_early_only_for_an_image_that_is_not_there(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes a minute beside the programs, which an environment whose image podman has need not wait for."""
    monkeypatch.setenv("PERAGO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(podman, "has_image", lambda reference: True)
    installed: list[str] = []
    monkeypatch.setattr(debian, "bootstrap", lambda *_: installed.append("Debian"))
    parts = on_kind.Parts(lambda: built, *[_unused] * 3)
    with together() as group:
        on_kind.node_reference(group, parts)
    assert installed == []
    monkeypatch.setattr(node_image, "is_built", lambda programs: False)
    with together() as group:
        on_kind.node_reference(group, parts)
    assert installed == ["Debian"]


def _unused() -> Any:
    raise AssertionError("not asked for")


def test_the_nodes_debian_is_installed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for no program, is kept, and is installed again when the stamp is raised."""
    monkeypatch.setenv("PERAGO_CACHE", str(tmp_path / "cache"))
    installed: list[tuple[str, ...]] = []
    monkeypatch.setattr(debian, "bootstrap", lambda folder, packages, log: installed.append(tuple(packages)))
    first = node_image.debian_tree()
    assert (node_image.debian_tree(), installed) == (first, [node_image.PACKAGES])
    monkeypatch.setattr(debian, "PACKAGES_OF", "bookworm 2099-01")
    assert node_image.debian_tree() != first
    assert len(installed) == 2
