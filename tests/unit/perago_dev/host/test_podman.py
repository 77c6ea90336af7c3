"""Podman: a subnet for each environment, and what it leaves, removed when nobody is in there any more."""

from pathlib import Path

import pytest

from perago_dev.host import podman


class Groups:
    """A tree like that of cgroups: a folder without its `cgroup.procs` is an empty folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.removed: list[str] = []

    def make(self, name: str, processes: str = "") -> Path:
        place = self.root / name
        place.mkdir(parents=True)
        (place / "cgroup.procs").write_text(processes)
        return place

    def rmdir(self, place: Path) -> None:
        self.removed.append(place.relative_to(self.root).as_posix())


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Groups:
    made = Groups(tmp_path)
    monkeypatch.setattr(Path, "rmdir", lambda place: made.rmdir(place))
    return made


def test_idle_groups_go_innermost_first(groups: Groups) -> None:
    """A group can be removed when those in it are gone."""
    groups.make("parent")
    groups.make("parent/conmon")
    groups.make("parent/conmon/one")
    podman.remove_idle_cgroup(groups.root / "parent")
    assert groups.removed == ["parent/conmon/one", "parent/conmon", "parent"]


def test_groups_of_running_containers_stay_as_they_are(groups: Groups) -> None:
    """One process anywhere inside keeps all of it, empty groups included."""
    groups.make("parent")
    groups.make("parent/libpod-1")
    groups.make("parent/libpod-2", processes="42\n")
    podman.remove_idle_cgroup(groups.root / "parent")
    assert groups.removed == []


def test_subnets_of_environments_do_not_meet() -> None:
    """The first subnet that nobody has is taken."""
    assert podman.free_subnet({"10.90.7.0/24", "10.90.8.0/24", "10.90.10.0/24"}) == "10.90.9.0/24"
