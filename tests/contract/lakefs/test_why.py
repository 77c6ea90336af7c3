"""The commit that `perago why` answers for, found in a real repository."""

import pytest
from lakefs import Branch, Repository

from perago_console import lakefs as console
from perago_console.problems import Misused, NotFound
from perago_dev.servers.lakefs import Server


@pytest.fixture(autouse=True)
def lakectl(lakefs: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables by which lakeFS is found."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("LAKECTL_SERVER_ENDPOINT_URL", lakefs.endpoint)
    monkeypatch.setenv("LAKECTL_CREDENTIALS_ACCESS_KEY_ID", lakefs.access_key)
    monkeypatch.setenv("LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY", lakefs.secret_key)


def committed(branch: Branch, path: str, uid: str) -> str:
    """The id of a new commit of an attempt."""
    branch.object(path).upload(data=uid.encode())
    return str(branch.commit("publish", metadata={"perago.attempt-uid": uid}).id)


def test_a_commit_or_the_last_change_of_an_object(repository: Repository, main: Branch) -> None:
    """By a commit's id, by a branch, and by a path from where one says; what came later is somebody else's."""
    first = committed(main, "out/a.csv", "u1")
    second = committed(main, "b.csv", "u2")
    dev = repository.branch("dev").create("main")
    third = committed(dev, "out/a.csv", "u3")
    asked = {
        (what, at): console.commit_for(repository.id, what, at)
        for what, at in (
            (first, None),
            ("main", None),
            ("out/a.csv", None),
            ("b.csv", None),
            ("out/a.csv", "dev"),
            ("out/a.csv", second),
        )
    }
    assert [made.id for made in asked.values()] == [first, second, first, second, third, first]
    assert [made.uid for made in asked.values()] == ["u1", "u2", "u1", "u2", "u3", "u1"]
    assert asked["b.csv", None].path == "b.csv"


@pytest.mark.usefixtures("main")
def test_what_nobody_has_changed_is_not_found(repository: Repository) -> None:
    """Neither is a repository that does not exist."""
    with pytest.raises(
        NotFound, match=r"no commit of main has changed an object of that path; --at names another branch"
    ):
        console.commit_for(repository.id, "nothing", None)
    with pytest.raises(NotFound, match="in the repository 'no-such-repository'"):
        console.commit_for("no-such-repository", "main", None)


def test_keys_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of every command about lakeFS."""
    console.check()
    monkeypatch.delenv("LAKECTL_CREDENTIALS_ACCESS_KEY_ID")
    monkeypatch.setenv("HOME", "/nonexistent")
    with pytest.raises(Misused, match="set LAKECTL_CREDENTIALS_ACCESS_KEY_ID"):
        console.check()
