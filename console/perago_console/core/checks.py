"""`perago doctor`: what is wrong with an installation, as far as objects and answers show it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from perago.wire.reasons import WORDS
from perago_console.core.holding import UNSEEN_SECONDS, holding
from perago_console.core.objects import Attempt, Seen, Whole
from perago_console.core.page import Line, Section, Tone
from perago_console.core.rights import NEEDS, Right
from perago_console.core.tasks import INTENDED, POLLING, READY, Task
from perago_console.core.times import length
from perago_console.ports import Server

OLDEST_KUBERNETES: Final = (1, 30)
CLOCK_SECONDS: Final = 5.0
"""Ages and times that are shown are wrong by this much; the answer itself has taken a moment."""
LONG_WAIT_SECONDS: Final = 1800.0
"""As the alert PeragoAttemptsWaiting has it."""
MOST_NAMED: Final = 3
_MARKS: Final = {Tone.GOOD: "ok", Tone.BAD: "wrong", Tone.WAITS: "unknown"}


@dataclass(frozen=True)
class Finding:
    """One check: good, bad, or waiting for somebody who may know."""

    what: str
    says: str
    tone: Tone = Tone.GOOD
    remedy: str = ""


class Variable(Seen):
    """A literal variable of a container."""

    name: str
    value: str = ""


class OperatorContainer(Seen):
    """The operator's container."""

    image: str = ""
    env: tuple[Variable, ...] = ()


class OperatorPodSpec(Seen):
    """The operator's pod."""

    containers: tuple[OperatorContainer, ...] = ()


class OperatorTemplate(Seen):
    """`spec.template`."""

    spec: OperatorPodSpec = OperatorPodSpec()


class DeploymentSpec(Seen):
    """How many replicas of what."""

    replicas: int = 1
    template: OperatorTemplate = OperatorTemplate()


class DeploymentStatus(Seen):
    """How many are ready."""

    ready_replicas: int = 0


class Operator(Whole):
    """The operator's Deployment."""

    spec: DeploymentSpec = DeploymentSpec()
    status: DeploymentStatus = DeploymentStatus()

    def variable(self, name: str) -> str:
        """A setting, as its variable says it."""
        every = (entry for container in self.spec.template.spec.containers for entry in container.env)
        return next((entry.value for entry in every if entry.name == name), "")

    def serves(self, namespace: str) -> bool:
        """Whether attempts of a namespace are its own; without names, all are."""
        names = [name.strip() for name in self.variable("PERAGO_NAMESPACES").split(",") if name.strip()]
        return not names or namespace in names


class LeaseSpec(Seen):
    """Who holds a Lease."""

    holder_identity: str | None = None
    renew_time: datetime | None = None
    lease_duration_seconds: int | None = None


class Lease(Whole):
    """A Lease."""

    spec: LeaseSpec = LeaseSpec()


def of_server(server: Server, now: datetime) -> list[Finding]:
    """Its version, and the difference of the clocks."""
    numbers = tuple(int(part) for part in server.version.removeprefix("v").split(".")[:2] if part.isdecimal())
    findings = [Finding("API server", f"{server.address} answers, Kubernetes {server.version}")]
    if numbers < OLDEST_KUBERNETES:
        oldest = ".".join(map(str, OLDEST_KUBERNETES))
        findings = [
            Finding("API server", f"Kubernetes {server.version} is too old", Tone.BAD, f"Upgrade it to {oldest}.")
        ]
    if server.time is None:
        return findings
    apart = abs((now - server.time).total_seconds())
    if apart > CLOCK_SECONDS:
        differ = f"the clocks of this machine and the API server differ by {length(apart)}"
        words = f"{differ}, and the ages that are shown are off by that"
        return [*findings, Finding("clock", words, Tone.BAD, "Set the clock of the one that is wrong.")]
    return [*findings, Finding("clock", "this machine and the API server agree")]


def of_rights(allowed: Mapping[Right, bool], place: str) -> list[Finding]:
    """Which commands work, and what each of the others lacks."""
    findings = []
    for command, needs in NEEDS.items():
        missing = [_right(right) for right in needs.required if not allowed[right]]
        less = [_right(right) for right in needs.helpful if not allowed[right]]
        what = f"perago {command}"
        if missing:
            remedy = "Ask for the ClusterRole perago-viewer, or perago-editor to cancel and retry."
            findings.append(Finding(what, f"you may not {', '.join(missing)} {place}", Tone.BAD, remedy))
        elif less:
            findings.append(Finding(what, f"shows less, as you may not {', '.join(less)} {place}", Tone.WAITS))
        else:
            findings.append(Finding(what, f"you have its rights {place}"))
    return findings


