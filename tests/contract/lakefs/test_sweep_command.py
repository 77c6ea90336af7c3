"""`perago lakefs sweep` on a real lakeFS and a real API server."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lakefs as lakefs_client
import pytest

from perago.cli import main as perago
from perago.cli.lakefs import repository as module
from perago.wire import metadata_keys as keys
from perago_dev.servers.lakefs import Server
from tests import builders as b
from tests.faults.kinds import lost
from tests.faults.proxy import Proxy, answered, proxied
from tests.kubectl import Kubectl

GONE = "6b9f0f5e-1c2d-4e3f-8a9b-0c1d2e3f4a5b"
NAMESPACE = "sweep"
INSTALLATION = ("--installation", "ours")
AT_ONCE = ("--older-than", "0s")

Repository = lakefs_client.Repository
Command = Callable[..., tuple[int, dict[str, Any]]]


def name_of(uid: str = GONE, execution: int = 1) -> str:
    """A staging branch's name."""
    return f"perago-staging-wf-build-seq-1-iteration-0-task-id-t-retry-0-exec-{uid}-{execution}"


@pytest.fixture(scope="module")
def cluster(kubectl: Kubectl) -> Kubectl:
    """The API server, with a namespace for attempts."""
    kubectl("create", "namespace", NAMESPACE)
    return kubectl


@pytest.fixture
def proxy(lakefs: Server, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Proxy]:
    """Stands between the command and lakeFS; the environment is that of a person with both at hand."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("LAKECTL_CREDENTIALS_ACCESS_KEY_ID", lakefs.access_key)
    monkeypatch.setenv("LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY", lakefs.secret_key)
    with proxied(lakefs.endpoint) as proxy:
        monkeypatch.setenv("LAKECTL_SERVER_ENDPOINT_URL", proxy.url)
        yield proxy


@pytest.fixture
def command(
    cluster: Kubectl, proxy: Proxy, repository: Repository, main: object, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Sweeps the repository; the exit code and the JSON."""

    def run(*options: str) -> tuple[int, dict[str, Any]]:
        code = perago(["lakefs", "sweep", repository.id, *INSTALLATION, "--json", *options])
        return code, json.loads(capsys.readouterr().out)

    return run


def stage(repository: Repository, uid: str = GONE, installation: str = "ours", namespace: str = NAMESPACE) -> None:
    """A staging branch with its attempt's commit."""
    branch = repository.branch(name_of(uid)).create("main")
    branch.object("file").upload(data=uid.encode())
    metadata = {keys.INSTALLATION: installation, keys.ATTEMPT: f"{namespace}/a1", keys.ATTEMPT_UID: uid}
    branch.commit("Stage", metadata=metadata)


def verdicts(answer: tuple[int, dict[str, Any]]) -> list[str]:
    """What became of the branches."""
    assert answer[0] == 0, answer
    return [branch["verdict"] for branch in answer[1]["branches"]]


def branches(repository: Repository) -> set[str]:
    """Those that exist."""
    return {branch.id for branch in repository.branches()} - {"main"}


@pytest.fixture
def attempt(cluster: Kubectl) -> Iterator[Callable[[str], str]]:
    """Makes an attempt in this phase, done with its staging branch if it has ended; returns its UID."""
    made: list[str] = []

    def make(phase: str) -> str:
        name = f"a{len(made)}"
        obj = b.attempt(standalone=True)
        obj |= {"metadata": {"name": name, "namespace": NAMESPACE}}
        cluster("create", "-f", "-", stdin=json.dumps(obj))
        made.append(name)
        patch = json.dumps({"status": {"phase": phase}})
        where = ("peragoattempt", name, "-n", NAMESPACE)
        cluster("patch", *where, "--type=merge", "--subresource=status", "-p", patch)
        return cluster("get", *where, "-o", "jsonpath={.metadata.uid}").strip()

    yield make
    cluster("delete", "peragoattempts", "--all", "-n", NAMESPACE)


@pytest.mark.parametrize("where", [("-A",), ("-n", NAMESPACE)])
def test_the_branch_of_an_attempt_that_is_gone_is_deleted(
    command: Command, repository: Repository, where: tuple[str, ...]
) -> None:
    """A dry run says so, and deletes nothing; afterwards there is nothing to do."""
    stage(repository)
    assert verdicts(command(*where, *AT_ONCE, "--dry-run")) == ["leftover"]
    assert branches(repository) == {name_of()}
    assert verdicts(command(*where, *AT_ONCE)) == ["leftover"]
    assert branches(repository) == set()
    assert verdicts(command(*where, *AT_ONCE)) == []


