"""Many clients at once: nothing acknowledged is lost, merges are atomic."""

from concurrent.futures import ThreadPoolExecutor

import lakefs
from lakefs.exceptions import ConflictException, ObjectExistsException


def test_parallel_uploads_are_all_there(main: lakefs.Branch) -> None:
    """Of 64 uploads at 16 a time every one is in the next commit."""
    names = [f"f{number:02}" for number in range(64)]
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda name: main.object(name).upload(data=name.encode()), names))
    made = main.commit("all")
    assert [entry.path for entry in made.objects(prefix="f")] == names


def test_parallel_merges_of_disjoint_changes_all_land(repository: lakefs.Repository, main: lakefs.Branch) -> None:
    """Eight merges at once into one branch: each is one commit, and all changes are there."""

    def publish(number: int) -> str:
        branch = repository.branch(f"b{number}").create(base)
        branch.object(f"f{number}").upload(data=b"x")
        branch.commit("c")
        return branch.merge_into("main", squash_merge=True)

    base = main.get_commit().id
    with ThreadPoolExecutor(8) as threads:
        made = set(threads.map(publish, range(8)))
    assert {commit.id for commit in main.log(stop_at=base)} == made | {base}
    assert [entry.path for entry in main.objects(prefix="f")] == [f"f{number}" for number in range(8)]


def test_parallel_merges_of_one_path_land_once(repository: lakefs.Repository, main: lakefs.Branch) -> None:
    """Eight merges that change the same file: one passes, the others conflict."""
    branches = []
    for number in range(8):
        branches.append(repository.branch(f"b{number}").create("main"))
        branches[-1].object("base").upload(data=f"by {number}".encode())
        branches[-1].commit("c")

    def publish(branch: lakefs.Branch) -> bool:
        try:
            branch.merge_into("main", squash_merge=True)
        except ConflictException:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(publish, branches)) == [False] * 7 + [True]


def test_exclusive_creation_has_one_winner(main: lakefs.Branch) -> None:
    """Of eight `If-None-Match: *` uploads of one path at once, one succeeds."""

    def create(number: int) -> bool:
        try:
            main.object("lock").upload(data=str(number).encode(), mode="xb")
        except ObjectExistsException:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(create, range(8))) == [False] * 7 + [True]
