"""retry, top, why and doctor over a cluster in memory."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from perago.wire import metadata_keys
from perago_console import lakefs
from perago_console.commands import cancel, describe, doctor, explain, logs, retry, top, why
from perago_console.commands import list as listing
from perago_console.conductor import Conductor
from perago_console.core.load import loads
from perago_console.core.provenance import Commit
from perago_console.core.renewal import new_name
from perago_console.core.rights import NEEDS
from perago_console.core.rows import Selection
from perago_console.http import Http
from perago_console.problems import Forbidden, Misused, Problem
from perago_console.session import Session, seen_attempt, seen_task
from tests.builders import START, Raw, at, attempt, running_pod, stamp, task
from tests.unit.perago_console.kit import FakeCluster, session
from tests.unit.perago_console.test_commands import FAILED, RUNS, WAITS, cluster, made
from tests.unit.perago_console.test_holding import condition

Captured = pytest.CaptureFixture[str]
ROLES = Path(__file__).resolve().parents[3] / "charts/perago/templates/rbac-people.yaml"
ENDED = {"phase": "Failed", "outcome": {"status": "FAILED", "reason": "TaskExited"}}


class FakeConductor(Conductor):
    """Knows the params of one task, and which workflows were retried."""

    def __init__(self) -> None:
        super().__init__(Http("Conductor", "http://conductor/api"))
        self.retried: list[str]
        object.__setattr__(self, "retried", [])

    def retry(self, workflow: str) -> None:
        self.retried.append(workflow)

    def params(self, task_id: str) -> Any:
        return {"of": task_id}

    def check(self) -> None:
        """It answers."""


def test_an_attempt_made_by_hand_is_made_again(capsys: Captured) -> None:
    """With the labels that people gave it, and without what only the first one had."""
    meta = {
        "labels": {"team": "a", "perago.dev/task-type": "x", "attempt.perago.dev/y": "z"},
        "annotations": {"a": "b"},
    }
    first = attempt(meta=meta, status=ENDED, standalone=True, cancel=True)
    asked = FakeCluster({"peragoattempts": [first]})
    assert retry.execute(session(asked), "a1", lambda: None) == 0
    again = asked.objects["peragoattempts"][1]
    assert again["metadata"] == {"name": "a1-retry-1", "namespace": "ns", "labels": {"team": "a"}}
    assert again["spec"] == {name: value for name, value in first["spec"].items() if name != "cancel"}
    assert "status" not in again
    assert capsys.readouterr().out == "attempt ns/a1-retry-1 is created, with the spec of a1\n"


def test_the_name_of_a_retry_is_free_and_short_enough() -> None:
    """It counts up from the first, and pods can be named after it."""
    assert new_name("a-retry-1", {"a-retry-1", "a-retry-2"}) == "a-retry-3"
    assert len(new_name("x" * 58, ())) == 58


def test_the_workflow_of_a_conductor_task_is_retried(capsys: Captured) -> None:
    """By Conductor, which then hands the task out again."""
    conductor = FakeConductor()
    assert retry.execute(session(cluster()), "lost", lambda: conductor) == 0
    assert conductor.retried == ["wf-1"]
    assert "task build_ref is queued again" in capsys.readouterr().out


def test_what_cannot_be_retried_says_why() -> None:
    """An attempt that goes on, one that succeeded, one whose Conductor is not known."""
    asked = cluster()
    asked.objects["peragoattempts"].append(made("good", phase="Succeeded"))
    with pytest.raises(Problem, match=r"runs has not ended \(Running\); `perago cancel runs` stops it"):
        retry.execute(session(asked), "runs", lambda: None)
    with pytest.raises(Problem, match="good succeeded"):
        retry.execute(session(asked), "good", FakeConductor)
    with pytest.raises(Misused, match="set CONDUCTOR_SERVER_URL"):
        retry.execute(session(asked), "lost", lambda: None)


def test_numbers_of_a_peragotask(capsys: Captured) -> None:
    """Who runs and waits, what most wait for, and which part takes longest of those that ended within the hour."""
    asked = cluster()
    asked.objects["peragotasks"] = [
        {**task(), "status": {"queued": 3, "conditions": [condition("Ready", "True", "TaskComplete")]}}
    ]
    assert top.execute(session(asked), top.TopQuery(3600.0)) == 0
    headings, row = (line.split("   ") for line in capsys.readouterr().out.splitlines())
    told = dict(zip((one.strip() for one in headings if one), (one.strip() for one in row if one), strict=True))
    assert told == {
        "TASK": "build",
        "STATE": "Ready",
        "RUNNING": "1",
        "STARTING": "0",
        "WAITING": "1",
        "QUEUED": "3",
        "DONE/H": "0",
        "FAILED/H": "1",
        "OLDEST": "1m",
        "SLOWEST PART": "executing 12.0s",
        "WAITS FOR": "QuotaExceeded (1)",
    }


def test_the_numbers_are_printed_again_and_again(capsys: Captured) -> None:
    """Until somebody ends it; each table is that of its moment."""
    asked, pauses = cluster(), list[float]()

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        asked.objects["peragoattempts"].pop()
        if len(pauses) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        top.execute(session(asked), top.TopQuery(3600.0, watch=True), pause)
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("build")]
    assert [row[2] for row in rows] == ["1", "0"]
    assert pauses == [top.EVERY_SECONDS] * 2


def test_rates_are_those_of_the_window_and_the_busiest_task_comes_first() -> None:
    """What ended before does not count."""
    now = at(10 * 60)
    attempts = [seen_attempt(made("lost", **FAILED)), seen_attempt(made("runs", **RUNS))]
    tasks = [seen_task(task("a-quiet-one")), seen_task(task())]
    busy, quiet = loads(tasks, attempts, 900.0, now)
    assert (busy.key, busy.failed_per_hour, quiet.key) == (("ns", "build"), 4.0, ("ns", "a-quiet-one"))
    assert loads(tasks, attempts, 60.0, now)[0].failed_per_hour == 0


def test_a_task_that_cannot_run_or_does_not_exist_is_seen(capsys: Captured) -> None:
    """In place of its state."""
    asked = FakeCluster({"peragoattempts": [made("waits", **WAITS)], "peragotasks": []})
    top.execute(session(asked), top.TopQuery(3600.0))
    assert "\nbuild   -  " in capsys.readouterr().out
    asked.objects["peragotasks"] = [{**task(), "status": {"conditions": [condition("Ready", "False", "ImagePull")]}}]
    top.execute(session(asked), top.TopQuery(3600.0))
    assert "\nbuild   ImagePull  " in capsys.readouterr().out


METADATA = {
    metadata_keys.INSTALLATION: "system.perago",
    metadata_keys.ATTEMPT: "ns/lost",
    metadata_keys.ATTEMPT_UID: "uid-lost",
    metadata_keys.EXECUTION: "1",
    metadata_keys.WORKFLOW: "wf-1",
    metadata_keys.TASK_ID: "t-lost",
    metadata_keys.INPUT_REF: "commit-a",
    metadata_keys.IMAGE: "app:1",
    metadata_keys.OUTPUT: '{"result":1}',
}
COMMIT = Commit("commit-b", METADATA, START.timestamp(), message="Publish", path="out/a.csv")


def told(capsys: Captured, asked: FakeCluster, commit: Commit = COMMIT, *, code: int = 0) -> str:
    """What `perago why` prints of a commit."""
    here = session(asked)
    assert why.execute(commit, here.output, here.now(), lambda: here.cluster, FakeConductor) == code
    return capsys.readouterr().out


def test_a_commit_names_its_attempt_and_where_that_came_from(capsys: Captured) -> None:
    """With the params that the attempt's object has."""
    asked = cluster()
    asked.objects["peragoattempts"][0]["spec"]["input"] = {"params": {"least": 2}}
    page = told(capsys, asked)
    for words in (
        "commit commit-b\n",
        "out/a.csv\n",
        "ns/lost (it is Failed)\n",
        "commit-a\n",
        '{"least": 2}\n',
        '{"result": 1}\n',
    ):
        assert words in page


