"""The folder of the node cache: entries are whole or not there, whoever dies, and agents do not hinder each other."""

import fcntl
import os
import time
from pathlib import Path

import pytest

from perago.agent.nodecache import folder as module
from perago.agent.nodecache.folder import Folder, Incoming, used_now
from perago.agent.nodecache.room import LEAST_CHARGE
from perago.agent.nodecache.usage import Usage

NAME = "ab" + "0" * 62
OTHER = "cd" + "0" * 62


def filled(folder: Folder, name: str, content: bytes = b"content") -> Incoming:
    """A file that is being filled, and has all its bytes."""
    incoming = folder.create(name, len(content))
    assert incoming is not None
    os.write(incoming.descriptor, content)
    return incoming


def kept(folder: Folder, name: str, content: bytes = b"content") -> None:
    """An entry."""
    incoming = filled(folder, name, content)
    incoming.keep()
    incoming.close()


def content(folder: Folder, name: str) -> bytes | None:
    """What an entry holds; None where there is none."""
    descriptor = folder.open(name)
    if descriptor is None:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def test_an_entry_is_there_once_it_is_kept(tmp_path: Path) -> None:
    """Not while it is being filled, and it stays when the file is closed."""
    folder = Folder(tmp_path)
    incoming = filled(folder, NAME)
    assert content(folder, NAME) is None
    incoming.keep()
    assert content(folder, NAME) == b"content"
    incoming.close()
    assert content(folder, NAME) == b"content"
    assert list(folder.charges()) == []


def test_what_is_not_kept_goes(tmp_path: Path) -> None:
    """It is neither an entry nor left behind."""
    folder = Folder(tmp_path)
    filled(folder, NAME).close()
    assert content(folder, NAME) is None
    assert list(folder.charges()) == []


def test_agents_that_make_the_folder_at_once_share_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one finds it made when it wants to put its own there, and nothing is left of that."""
    rename = Path.rename
    made: list[Folder] = []

    def meanwhile(path: Path, target: Path) -> Path:
        monkeypatch.undo()
        made.append(Folder(tmp_path))
        kept(made[0], NAME)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", meanwhile)
    folder = Folder(tmp_path)
    assert made
    assert content(folder, NAME) == b"content"
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


def test_a_new_folder_is_known_to_be_empty(tmp_path: Path) -> None:
    """So the first objects of a node are kept at once, without a count."""
    assert Usage(Folder(tmp_path).usage).read() == 0


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing of it is left."""

    def fail(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(PermissionError):
        Folder(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_one_agent_at_a_time_fills_an_entry(tmp_path: Path) -> None:
    """Others need not write the same bytes; once it has closed the file, they may."""
    first, second = Folder(tmp_path), Folder(tmp_path)
    incoming = filled(first, NAME)
    assert second.create(NAME, 7) is None
    incoming.close()
    kept(second, NAME)
    assert content(first, NAME) == b"content"


def test_what_an_agent_that_died_was_filling_is_removed_by_the_next(tmp_path: Path) -> None:
    """And what a living one fills is not."""
    first = Folder(tmp_path)
    died, lives = filled(first, NAME), filled(first, OTHER)
    os.close(died.descriptor)
    second = Folder(tmp_path)
    assert list(second.charges()) == [LEAST_CHARGE]
    lives.keep()
    assert content(second, OTHER) == b"content"
    kept(second, NAME)


def test_a_file_that_was_taken_for_left_behind_is_not_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between making a file and locking it, its agent seems to have died."""
    folder = Folder(tmp_path)
    taken: list[int] = []

    def locked(descriptor: int) -> bool:
        if not taken:
            taken.append(descriptor)
            Folder(tmp_path)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return True

    monkeypatch.setattr(module, "locked", locked)
    assert folder.create(NAME, 7) is None
    assert folder.create(NAME, 7) is not None


def test_files_and_folders_are_for_the_agents_user_alone(tmp_path: Path) -> None:
    """Whoever may look into the platform's folder."""
    folder = Folder(tmp_path)
    kept(folder, NAME)
    modes = {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert modes == {0o700, 0o600}


def test_entries_are_told_with_what_they_count_and_when_they_were_used(tmp_path: Path) -> None:
    """Use makes an entry younger."""
    folder = Folder(tmp_path)
    kept(folder, NAME)
    kept(folder, OTHER, b"x" * 20_000)
    for name in (NAME, OTHER):
        os.utime(entry_path(tmp_path, name), ns=(1, 1))
    descriptor = folder.open(OTHER)
    assert descriptor is not None
    used_now(descriptor)
    old, young = sorted(folder.entries())
    assert old == (1, LEAST_CHARGE, NAME)
    assert (young.charge, young.name) == (20480, OTHER)
    assert young.used_ns == folder.last_used(OTHER)
    assert young.used_ns > 1


def entry_path(root: Path, name: str) -> Path:
    """Where an entry is."""
    (path,) = root.rglob(f"{name[:2]}/{name[2:]}")
    return path


def test_an_entry_that_was_just_used_is_not_written_to(tmp_path: Path) -> None:
    """A disk has better things to do."""
    folder = Folder(tmp_path)
    kept(folder, NAME)
    before = time.time_ns() - 10_000_000_000
    os.utime(entry_path(tmp_path, NAME), ns=(before, before))
    descriptor = folder.open(NAME)
    assert descriptor is not None
    used_now(descriptor)
    assert folder.last_used(NAME) == before


def test_removing_says_whose_removal_it_was(tmp_path: Path) -> None:
    """So that what an entry counted is given back once."""
    folder = Folder(tmp_path)
    kept(folder, NAME)
    assert [folder.remove(NAME), folder.remove(NAME)] == [True, False]
    assert folder.last_used(NAME) is None


def test_an_entry_that_is_removed_can_be_read_to_its_end(tmp_path: Path) -> None:
    """Another agent may evict it at any moment."""
    folder = Folder(tmp_path)
    kept(folder, NAME)
    descriptor = folder.open(NAME)
    assert descriptor is not None
    folder.remove(NAME)
    assert os.read(descriptor, 100) == b"content"


def test_a_link_in_the_place_of_an_entry_is_not_followed(tmp_path: Path) -> None:
    """It leads out of the cache."""
    folder = Folder(tmp_path)
    kept(folder, NAME)
    path = entry_path(tmp_path, NAME)
    path.unlink()
    path.symlink_to("/etc/passwd")
    with pytest.raises(OSError, match="symbolic links"):
        folder.open(NAME)


def test_a_file_of_others_counts_nothing(tmp_path: Path) -> None:
    """It is none of the cache's."""
    folder = Folder(tmp_path)
    (folder.usage.parent / "incoming" / "note").touch()
    assert list(folder.charges()) == [0]
