"""The programs of the cluster: their versions come from the pins."""

from perago_dev.cluster import binaries
from perago_dev.source import KIND_SOURCE


def test_version_is_the_pinned_one() -> None:
    """The version that programs report is that of the module."""
    version = binaries.kubernetes_version()
    assert f"k8s.io/kubernetes {version}" in (KIND_SOURCE / "go.mod").read_text()
    assert f"gitVersion={version}" in binaries.linker_flags(version)


def test_major_and_minor_are_stamped_apart() -> None:
    """kubeadm compares them with the control plane's."""
    flags = binaries.linker_flags("v1.34.4")
    assert "version.gitMajor=1 " in flags
    assert "version.gitMinor=34" in flags


def test_all_programs_are_pinned_by_the_module() -> None:
    """What is built but not ours is imported by tools.go, so that go.mod pins it."""
    pinned = (KIND_SOURCE / "tools.go").read_text()
    built = [package for package in (*binaries.TOOLS, *binaries.NODE, binaries.ETCD) if not package.startswith("./")]
    assert all(f'_ "{package}"' in pinned for package in built)
