"""`perago support-bundle`: canaries are planted wherever a credential can stand, and none is in the archive."""

import base64
import itertools
import json
import tarfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from perago_console import lakefs
from perago_console.commands import bundle
from perago_console.core.redaction import REMOVED, forms, scrubbed, without_secrets
from perago_console.problems import Problem
from tests.builders import Raw, attempt, running_pod, task
from tests.unit.perago_console.kit import FakeCluster, session
from tests.unit.perago_console.test_repair import healthy, operator

CANARY = "canary+7Qz/W=5x"
KNOWN = "known-canary/4711+x=="
Captured = pytest.CaptureFixture[str]

LINES = {
    "an assignment": f"password={CANARY}",
    "a variable": f"export CONDUCTOR_AUTH_SECRET='{CANARY}'",
    "YAML": f"secretAccessKey: {CANARY}",
    "JSON": json.dumps({"accessKeyId": CANARY}),
    "JSON in JSON": json.dumps(json.dumps({"apiKey": CANARY})),
    "a sentence in quotes": f'token: "{CANARY} and more"',
    "an option": f"--auth-token {CANARY}",
    "an option with a sign": f"--password={CANARY}",
    "a header": f"Authorization: Bearer {CANARY}",
    "a basic header": f"'Authorization': 'Basic {base64.b64encode(CANARY.encode()).decode()}'",
    "another header": f"X-Authorization: {CANARY}",
    "an address": f"postgresql://jane:{quote(CANARY, safe='')}@db/x",
    "a signed address": f"https://s3/x?X-Amz-Credential=a&X-Amz-Signature={quote(CANARY, safe='')}",
    "a private key": f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}\n-----END RSA PRIVATE KEY-----",
    "half a private key": f"-----BEGIN PRIVATE KEY-----\n{CANARY}",
}


def has(text: str, secret: str) -> bool:
    """Whether a secret is in a text, in any of its forms."""
    return any(form in text for form in forms([secret]))


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_what_looks_like_a_credential_is_taken_out_of_a_text(line: str) -> None:
    """And what stands beside it stays."""
    text = scrubbed(f"before {line}\nafter", ())
    assert not has(text, CANARY), text
    assert text.startswith("before ")
    assert "after" in text or "PRIVATE" in line


@pytest.mark.parametrize("word", ["eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl", "AKIAIOSFODNN7EXAMPLE"])
def test_tokens_and_key_ids_have_forms_of_their_own(word: str) -> None:
    """They are found without a name beside them."""
    assert scrubbed(f"got {word} here", ()) == f"got {REMOVED} here"


@pytest.mark.parametrize(
    "text",
    [
        "secretName: perago-lakefs",
        "serviceAccountToken:\n  expirationSeconds: 3600",
        "tokenHeader: X-Authorization",
        "the Secret perago-lakefs does not exist",
        "lakeFS does not accept the keys of the attempt's Secret.",
        "https://lakefs.example:8000/api/v1",
        "2026-11-27 02:41:48,578 INFO attempt weather/a1: a token was read",
    ],
)
def test_what_is_no_credential_stays(text: str) -> None:
    """Whoever helps needs to read it."""
    assert scrubbed(text, forms([KNOWN])) == text


def test_a_known_secret_is_found_in_every_form() -> None:
    """Also in the middle of something that was encoded as a whole."""
    known = forms([KNOWN])
    for before, after in itertools.product(("", "a", "ab", "abc"), repeat=2):
        whole = f"{before}{KNOWN}{after}".encode()
        for text in (base64.b64encode(whole), base64.urlsafe_b64encode(whole), whole.hex().encode(), whole):
            assert REMOVED in scrubbed(text.decode(), known)
    assert forms(["short"]) == ()


