"""`perago lakefs install-fence`, `check-fence` and `remove-fence` on a real server."""

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import lakefs as lakefs_client
import pytest
from lakefs.client import Client
from lakefs.exceptions import ServerException

from perago.cli import main as perago
from perago.cli.lakefs.branches import PREFIX
from perago.fence_hook import ACTION, PATH, VERSION
from perago.wire.metadata_keys import INPUT_REF
from perago_dev.servers.lakefs import Server
from tests.faults.kinds import Fault, cut_before, lost
from tests.faults.proxy import Proxy, answered, proxied

OTHER = """\
name: other
on:
  pre-commit:
    branches: [nowhere]
hooks:
  - id: other
    type: lua
    properties:
      script: error("never")
"""
SWITCHED_OFF = ACTION.replace('error("', 'print("')
"""What a server does that runs no hooks."""

Repository = lakefs_client.Repository
Branch = lakefs_client.Branch
Command = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def proxy(lakefs: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Proxy]:
    """Stands between the command and the server."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("LAKECTL_CREDENTIALS_ACCESS_KEY_ID", lakefs.access_key)
    monkeypatch.setenv("LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY", lakefs.secret_key)
    with proxied(lakefs.endpoint) as proxy:
        monkeypatch.setenv("LAKECTL_SERVER_ENDPOINT_URL", proxy.url)
        yield proxy


@pytest.fixture
def command(
    proxy: Proxy, lakefs: Server, repository: Repository, main: Branch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    """Runs a command on the repository; its exit code and its JSON. No branch of its own may be left afterwards."""

    def run(name: str, *options: str) -> tuple[int, dict[str, Any]]:
        code = perago(["lakefs", name, repository.id, "--json", *options])
        printed = capsys.readouterr()
        assert lakefs.secret_key not in printed.out + printed.err
        return code, json.loads(printed.out)

    yield run
    assert [branch.id for branch in repository.branches(prefix=PREFIX)] == []


def message(answer: tuple[int, dict[str, Any]]) -> str:
    """What a failed command says."""
    return str(answer[1]["problems"][0]["message"])


def put(branch: Branch, path: str, text: str) -> None:
    """Upload and commit an object."""
    branch.object(path).upload(data=text.encode())
    branch.commit(path)


def contents(branch: Branch) -> dict[str, str]:
    """The hooks of a branch."""
    paths = [entry.path for entry in branch.objects(prefix="_lakefs_actions/")]
    return {path: branch.object(path).reader("rb").read().decode() for path in paths}  # type: ignore[union-attr]


def publish(repository: Repository, expected: str, name: str) -> bool:
    """Stage a file on the expected commit and merge it as the agent does; whether it passed the fence."""
    branch = repository.branch(name).create(expected)
    put(branch, name, name)
    try:
        branch.merge_into("main", squash_merge=True, metadata={INPUT_REF: expected})
    except ServerException as refusal:
        if refusal.status_code != 412:
            raise
        return False
    return True


def test_a_branch_is_fenced_and_no_longer(command: Command, main: Branch, repository: Repository) -> None:
    """Each command says what it did, once; the check tells the state by its exit code."""
    assert (command("check-fence")[0], command("check-fence")[1]["fence"]) == (1, "absent")
    code, told = command("install-fence")
    assert (code, told["action"], told["version"], told["trial"]) == (0, "installed", VERSION, "refused")
    assert told["commit"] == main.get_commit().id
    assert command("check-fence", "--trial")[1]["trial"] == "refused"
    assert command("install-fence")[1]["action"] == "unchanged"
    assert main.get_commit().id == told["commit"]
    assert command("remove-fence")[1]["action"] == "removed"
    assert command("check-fence")[0] == 1
    assert command("remove-fence")[1]["action"] == "unchanged"
    assert [commit.message for commit in main.log(max_amount=2)] == [
        "Remove Perago's fence",
        "Install Perago's fence, version 1",
    ]
    assert command("check-fence", "--ref", told["commit"])[0] == 0


def test_of_two_publications_one_wins_in_every_race(command: Command, main: Branch, repository: Repository) -> None:
    """Ten rounds of two at once: one lands, the other is refused, and the branch holds the winner's file alone."""
    command("install-fence")
    for number in range(10):
        expected, names = main.get_commit().id, (f"a{number}", f"b{number}")
        with ThreadPoolExecutor(2) as threads:
            won = list(threads.map(partial(publish, repository, expected), names))
        assert sorted(won) == [False, True]
        assert [commit.id for commit in main.log(max_amount=2)][1] == expected
        landed = [entry.path for entry in main.objects() if entry.path in names]
        assert landed == [name for name, passed in zip(names, won, strict=True) if passed]