def of_operators(operators: Sequence[Operator], namespace: str | None, version: str) -> list[Finding]:
    """Whether one serves the namespace, and how it is doing."""
    serving = [operator for operator in operators if namespace is None or operator.serves(namespace)]
    if not serving:
        others = ", ".join(operator.key for operator in operators)
        words = f"none serves namespace {namespace}" + (f"; there is {others}" if others else "")
        remedy = "Add the namespace to the value `namespaces` of the chart, or install the chart."
        return [Finding("operator", words, Tone.BAD, remedy)]
    findings = [finding for operator in serving for finding in _of_operator(operator, version)]
    if namespace is not None and len(serving) > 1:
        names = " and ".join(operator.key for operator in serving)
        remedy = "Take the namespace out of the values of all of them but one."
        findings.append(Finding("operator", f"{names} all serve namespace {namespace}", Tone.BAD, remedy))
    return findings


def of_lease(operator: Operator, lease: Lease | None, now: datetime) -> Finding:
    """Whether a replica leads."""
    what = f"leader of {operator.key}"
    holder, renewed = (lease.spec.holder_identity, lease.spec.renew_time) if lease else (None, None)
    remedy = "See the alert PeragoNoLeader in the operations guide."
    if not holder or renewed is None:
        return Finding(what, "no replica holds the Lease", Tone.BAD, remedy)
    silent = (now - renewed).total_seconds()
    lasts = (lease.spec.lease_duration_seconds if lease else None) or 0
    if silent > lasts + CLOCK_SECONDS:
        return Finding(what, f"{holder} has not renewed the Lease for {length(silent)}", Tone.BAD, remedy)
    return Finding(what, f"{holder}, which renewed the Lease {length(silent)} ago")


def of_task(task: Task) -> list[Finding]:
    """Whether it is ready, and polled."""
    what = f"PeragoTask {task.key}"
    wrong = [
        Finding(
            what,
            f"{condition.type} is False: {condition.reason}: {condition.message}",
            Tone.BAD,
            _remedy(condition.reason),
        )
        for kind in (READY, POLLING)
        if (condition := task.condition(kind)) and condition.status == "False" and condition.reason not in INTENDED
    ]
    if not task.status.conditions:
        wrong = [Finding(what, "no operator has looked at it", Tone.BAD, "See the findings about the operator.")]
    return wrong or [Finding(what, "is ready" + (", and paused" if task.spec.paused else ""))]


def of_attempts(attempts: Sequence[Attempt], now: datetime) -> list[Finding]:
    """Those that nobody has looked at, and those that have waited for long."""
    unseen = [attempt for attempt in attempts if not attempt.status.phase and _older(attempt, UNSEEN_SECONDS, now)]
    waiting = [
        attempt for attempt in attempts if _older(attempt, LONG_WAIT_SECONDS, now) and holding(attempt, now).waits
    ]
    findings = []
    if unseen:
        findings.append(_several("have no status", unseen, "See the findings about the operator."))
    if long := [attempt for attempt in waiting if attempt not in unseen]:
        findings.append(_several("have waited for half an hour or more", long, "`perago explain` says what for."))
    return findings or [Finding("attempts", f"none of {len(attempts)} waits for long")]


def section_of(findings: Sequence[Finding]) -> Section:
    """The findings as lines."""
    return Section("", tuple(Line(_MARKS[finding.tone], _words(finding), finding.tone) for finding in findings))


def _words(finding: Finding) -> str:
    words = f"{finding.what}: {finding.says}"
    return f"{words}\n→ {finding.remedy}" if finding.remedy else words


def _of_operator(operator: Operator, version: str) -> list[Finding]:
    what, own = f"operator {operator.key}", operator.metadata.labels.get("app.kubernetes.io/version", "")
    ready, wanted = operator.status.ready_replicas, operator.spec.replicas
    if ready < wanted or not wanted:
        remedy = (
            f"Read `kubectl -n {operator.metadata.namespace} logs deployment/{operator.metadata.name}`, which names "
        )
        remedy += "the server that does not answer, or scale it up."
        findings = [Finding(what, f"{ready} of {wanted} replicas are ready", Tone.BAD, remedy)]
    else:
        findings = [Finding(what, f"version {own or 'unknown'}, {ready} of {wanted} replicas are ready")]
    if own and own != version:
        words = f"its version is {own}, and this command's is {version}: they may use different words"
        findings.append(Finding(what, words, Tone.WAITS, f"Install perago {own}."))
    return findings


def _several(what: str, attempts: Sequence[Attempt], remedy: str) -> Finding:
    names = ", ".join(attempt.key for attempt in attempts[:MOST_NAMED])
    more = f" and {len(attempts) - MOST_NAMED} more" if len(attempts) > MOST_NAMED else ""
    return Finding("attempts", f"{len(attempts)} {what}: {names}{more}", Tone.BAD, remedy)


def _older(attempt: Attempt, seconds: float, now: datetime) -> bool:
    return not attempt.ended and attempt.created is not None and (now - attempt.created).total_seconds() >= seconds


def _right(right: Right) -> str:
    verb, kind = right
    return f"{verb} {kind.resource}"


def _remedy(reason: str) -> str:
    return WORDS[reason].remedy if reason in WORDS else ""