@pytest.mark.parametrize("objects", [[], [attempt(meta={"name": "lost", "uid": "another"})]])
def test_of_an_attempt_that_is_gone_conductor_has_the_params(capsys: Captured, objects: list[Raw]) -> None:
    """Whatever else has its name by now."""
    page = told(capsys, FakeCluster({"peragoattempts": objects}))
    assert "ns/lost (its object is gone, or cannot be read)\n" in page
    assert '{"of": "t-lost"}\n' in page


def test_a_cluster_that_is_closed_costs_the_params_alone(capsys: Captured) -> None:
    """The rest stands in lakeFS."""
    by_hand = Commit("commit-b", {**METADATA, metadata_keys.TASK_ID: "uid-lost"}, 0.0)
    page = told(capsys, cluster(rights=frozenset()), by_hand)
    assert "params     unknown" in page
    assert "workflow" not in page


def test_a_commit_of_somebody_else_is_told_by_the_exit_code(capsys: Captured) -> None:
    """With the name of who committed it."""
    assert "jane\n" in told(capsys, cluster(), Commit("commit-c", {}, 0.0, committer="jane"), code=1)


def operator(*, namespaces: str = "ns", ready: int = 1, name: str = "perago-operator", version: str = "") -> Raw:
    """The operator's Deployment."""
    labels = {"app.kubernetes.io/name": "perago-operator", "app.kubernetes.io/version": version}
    env = [{"name": "PERAGO_NAMESPACES", "value": namespaces}, {"name": "PERAGO_IDENTITY", "valueFrom": {}}]
    return {
        "metadata": {"name": name, "namespace": "system", "labels": labels},
        "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "operator", "env": env}]}}},
        "status": {"readyReplicas": ready},
    }


