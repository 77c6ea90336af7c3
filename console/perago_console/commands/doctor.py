"""`perago doctor`: checks an installation from where it is used, and says what is wrong."""

from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version

from perago_console import lakefs
from perago_console.conductor import Conductor
from perago_console.core import checks
from perago_console.core.checks import Finding, Operator
from perago_console.core.page import Tone
from perago_console.core.rights import NEEDS
from perago_console.ports import ACCOUNTS, ATTEMPTS, DEPLOYMENTS, LEASES, TASKS
from perago_console.problems import Forbidden, Misused, NotFound, Problem
from perago_console.session import Session, seen_attempt, seen_task

OPERATOR_LABELS = "app.kubernetes.io/name=perago-operator"
ASK = "Ask somebody who may, or see whoever runs Perago."


def execute(session: Session, conductor: Callable[[], Conductor | None]) -> int:
    """Print the findings as they come; 1 if something is wrong."""
    wrong = 0
    for finding in findings(session, conductor):
        session.output.page((checks.section_of([finding]),))
        wrong += finding.tone is Tone.BAD
    session.output.line("")
    session.output.line(
        "nothing is wrong" if not wrong else f"{wrong} {'thing is' if wrong == 1 else 'things are'} wrong"
    )
    return 1 if wrong else 0


def findings(session: Session, conductor: Callable[[], Conductor | None]) -> Iterator[Finding]:
    """All checks, one after the other; one that cannot be made says why."""
    yield from checks.of_server(session.cluster.server(), session.now())
    yield from _rights(session)
    yield from _checked("operator", lambda: _operators(session))
    yield from _checked("PeragoTasks", lambda: _tasks(session))
    yield from _checked("attempts", lambda: _attempts(session))
    yield from _checked("Conductor", lambda: _conductor(conductor()))
    yield from _checked("lakeFS", _lakefs)


def _checked(what: str, check: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return check()
    except Forbidden as error:
        return [Finding(what, str(error), Tone.WAITS, ASK)]
    except Problem as error:
        return [Finding(what, str(error), Tone.BAD)]


def _rights(session: Session) -> list[Finding]:
    rights = {right for needs in NEEDS.values() for right in (*needs.required, *needs.helpful)}
    allowed = {(verb, kind): session.cluster.allows(verb, kind, session.namespace) for verb, kind in rights}
    return checks.of_rights(allowed, session.place if session.namespace else "in all namespaces")


def _operators(session: Session) -> list[Finding]:
    raws = session.cluster.find(DEPLOYMENTS, None, labels=OPERATOR_LABELS).items
    operators = [Operator.model_validate(raw) for raw in raws]
    results = checks.of_operators(operators, session.namespace, version("perago"))
    for operator in operators:
        if session.namespace is None or operator.serves(session.namespace):
            results += _checked(f"leader of {operator.key}", partial(_leader, session, operator))
            results += _checked("service account", partial(_account, session, operator))
    return results


def _leader(session: Session, operator: Operator) -> list[Finding]:
    name = operator.variable("PERAGO_LEASE_NAME") or operator.metadata.name
    namespace = operator.variable("PERAGO_LEASE_NAMESPACE") or operator.metadata.namespace
    try:
        lease = checks.Lease.model_validate(session.cluster.get(LEASES, namespace, name))
    except NotFound:
        lease = None
    return [checks.of_lease(operator, lease, session.now())]


def _account(session: Session, operator: Operator) -> list[Finding]:
    """What the agents run as, which the chart makes in each namespace that it serves by name."""
    name, namespace = operator.variable("PERAGO_RUNNER_SERVICE_ACCOUNT") or "perago-runner", session.namespace
    if namespace is None:
        return []
    what = f"service account {namespace}/{name}"
    try:
        session.cluster.get(ACCOUNTS, namespace, name)
    except NotFound:
        remedy = "Add the namespace to the value `namespaces` of the chart, or create the account with its Role."
        return [Finding(what, "it does not exist, so no pod of an attempt can start", Tone.BAD, remedy)]
    return [Finding(what, "exists")]


def _tasks(session: Session) -> list[Finding]:
    tasks = [seen_task(raw) for raw in session.cluster.find(TASKS, session.namespace).items]
    return [finding for task in tasks for finding in checks.of_task(task)] or [
        Finding("PeragoTasks", f"there are none {session.place}")
    ]


def _attempts(session: Session) -> list[Finding]:
    attempts = [seen_attempt(raw) for raw in session.cluster.find(ATTEMPTS, session.namespace).items]
    return checks.of_attempts(attempts, session.now())


def _conductor(conductor: Conductor | None) -> list[Finding]:
    if conductor is None:
        words = "not asked from here, because CONDUCTOR_SERVER_URL is not set; the operator checks it on its own"
        return [Finding("Conductor", words, Tone.WAITS)]
    conductor.check()
    return [Finding("Conductor", f"{conductor.http.url} answers")]


def _lakefs() -> list[Finding]:
    try:
        lakefs.check()
    except Misused as error:
        return [Finding("lakeFS", f"not asked from here: {error}", Tone.WAITS)]
    return [Finding("lakeFS", "answers, and knows the keys")]
