"""Bodies that misbehave: nothing outside the workspace is read, published or removed."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import perago
from perago.attempt import Changes
from tests.unit.perago.kit import Outcome, Params, World, make_deep, payload, run_attempt, task_of, writing

Act = Callable[[Path], object]


def after(act: Act, tmp_path: Path, world: World | None = None) -> tuple[perago.RuntimeTaskResult, World]:
    """The attempt of a body that does this to its workspace."""

    def body(workspace: Path, params: Params) -> Outcome:
        act(workspace)
        return Outcome(count=1)

    world = world or World()
    return run_attempt(task_of(body), tmp_path / "root", world), world


def recursing(workspace: Path) -> object:
    return recursing(workspace)


def hungry(_workspace: Path) -> object:
    return bytearray(1 << 62)


def filling_the_disk(_workspace: Path) -> None:
    with open("/dev/full", "wb", buffering=0) as full:
        full.write(b"x")


@pytest.mark.parametrize(
    ("act", "words"),
    [(recursing, "recursion depth"), (hungry, "MemoryError"), (filling_the_disk, "No space left on device")],
)
def test_a_body_that_uses_up_its_resources_fails(tmp_path: Path, act: Act, words: str) -> None:
    """Stack, memory and disk: what Python raises is the reason, and the directory goes."""
    result, world = after(act, tmp_path)
    assert (result.status, world.calls) == ("FAILED", ["download"])
    assert words in str(result.reason_for_incompletion)
    assert list((tmp_path / "root").iterdir()) == []


@pytest.mark.parametrize(("name", "status"), [("d", "COMPLETED"), ("deep", "FAILED")])
def test_a_tree_deeper_than_a_path_can_say_fails_and_goes(tmp_path: Path, name: str, status: str) -> None:
    """What can be named is published, what cannot is a failure; the directory is removed in both cases."""
    result, _ = after(lambda workspace: make_deep(workspace, name), tmp_path)
    assert result.status == status
    assert list((tmp_path / "root").iterdir()) == []


TERMINATED = """
import os, signal, sys
from pathlib import Path
from tests.unit.perago.kit import World, run_attempt, task_of
def body(workspace, params):
    os.kill(os.getpid(), signal.SIGTERM)
    signal.pause()
run_attempt(task_of(body), Path(sys.argv[1]), World())
"""


def test_a_termination_signal_ends_the_process(tmp_path: Path) -> None:
    """SIGTERM is the pod's business: the core makes no result of it."""
    done = subprocess.run([sys.executable, "-c", TERMINATED, str(tmp_path)], check=False, cwd=Path(__file__).parents[3])
    assert done.returncode == -signal.SIGTERM


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that is none of the body's business."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.txt").write_text("secret")
    return folder


def test_a_body_that_removes_its_workspace_fails_and_deletes_nothing(tmp_path: Path) -> None:
    """A workspace that is gone is an error, not a workspace in which everything was deleted."""
    result, world = after(shutil.rmtree, tmp_path)
    assert (result.status, world.calls) == ("FAILED", ["download"])


@pytest.mark.parametrize("kind", ["file", "dangling"])
def test_whatever_takes_the_workspaces_place_is_removed(tmp_path: Path, kind: str) -> None:
    """A file, or a link to nowhere, where the directory was."""

    def replace(workspace: Path) -> None:
        shutil.rmtree(workspace)
        if kind == "file":
            workspace.write_text("a file")
        else:
            workspace.symlink_to(tmp_path / "nowhere")

    result, _ = after(replace, tmp_path)
    assert (result.status, list((tmp_path / "root").iterdir())) == ("FAILED", [])


def test_a_symlink_in_the_workspaces_place_is_not_followed(tmp_path: Path, outside: Path) -> None:
    """What it points to is neither published nor removed; the link itself is removed."""

    def replace(workspace: Path) -> None:
        shutil.rmtree(workspace)
        workspace.symlink_to(outside)

    result, world = after(replace, tmp_path)
    assert (result.status, world.calls) == ("FAILED", ["download"])
    assert list((tmp_path / "root").iterdir()) == []
    assert (outside / "secret.txt").read_text() == "secret"


