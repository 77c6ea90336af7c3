"""The preflight: everything that a machine is missing is named, with what to do."""

from dataclasses import replace

import pytest

from perago_dev.errors import EnvironmentProblem
from perago_dev.host import preflight
from perago_dev.host.preflight import Machine, cgroup_controllers, problems

GOOD = Machine(
    system="Linux",
    processor="x86_64",
    root=True,
    apt=True,
    missing_programs=(),
    memory_mib=8000,
    disk_mib=50_000,
    file_systems=frozenset({"overlay", "ext4"}),
    cgroups=frozenset({"memory", "pids", "cpu", "freezer"}),
)


def test_good_machine_lacks_nothing() -> None:
    """A bare Linux machine as root with apt needs nothing more, whatever programs are missing."""
    assert problems(replace(GOOD, missing_programs=("podman",)), "podman") == []


@pytest.mark.parametrize(
    ("lacking", "named"),
    [
        ({"root": False}, "root"),
        ({"memory_mib": 500}, "memory: 500 MiB"),
        ({"disk_mib": 500}, "disk: 500 MiB"),
        ({"system": "Darwin"}, "this is Darwin"),
        ({"processor": "riscv64"}, "riscv64 is not supported"),
        ({"apt": False, "missing_programs": ("buildah",)}, "buildah"),
        ({"file_systems": frozenset({"ext4"})}, "CONFIG_OVERLAY_FS"),
        ({"cgroups": frozenset({"cpu"})}, "memory, pids"),
        ({"kernel_lacks": ("no bridges (CONFIG_BRIDGE)",)}, "CONFIG_BRIDGE"),
    ],
)
def test_each_lack_is_named(lacking: dict[str, object], named: str) -> None:
    """Each missing requirement is one problem, which names it."""
    (problem,) = problems(replace(GOOD, **lacking), "podman")  # type: ignore[arg-type]
    assert named in problem


def test_all_lacks_are_named_at_once() -> None:
    """A person learns of everything in one go."""
    poor = replace(GOOD, root=False, memory_mib=1, disk_mib=1, cgroups=frozenset())
    assert len(problems(poor, "podman")) == 4


def test_docker_needs_neither_root_nor_kernel_features() -> None:
    """Where Docker runs the nodes, what podman would need does not matter."""
    assert problems(replace(GOOD, root=False, cgroups=frozenset()), "docker") == []


@pytest.mark.parametrize("engine", preflight.ENGINES)
def test_macos_is_refused_by_name_whatever_runs_the_nodes(engine: str) -> None:
    """The nodes run the machine's own Java runtime, so Docker on a Mac does not help; the message says what does."""
    (problem,) = problems(replace(GOOD, system="Darwin", processor="arm64", cgroups=frozenset()), engine)
    assert "Darwin" in problem
    assert "--cluster current" in problem


def test_a_cluster_that_exists_is_used_from_any_system() -> None:
    """No node is made here, so neither the system nor the kernel matters."""
    mac = replace(GOOD, system="Darwin", processor="arm64", root=False, cgroups=frozenset())
    assert problems(mac, "docker", "current") == []


def test_arm_is_as_good_as_intel() -> None:
    """Everything is built for the machine it runs on."""
    assert problems(replace(GOOD, processor="aarch64"), "podman") == []


def test_controllers_of_both_cgroup_versions_count() -> None:
    """Version 1 lists all with a switch, version 2 lists those that are there."""
    table = "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t1\t3\t1\nmemory\t2\t1\t0\n"
    assert cgroup_controllers(table, "pids io\n") == {"cpu", "pids", "io"}


def test_unknown_engine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt choice is an error that names the choices."""
    monkeypatch.setenv("PERAGO_PROVIDER", "dokcer")
    with pytest.raises(EnvironmentProblem, match="docker or podman"):
        preflight.provider.__wrapped__()