def lease(holder: str | None = "replica-1", seconds: float = 55) -> Raw:
    """Its Lease."""
    spec = {"holderIdentity": holder, "renewTime": stamp(seconds), "leaseDurationSeconds": 15}
    return {"metadata": {"name": "perago-operator", "namespace": "system"}, "spec": spec}


ACCOUNT = {"metadata": {"name": "perago-runner", "namespace": "ns"}}
IS_READY = {"conditions": [condition("Ready", "True", "TaskComplete"), condition("Polling", "False", "NoTaskType")]}


def healthy(**changes: Any) -> FakeCluster:
    """An installation in which nothing is wrong."""
    objects: dict[str, list[Raw]] = {
        "deployments": [operator()],
        "leases": [lease()],
        "serviceaccounts": [ACCOUNT],
        "peragotasks": [{**task(), "status": IS_READY}],
        "peragoattempts": [made("runs", **RUNS)],
    }
    return FakeCluster(objects | changes.pop("objects", {}), **changes)


@pytest.fixture(autouse=True)
def lakefs_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked over the network otherwise."""
    monkeypatch.setattr(lakefs, "check", lambda: None)


def examined(capsys: Captured, asked: FakeCluster, seconds: float = 60) -> tuple[int, str]:
    """The exit code of `perago doctor`, and what it prints."""
    code = doctor.execute(session(asked, seconds=seconds), FakeConductor)
    return code, capsys.readouterr().out


def test_a_healthy_installation(capsys: Captured) -> None:
    """Every line is ok."""
    code, page = examined(capsys, healthy())
    assert (code, page.splitlines()[-1]) == (0, "nothing is wrong")
    assert {line.split()[0] for line in page.splitlines()[:-2]} == {"ok"}


LONG = {**WAITS, "conditions": [condition("PodReady", "False", "TaskNotFound")]}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an old cluster": ({"version": "v1.29.3"}, "Kubernetes v1.29.3 is too old"),
    "clocks": ({"time": at(90)}, "the clocks of this machine and the API server differ by 30s"),
    "no operator": ({"objects": {"deployments": []}}, "none serves namespace ns\n"),
    "another's operator": (
        {"objects": {"deployments": [operator(namespaces="other")]}},
        "none serves namespace ns; there is system/perago-operator",
    ),
    "two operators": (
        {"objects": {"deployments": [operator(), operator(name="second", namespaces="")]}},
        "system/perago-operator and system/second all serve namespace ns",
    ),
    "an operator that is not ready": ({"objects": {"deployments": [operator(ready=0)]}}, "0 of 1 replicas are ready"),
    "no leader": ({"objects": {"leases": [lease(None)]}}, "no replica holds the Lease"),
    "no Lease": ({"objects": {"leases": []}}, "no replica holds the Lease"),
    "a silent leader": ({"objects": {"leases": [lease(seconds=0)]}}, "replica-1 has not renewed the Lease for 1m"),
    "no account": ({"objects": {"serviceaccounts": []}}, "service account ns/perago-runner: it does not exist"),
    "a task that cannot run": (
        {
            "objects": {
                "peragotasks": [{**task(), "status": {"conditions": [condition("Ready", "False", "ImagePull")]}}]
            }
        },
        "PeragoTask ns/build: Ready is False: ImagePull",
    ),
    "a task that nobody looks at": ({"objects": {"peragotasks": [task()]}}, "no operator has looked at it"),
    "an attempt that nobody looks at": ({"objects": {"peragoattempts": [made("new")]}}, "1 have no status: ns/new"),
}


@pytest.mark.parametrize(("changes", "want"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_found(capsys: Captured, changes: dict[str, Any], want: str) -> None:
    """Each fault alone, among what is well; the exit code tells, and so does the last line."""
    code, page = examined(capsys, healthy(**changes))
    assert code == 1
    assert want in page
    assert page.splitlines()[-1].endswith("wrong")


def test_long_waits_are_found(capsys: Captured) -> None:
    """After half an hour, as the alert has it; the first few by name."""
    many = [made(f"w{number}", **LONG) for number in range(5)]
    asked = healthy(objects={"peragoattempts": many, "leases": [lease(seconds=1859)]}, time=at(1860))
    code, page = examined(capsys, asked, seconds=1860)
    assert code == 1
    assert "5 have waited for half an hour or more: ns/w0, ns/w1, ns/w2 and 2 more\n" in page


def test_another_version_is_no_fault(capsys: Captured) -> None:
    """But somebody should know of it."""
    code, page = examined(capsys, healthy(objects={"deployments": [operator(version="0.6.1")]}))
    assert code == 0
    assert "its version is 0.6.1, and this command's is " in page


def test_what_may_not_be_asked_is_unknown_and_not_wrong(capsys: Captured) -> None:
    """Somebody who may read attempts and tasks alone learns who to ask."""
    may = set(NEEDS["top"].required) | set(NEEDS["explain"].required)
    code, page = examined(capsys, healthy(rights=frozenset((verb, kind.resource) for verb, kind in may)))
    assert code == 1
    assert "unknown  operator: you may not list deployments.apps\n" in page
    assert "wrong  perago cancel: you may not patch peragoattempts.perago.dev in namespace ns\n" in page
    assert "ok  perago top: you have its rights in namespace ns\n" in page


def test_a_server_that_does_not_answer_is_wrong(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one whose address nobody has given is not asked."""

    def refuse() -> None:
        raise Forbidden("lakeFS refuses to tell who you are: 401")

    monkeypatch.setattr(lakefs, "check", refuse)
    assert doctor.execute(session(healthy()), lambda: None) == 0
    page = capsys.readouterr().out
    assert "unknown  lakeFS: lakeFS refuses" in page
    assert "unknown  Conductor: not asked from here, because CONDUCTOR_SERVER_URL is not set" in page