def test_merges_of_people_pass(command: Command, main: Branch, repository: Repository) -> None:
    """A merge that names no input ref is none of the fence's business."""
    command("install-fence")
    first, second = (repository.branch(name).create("main") for name in ("first", "second"))
    for branch in (first, second):
        put(branch, branch.id, branch.id)
        branch.merge_into("main")
    assert main.object("second").exists()


def test_other_hooks_stay_as_they_are(command: Command, main: Branch) -> None:
    """Through installing and removing."""
    put(main, "_lakefs_actions/other.yaml", OTHER)
    assert command("install-fence")[0] == 0
    assert contents(main) == {"_lakefs_actions/other.yaml": OTHER, PATH: ACTION}
    command("remove-fence")
    assert contents(main) == {"_lakefs_actions/other.yaml": OTHER}


def test_an_edited_hook_is_restored(command: Command, main: Branch) -> None:
    """It is not said to fence before."""
    put(main, PATH, ACTION + "# mine\n")
    assert (command("check-fence")[0], command("check-fence")[1]["fence"]) == (1, "edited")
    assert command("install-fence")[1]["action"] == "restored"
    assert contents(main) == {PATH: ACTION}


def test_an_older_hook_is_updated(
    command: Command, main: Branch, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fences until then."""
    command("install-fence")
    newer = ACTION.replace(f"perago-fence: {VERSION}", f"perago-fence: {VERSION + 1}")
    for home in ("perago.fence_hook.VERSION", "perago.cli.lakefs.install.VERSION"):
        monkeypatch.setattr(home, VERSION + 1)
    for home in ("perago.fence_hook.ACTION", "perago.cli.lakefs.install.ACTION"):
        monkeypatch.setattr(home, newer)
    assert (command("check-fence")[0], command("check-fence")[1]["fence"]) == (0, "older")
    assert (command("install-fence")[1]["action"], contents(main)) == ("updated", {PATH: newer})


def test_a_newer_hook_is_not_replaced(command: Command, main: Branch) -> None:
    """It was installed by a newer Perago."""
    put(main, PATH, ACTION.replace(f"perago-fence: {VERSION}", f"perago-fence: {VERSION + 1}"))
    answer = command("install-fence")
    assert (answer[0], "update Perago" in message(answer)) == (2, True)


def test_a_file_of_somebody_else_is_left_alone(command: Command, main: Branch) -> None:
    """Also if it has our name."""
    put(main, PATH, OTHER)
    for name in ("install-fence", "remove-fence"):
        answer = command(name)
        assert (answer[0], "somebody else's" in message(answer)) == (2, True)
    assert contents(main) == {PATH: OTHER}


def test_uncommitted_changes_are_left_alone(command: Command, main: Branch) -> None:
    """They are named, and neither committed nor lost; after their commit, the fence can be installed."""
    before = main.get_commit().id
    main.object("half-done").upload(data=b"1")
    answer = command("install-fence")
    assert (answer[0], "'half-done'" in message(answer)) == (3, True)
    assert (main.get_commit().id, [change.path for change in main.uncommitted()]) == (before, ["half-done"])
    main.commit("done")
    assert command("install-fence")[0] == 0


def test_a_hook_that_is_not_run_does_not_count(command: Command, main: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trial tells, also where the file is right."""
    monkeypatch.setattr("perago.fence_hook.ACTION", SWITCHED_OFF)
    monkeypatch.setattr("perago.cli.lakefs.install.ACTION", SWITCHED_OFF)
    code, told = command("install-fence")
    assert (code, told["ok"], told["trial"]) == (1, False, "passed")
    assert command("check-fence")[0] == 0
    assert command("check-fence", "--trial")[0] == 1


def test_a_protected_branch_can_be_fenced(command: Command, repository: Repository, client: Client) -> None:
    """The rule forbids direct writes, and the hook comes by a merge."""
    from lakefs_sdk.models.branch_protection_rule import BranchProtectionRule

    client.sdk_client.repositories_api.set_branch_protection_rules(
        repository.id, [BranchProtectionRule(pattern="main")]
    )
    assert command("install-fence")[0] == 0


def test_another_branch_can_be_fenced(command: Command, repository: Repository) -> None:
    """Alone."""
    repository.branch("other").create("main")
    assert command("install-fence", "--branch", "other")[0] == 0
    assert (command("check-fence")[0], command("check-fence", "--branch", "other")[0]) == (1, 0)


REFUSALS = {
    "fs:ReadRepository": r"GET .*/repositories/[^/]+$",
    "fs:ReadBranch": r"GET .*/branches/main$",
    "fs:ReadObject": r"GET .*/objects\?path=",
    "fs:CreateBranch": r"POST .*/branches$",
    "fs:WriteObject": r"POST .*/objects\?",
    "fs:CreateCommit": r"POST .*/commits",
}


@pytest.mark.parametrize(("right", "request_line"), REFUSALS.items())
def test_a_missing_right_is_named(command: Command, proxy: Proxy, main: Branch, right: str, request_line: str) -> None:
    """Nothing has changed then. The server has one user with all rights, so a proxy answers in its words."""
    before = main.get_commit().id
    proxy.on(request_line, answered(403, b'{"message": "insufficient permissions"}'))
    answer = command("install-fence")
    assert (answer[0], f"lack the right {right}" in message(answer)) == (3, True), message(answer)
    assert main.get_commit().id == before


UNDELETED = {
    "a missing right": (answered(403, b'{"message": "insufficient permissions"}'), "fs:DeleteBranch"),
    "a gateway that knows no branches": (answered(404, b"<html>"), "not in lakeFS's words"),
}


@pytest.mark.parametrize(("answer", "words"), UNDELETED.values(), ids=UNDELETED)
def test_a_branch_that_cannot_be_deleted_is_named(
    command: Command,
    proxy: Proxy,
    repository: Repository,
    capsys: pytest.CaptureFixture[str],
    answer: Fault[Any],
    words: str,
) -> None:
    """Whoever cannot delete branches learns which one to have deleted."""
    proxy.on(r"DELETE .*/branches/", answer)
    code = perago(["lakefs", "install-fence", repository.id])
    told = capsys.readouterr().err
    left = re.search(rf"'({PREFIX}\w+)'", told)
    assert (code, left is not None, words in told) == (0, True, True)
    assert left is not None
    repository.branch(left[1]).delete()


def test_an_unknown_name_is_said_to_be_unknown(
    command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A repository, a branch and a ref."""
    assert "404" in message(command("check-fence", "--branch", "nowhere"))
    assert "404" in message(command("check-fence", "--ref", "nowhere"))
    assert perago(["lakefs", "check-fence", "nowhere-at-all"]) == 3
    assert "check the name" in capsys.readouterr().err


def test_wrong_keys_are_said_to_be_wrong(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without showing them."""
    monkeypatch.setenv("LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY", "wr0ng")
    answer = command("check-fence")
    assert (answer[0], "renew" in message(answer), "wr0ng" in message(answer)) == (3, True, False)


def test_a_read_only_repository_is_said_to_be_so(
    proxy: Proxy, client: Client, repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """It can be read, and nothing is published there."""
    from lakefs_sdk.models.repository_creation import RepositoryCreation

    name, api = f"{repository.id}-ro", client.sdk_client.repositories_api
    space = f"{repository.properties.storage_namespace}-ro"
    creation = {"name": name, "storage_namespace": space, "default_branch": "main"}
    api.create_repository(RepositoryCreation.parse_obj({**creation, "read_only": True}))
    try:
        assert perago(["lakefs", "check-fence", name]) == 1
        assert perago(["lakefs", "install-fence", name]) == 3
        assert "is read-only" in capsys.readouterr().err
    finally:
        api.delete_repository(name, force=True)


@pytest.mark.parametrize("fault", [lost, cut_before])
def test_a_lost_answer_is_put_right_by_another_call(command: Command, proxy: Proxy, main: Branch, fault: Any) -> None:
    """Whether the merge landed or not, the command can be repeated, and the hook is committed once."""
    proxy.on(r"POST .*/merge/main", fault)
    answer = command("install-fence")
    assert (answer[0], "cannot be reached" in message(answer)) == (3, True)
    assert command("install-fence")[0] == 0
    assert len([commit for commit in main.log() if "fence" in commit.message]) == 1


def test_both_ref_and_branch_are_refused(command: Command) -> None:
    """One commit is checked."""
    assert command("check-fence", "--ref", "main", "--branch", "main")[0] == 2


def test_a_proxys_answer_is_not_taken_for_lakefs(command: Command, proxy: Proxy) -> None:
    """A 404 of something on the way says nothing about the file."""
    proxy.on(r"GET .*/objects\?path=", answered(404, b"<html>"))
    assert "not in lakeFS's words" in message(command("check-fence"))