def test_a_young_branch_is_left(command: Command, repository: Repository) -> None:
    """By default it must be a day old."""
    stage(repository)
    assert verdicts(command("-A")) == ["young"]
    assert branches(repository) == {name_of()}


def test_the_branch_of_an_attempt_counts_as_the_attempt_does(
    command: Command, repository: Repository, attempt: Callable[[str], str]
) -> None:
    """It is left while the attempt lives, and deleted when it has ended."""
    living, ended = attempt("Running"), attempt("Failed")
    for uid in (living, ended):
        stage(repository, uid)
    command("-A", *AT_ONCE)
    assert branches(repository) == {name_of(living)}


@pytest.mark.parametrize(("where", "want"), [(("-A",), "unclear"), (("-n", NAMESPACE), "leftover")])
def test_a_branch_without_a_commit_counts_as_its_attempt_does(
    command: Command, repository: Repository, attempt: Callable[[str], str], where: tuple[str, ...], want: str
) -> None:
    """It says nothing of itself. Attempts of one namespace are the installation's; a cluster may have several."""
    repository.branch(name_of(attempt("Failed"))).create("main")
    assert verdicts(command(*where, *AT_ONCE)) == [want]
    assert bool(branches(repository)) is (want == "unclear")


def test_what_may_be_anothers_is_left(command: Command, repository: Repository) -> None:
    """Another installation's, one of another namespace, and one without a commit."""
    stage(repository, "0" + GONE[1:], installation="theirs")
    stage(repository, "1" + GONE[1:], namespace="elsewhere")
    repository.branch(name_of("2" + GONE[1:])).create("main")
    repository.branch("perago-staging-mine").create("main")
    assert verdicts(command("-n", NAMESPACE, *AT_ONCE)) == ["foreign", "unclear", "unclear"]
    assert len(branches(repository)) == 4


def test_without_a_cluster_the_age_counts(
    command: Command, repository: Repository, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A warning says so, and a branch without a commit is left, for it has no age."""
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    stage(repository)
    repository.branch(name_of(execution=2)).create("main")
    code = perago(["lakefs", "sweep", repository.id, *INSTALLATION, "--no-cluster", *AT_ONCE])
    said = capsys.readouterr()
    assert (code, "no cluster is asked" in said.err) == (0, True)
    assert said.out.startswith(f"{repository.id}: 1 staging branches deleted; left: 1 that cannot be attributed\n")
    assert f"unclear: {name_of(execution=2)}\n" in said.out
    assert branches(repository) == {name_of(execution=2)}


def test_many_branches_are_swept(command: Command, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Page by page."""
    monkeypatch.setattr(module, "PAGE", 1)
    for number in range(3):
        stage(repository, f"{number}{GONE[1:]}")
    assert verdicts(command("-A", *AT_ONCE)) == ["leftover"] * 3


def test_a_cluster_that_cannot_be_asked_stops_the_sweep(
    command: Command, repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kubeconfig: Path
) -> None:
    """Nothing is deleted."""
    stage(repository)
    away, found = re.subn(r"https://[^\s\"']+", "https://127.0.0.1:1", kubeconfig.read_text())
    assert found
    (tmp_path / "away").write_text(away)
    for path, code in ((tmp_path / "away", 3), (tmp_path / "none", 2)):
        monkeypatch.setenv("KUBECONFIG", str(path))
        assert command("-A", *AT_ONCE)[0] == code
    assert branches(repository) == {name_of()}


def test_a_lost_answer_is_put_right_by_another_call(command: Command, repository: Repository, proxy: Proxy) -> None:
    """The command fails, and can be repeated."""
    stage(repository)
    proxy.on(r"^DELETE .*/branches/", lost)
    assert command("-A", *AT_ONCE)[0] == 3
    assert verdicts(command("-A", *AT_ONCE)) == []


@pytest.mark.parametrize(
    ("right", "line"),
    [("fs:ListBranches", r"^GET .*/branches\?"), ("fs:ReadCommit", r"/commits/"), ("fs:DeleteBranch", r"^DELETE ")],
)
def test_a_missing_right_is_named(
    command: Command, repository: Repository, proxy: Proxy, right: str, line: str
) -> None:
    """And nothing is deleted."""
    stage(repository)
    proxy.on(line, answered(403, b'{"message": "insufficient permissions"}'))
    code, said = command("-A", *AT_ONCE)
    assert (code, right in said["problems"][0]["message"]) == (3, True)
    assert branches(repository) == {name_of()}
