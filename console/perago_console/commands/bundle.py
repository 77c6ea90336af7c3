"""`perago support-bundle`: what somebody who helps needs to see, in one archive, without credentials."""

import io
import json
import os
import tarfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from perago_console import lakefs
from perago_console.commands import doctor
from perago_console.conductor import Conductor
from perago_console.core.checks import Operator, section_of
from perago_console.core.objects import Raw
from perago_console.core.pods import AGENT_CONTAINER, TASK_CONTAINER
from perago_console.core.redaction import forms, scrubbed, without_secrets
from perago_console.ports import ATTEMPTS, CRDS, DEPLOYMENTS, EVENTS, LEASES, PODS, TASKS, Kind, LogQuestion
from perago_console.problems import Problem
from perago_console.session import Session, seen_attempt

LOG_LINES: Final = 2000
OURS: Final = "perago.dev/managed-by=perago"
SECRET_VARIABLES: Final = (
    "CONDUCTOR_AUTH_TOKEN",
    "CONDUCTOR_AUTH_KEY",
    "CONDUCTOR_AUTH_SECRET",
    "CONDUCTOR_PASSWORD",
)
"""Credentials of whoever makes the archive; with those of lakeFS, they are looked for in it."""
ABOUT: Final = """Made by `perago support-bundle` {version} at {time}, of {place}.

No Secret was read. Literal variables of containers, credentials and whatever looks like one are replaced by [removed].
{content}
Look through it before you send it: a name or a message can still tell more than you want to.
"""
WITHOUT: Final = "Inputs, outputs, tracebacks and the logs of tasks are left out; --with-content keeps them."
WITH: Final = "Inputs, outputs, tracebacks and the logs of tasks are in it, as --with-content was given."


@dataclass
class Bundle:
    """The files of an archive, and what could not be had."""

    secrets: Sequence[str]
    content: bool
    files: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def add(self, name: str, read: Callable[[], str]) -> None:
        """A text, without credentials; the archive says why one is not there."""
        try:
            self.files[name] = scrubbed(read(), self.secrets)
        except Problem as problem:
            self.missing.append(f"{name}: {problem}")

    def add_objects(self, name: str, read: Callable[[], Sequence[Raw]]) -> None:
        """Objects, without credentials."""
        self.add(name, lambda: self._yaml(read()))

    def _yaml(self, objects: Sequence[Raw]) -> str:
        import yaml

        plain: Any = json.loads(json.dumps(list(objects)))
        cleaned: Any = without_secrets(plain, self.secrets, content=self.content)
        return yaml.safe_dump_all(cleaned, sort_keys=False, allow_unicode=True, width=120)


def execute(session: Session, file: Path, conductor: Callable[[], Conductor | None], *, content: bool) -> int:
    """Write the archive, and say what is in it."""
    own = (*(os.environ.get(name, "") for name in SECRET_VARIABLES), *lakefs.credentials())
    bundle = Bundle(forms(own), content)
    for step in _steps(session, bundle, conductor):
        session.output.remark(f"perago: reading {step} …")
    _about(session, bundle)
    _write(file, bundle.files, session.now())
    for text in bundle.missing:
        session.output.remark(f"perago: not in it: {text}")
    session.output.line(
        f"{file} has {len(bundle.files)} files, without credentials; look through it before you send it"
    )
    return 0


def _steps(session: Session, bundle: Bundle, conductor: Callable[[], Conductor | None]) -> Iterator[str]:
    """Reads one part after the other; yields what it is about to read."""
    yield "the findings of perago doctor"
    bundle.add("doctor.txt", lambda: _doctor(session, conductor))
    yield f"attempts, PeragoTasks, pods and events {session.place}"
    for kind in (ATTEMPTS, TASKS):
        bundle.add_objects(f"objects/{kind.plural}.yaml", partial(_all, session, kind))
    bundle.add_objects("objects/pods.yaml", partial(_all, session, PODS, OURS))
    bundle.add_objects("objects/events.yaml", partial(_events, session))
    bundle.add_objects("objects/customresourcedefinitions.yaml", lambda: _crds(session))
    yield "the logs of attempts' pods"
    _logs(session, bundle)
    yield "the operator"
    _operators(session, bundle)


def _all(session: Session, kind: Kind, labels: str = "") -> Sequence[Raw]:
    return session.cluster.find(kind, session.namespace, labels=labels).items


def _events(session: Session) -> Sequence[Raw]:
    """Those about our objects: others have the namespace, too."""
    ours = {seen_attempt(raw).metadata.name for raw in _all(session, ATTEMPTS)}
    return [event for event in _all(session, EVENTS) if _is_ours(event, ours)]