def test_a_symlink_to_a_folder_is_one_change_and_not_what_lies_behind_it(tmp_path: Path, outside: Path) -> None:
    """The link is the change; its target is not walked, and survives the clean-up."""
    result, world = after(lambda workspace: (workspace / "door").symlink_to(outside), tmp_path)
    assert (result.status, world.changes) == ("COMPLETED", Changes(added=("door",)))
    assert (outside / "secret.txt").exists()


def test_a_hard_link_into_the_workspace_is_an_ordinary_file(tmp_path: Path, outside: Path) -> None:
    """It is content like any other, and removing the workspace leaves its other name alone."""
    _, world = after(lambda workspace: os.link(outside / "secret.txt", workspace / "copy"), tmp_path)
    assert world.changes == Changes(added=("copy",))
    assert (outside / "secret.txt").exists()


def test_a_file_swapped_for_a_folder_of_its_name_is_a_deletion_and_an_addition(tmp_path: Path) -> None:
    """The old path goes, the new one comes, in one publication."""

    def swap(workspace: Path) -> None:
        (workspace / "in.txt").unlink()
        (workspace / "in.txt").mkdir()
        (workspace / "in.txt" / "deep").touch()

    _, world = after(swap, tmp_path)
    assert world.changes == Changes(added=("in.txt/deep",), deleted=("in.txt",))


def test_a_folder_swapped_for_a_file_of_its_name_is_a_deletion_and_an_addition(tmp_path: Path) -> None:
    """The reverse."""

    def swap(workspace: Path) -> None:
        shutil.rmtree(workspace / "folder")
        (workspace / "folder").touch()

    _, world = after(swap, tmp_path, World(files={"folder/a": "1", "folder/b/c": "2"}))
    assert world.changes == Changes(added=("folder",), deleted=("folder/a", "folder/b/c"))


@pytest.mark.parametrize("with_manifest", [True, False])
def test_a_rewrite_that_hides_its_traces_is_seen(tmp_path: Path, with_manifest: bool) -> None:
    """Same size, times put back, written through a mapping or a descriptor: the content is compared."""

    def rewrite(workspace: Path) -> None:
        times = (workspace / "in.txt").stat()
        with open(workspace / "in.txt", "r+b", buffering=0) as file:
            file.write(b"OLD")
        os.utime(workspace / "in.txt", ns=(times.st_atime_ns, times.st_mtime_ns))

    _, world = after(rewrite, tmp_path, World(with_manifest=with_manifest))
    assert world.changes == Changes(modified=("in.txt",))


@pytest.mark.parametrize("relative", [True, False])
def test_a_body_that_changes_the_working_directory_is_cleaned_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, relative: bool
) -> None:
    """Also where the workspace root was given relative to it."""
    monkeypatch.chdir(tmp_path)

    def body(workspace: Path, params: Params) -> Outcome:
        os.chdir("/")
        return writing(workspace, params)

    world = World()
    result = run_attempt(task_of(body), Path("root") if relative else tmp_path / "root", world)
    assert (result.status, world.changes) == ("COMPLETED", Changes(added=("out.txt",)))
    assert list((tmp_path / "root").iterdir()) == []


def test_attempts_side_by_side_do_not_meet(tmp_path: Path) -> None:
    """Eight attempts in one root each publish their own change and leave nothing."""
    worlds = [World(files={"in.txt": str(number)}) for number in range(8)]

    def body(workspace: Path, params: Params) -> Outcome:
        (workspace / f"out-{params.count}").write_text("x")
        return Outcome(count=params.count)

    def run(number: int) -> None:
        run_attempt(task_of(body), tmp_path, worlds[number], payload(count=number))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [world.changes for world in worlds] == [Changes(added=(f"out-{number}",)) for number in range(8)]
    assert list(tmp_path.iterdir()) == []