def planted(text: str = f"password={CANARY} {KNOWN}") -> FakeCluster:
    """An installation with a canary wherever there is room for one."""
    env = [{"name": "DATABASE", "value": CANARY}, {"name": "PERAGO_NAMESPACES", "value": "ns"}]
    pod = running_pod(
        meta={"namespace": "ns", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": CANARY}}
    )
    pod["metadata"]["labels"] = {"perago.dev/managed-by": "perago"}
    pod["spec"]["containers"][1] |= {"env": env, "args": ["--token", CANARY, text]}
    failed = attempt(
        input={"params": {"anything": CANARY}},
        podTemplate={"spec": {"containers": [{"name": "task", "env": env}]}},
        status={
            "phase": "Failed",
            "outcome": {
                "status": "FAILED",
                "reason": "ValueError",
                "message": f"{text}; last log lines:\n{CANARY}",
                "output": {"result": CANARY},
                "traceback": [CANARY],
            },
            "log": {"lines": [CANARY]},
        },
    )
    deployment = operator()
    deployment["spec"]["template"]["spec"]["containers"][0]["env"] += [{"name": "HTTPS_PROXY", "value": CANARY}]
    objects: dict[str, list[Raw]] = {
        "peragoattempts": [failed],
        "peragotasks": [
            {**task(), "spec": {**task()["spec"], "podTemplate": {"spec": {"initContainers": [{"env": env}]}}}}
        ],
        "pods": [pod],
        "events": [
            {
                "metadata": {"name": "e", "namespace": "ns"},
                "involvedObject": {"kind": "Pod", "name": "a1-1"},
                "message": text,
            },
            {
                "metadata": {"name": "o", "namespace": "ns"},
                "involvedObject": {"kind": "Pod", "name": "other"},
                "message": "other's",
            },
        ],
        "deployments": [deployment],
    }
    return healthy(objects=objects, logs={("a1-1", "agent"): [text], ("a1-1", "task"): [text]})


def bundled(asked: FakeCluster, file: Path, *, content: bool = False) -> dict[str, str]:
    """The files of the archive."""
    assert bundle.execute(session(asked), file, lambda: None, content=content) == 0
    with tarfile.open(file) as archive:
        return {entry.name: archive.extractfile(entry).read().decode() for entry in archive.getmembers()}  # type: ignore[union-attr]


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The credentials of whoever makes the archive."""
    monkeypatch.setattr(lakefs, "check", lambda: None)
    monkeypatch.setenv("CONDUCTOR_AUTH_SECRET", KNOWN)


@pytest.mark.parametrize("secret", [CANARY, KNOWN])
def test_no_canary_is_in_the_archive(tmp_path: Path, secret: str) -> None:
    """In no form, in no file and in no file's name."""
    files = bundled(planted(), tmp_path / "b.tar.gz")
    assert [name for name, text in files.items() if has(name + text, secret)] == []
    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o777 == 0o600


def test_the_archive_has_what_helps(tmp_path: Path) -> None:
    """Objects, logs of agents and operator, findings, and what was left out; other people's events are not."""
    files = bundled(planted(), tmp_path / "b.tar.gz")
    assert sorted(files) == [
        "b/README.txt",
        "b/doctor.txt",
        "b/logs/ns/a1-1-agent.log",
        "b/objects/events.yaml",
        "b/objects/peragoattempts.yaml",
        "b/objects/peragotasks.yaml",
        "b/objects/pods.yaml",
        "b/operator/system.perago-operator/deployment.yaml",
        "b/operator/system.perago-operator/lease.yaml",
        "b/operator/system.perago-operator/pods.yaml",
    ]
    assert "reason: ValueError" in files["b/objects/peragoattempts.yaml"]
    assert "value: ns" in files["b/objects/pods.yaml"]
    assert "other's" not in files["b/objects/events.yaml"]
    assert "- objects/customresourcedefinitions.yaml: there is no CustomResourceDefinition" in files["b/README.txt"]


def test_with_content_the_tasks_log_is_in_it_and_credentials_are_not(tmp_path: Path) -> None:
    """A canary without a name beside it is content, and whoever asks for content is told."""
    files = bundled(planted(), tmp_path / "b.tar.gz", content=True)
    assert f"password={REMOVED} {REMOVED}\n" == files["b/logs/ns/a1-1-task.log"]
    assert "as --with-content was given" in files["b/README.txt"]


def test_what_may_not_be_read_is_named_in_it(tmp_path: Path, capsys: Captured) -> None:
    """And on the terminal; the rest is there."""
    asked = planted()
    asked.rights = frozenset({("list", "peragoattempts.perago.dev")})
    files = bundled(asked, tmp_path / "b.tar.gz")
    assert sorted(files) == ["b/README.txt", "b/doctor.txt", "b/objects/peragoattempts.yaml"]
    assert "not in it: objects/pods.yaml: you may not list pods" in capsys.readouterr().err


def test_no_file_is_overwritten(tmp_path: Path) -> None:
    """It may be the one that was to be sent."""
    (tmp_path / "b.tar.gz").write_text("mine")
    with pytest.raises(Problem, match=r"b\.tar\.gz cannot be written: File exists; name another file with --file"):
        bundled(planted(), tmp_path / "b.tar.gz")


def test_numbers_and_names_of_fields_stay_as_they_are() -> None:
    """Only texts are credentials."""
    plain: Any = {"token": {"expirationSeconds": 3600}, "count": 3, "password": None, "managedFields": [1]}
    assert without_secrets(plain, (), content=False) == {
        "token": {"expirationSeconds": 3600},
        "count": 3,
        "password": None,
    }


def test_a_field_that_is_called_like_a_credential_is_emptied() -> None:
    """As a text of several lines, it would pass for one in which only the first line is a credential."""
    assert without_secrets({"apiKey": f"one\n{CANARY}"}, (), content=True) == {"apiKey": REMOVED}