def _is_ours(event: Raw, attempts: Collection[str]) -> bool:
    about: Any = event.get("involvedObject") or {}
    kind, name = str(about.get("kind", "")), str(about.get("name", ""))
    return kind.startswith("Perago") or (kind == "Pod" and name.rpartition("-")[0] in attempts)


def _doctor(session: Session, conductor: Callable[[], Conductor | None]) -> str:
    lines = (line for finding in doctor.findings(session, conductor) for line in section_of([finding]).lines)
    return "".join(f"{line.label}  {line.text}\n" for line in lines)


def _crds(session: Session) -> Sequence[Raw]:
    """Their versions and conditions; their schemas are those of the release."""
    names = (f"{kind.plural}.{kind.group}" for kind in (ATTEMPTS, TASKS))
    return [_brief(session.cluster.get(CRDS, None, name)) for name in names]


def _brief(crd: Raw) -> Raw:
    spec: Any = crd["spec"]
    versions: Any = [
        {name: version.get(name) for name in ("name", "served", "storage")} for version in spec["versions"]
    ]
    return {"metadata": crd["metadata"], "versions": versions, "status": crd.get("status")}


def _logs(session: Session, bundle: Bundle) -> None:
    """Of the pods that are there: the agent's, which has no content, and with content the task's."""
    containers = (AGENT_CONTAINER, TASK_CONTAINER) if bundle.content else (AGENT_CONTAINER,)
    try:
        pods = _all(session, PODS, OURS)
    except Problem:
        return  # the file of the pods says so
    for pod in pods:
        metadata: Any = pod["metadata"]
        for container in containers:
            _log(session, bundle, f"logs/{metadata['namespace']}", metadata, container)


def _log(session: Session, bundle: Bundle, folder: str, metadata: Mapping[str, str], container: str) -> None:
    question = LogQuestion(metadata["namespace"], metadata["name"], container, tail=LOG_LINES)
    bundle.add(
        f"{folder}/{metadata['name']}-{container}.log",
        lambda: "".join(f"{line}\n" for line in session.cluster.log(question)),
    )


def _operators(session: Session, bundle: Bundle) -> None:
    deployments: Sequence[Raw] = ()
    try:
        deployments = session.cluster.find(DEPLOYMENTS, None, labels=doctor.OPERATOR_LABELS).items
    except Problem as problem:
        bundle.missing.append(f"operator: {problem}")
    for raw in deployments:
        _operator(session, bundle, raw)


def _operator(session: Session, bundle: Bundle, raw: Raw) -> None:
    operator = Operator.model_validate(raw)
    namespace, folder = operator.metadata.namespace, f"operator/{operator.key.replace('/', '.')}"
    lease = operator.variable("PERAGO_LEASE_NAME") or operator.metadata.name
    bundle.add_objects(f"{folder}/deployment.yaml", lambda: [raw])
    bundle.add_objects(f"{folder}/lease.yaml", lambda: [session.cluster.get(LEASES, namespace, lease)])
    instance = operator.metadata.labels.get("app.kubernetes.io/instance", "")
    labels = f"{doctor.OPERATOR_LABELS},app.kubernetes.io/instance={instance}"
    try:
        pods = session.cluster.find(PODS, namespace, labels=labels).items
    except Problem as problem:
        bundle.missing.append(f"{folder}/pods.yaml: {problem}")
        return
    bundle.add_objects(f"{folder}/pods.yaml", lambda: pods)
    for pod in pods:
        metadata: Any = pod["metadata"]
        _log(session, bundle, folder, metadata, "operator")


def _about(session: Session, bundle: Bundle) -> None:
    text = ABOUT.format(
        version=version("perago"),
        time=session.now().isoformat(timespec="seconds"),
        place=session.place.removeprefix("in "),
        content=WITH if bundle.content else WITHOUT,
    )
    missing = "".join(f"- {scrubbed(sentence, bundle.secrets)}\n" for sentence in bundle.missing)
    bundle.files["README.txt"] = text + (f"\nNot in it:\n{missing}" if missing else "")


def _write(file: Path, files: Mapping[str, str], now: datetime) -> None:
    """Readable for nobody else; a file that exists is not overwritten."""
    folder = file.name.removesuffix(".tar.gz")
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise Problem(f"{file} cannot be written: {error.strerror}; name another file with --file") from error
    with os.fdopen(descriptor, "wb") as target, tarfile.open(fileobj=target, mode="w:gz") as archive:
        for name, text in sorted(files.items()):
            content = text.encode()
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mode, entry.mtime = len(content), 0o600, int(now.timestamp())
            archive.addfile(entry, io.BytesIO(content))