def test_each_command_asks_for_what_is_declared(capsys: Captured) -> None:
    """The table of rights, which doctor checks, is what the commands use."""
    calls: dict[str, Callable[[Session], int]] = {
        "list": lambda here: listing.execute(here, listing.ListQuery(Selection(), watch=True)),
        "describe": lambda here: describe.execute(here, "runs", ""),
        "explain": lambda here: explain.execute(here, "ru", ""),
        "logs": lambda here: logs.execute(here, "runs", logs.LogChoice(), lambda _: None),
        "top": lambda here: top.execute(here, top.TopQuery(3600.0)),
        "cancel": lambda here: cancel.execute(here, ["waits"]),
        "retry": lambda here: retry.execute(here, "by-hand", lambda: None),
    }
    assert set(calls) == set(NEEDS)
    for command, call in calls.items():
        asked = cluster(logs={("runs-1", "task"): ["one"]})
        asked.objects["peragoattempts"].append(attempt(meta={"name": "by-hand"}, status=ENDED, standalone=True))
        asked.objects["pods"] = [running_pod(1, of="runs", uid="uid-runs")]
        asked.objects["events"] = []
        call(session(asked))
        needs = NEEDS[command]
        declared = {(verb, kind.resource) for verb, kind in (*needs.required, *needs.helpful)}
        assert asked.used <= declared, command
    capsys.readouterr()


def test_the_charts_roles_give_what_the_commands_require() -> None:
    """perago-viewer is enough to look, perago-editor to cancel and retry."""
    plain = "\n".join(line for line in ROLES.read_text().splitlines() if "{{" not in line)
    roles = {role["metadata"]["name"]: role["rules"] for role in yaml.safe_load_all(plain)}
    for command, needs in NEEDS.items():
        role = "perago-editor" if command in ("cancel", "retry") else "perago-viewer"
        for verb, kind in needs.required:
            assert any(kind.plural in rule["resources"] and verb in rule["verbs"] for rule in roles[role]), command
