"""There is no pod for the next execution: what has to be out of the way before it is created. Rules, pure."""

from perago_operator.api.reasons import Reason
from perago_operator.core import actions as do
from perago_operator.core.names import ATTEMPT_FINALIZER
from perago_operator.core.podspec import pod_manifest
from perago_operator.core.rules.common import delete_staging, invalid, let_pods_go
from perago_operator.core.rules.next import Next, Notice
from perago_operator.core.situation import Situation
from perago_operator.core.templates import template_problem


def former_pod_is_held(s: Situation) -> Next | None:
    """A disrupted execution's pod has said all it can: let it go before the next one starts."""
    orders = let_pods_go(s)
    return Next(orders) if orders else None


def former_staging_is_left(s: Situation) -> Next | None:
    """Delete the disrupted execution's staging branch: it fences a pod that may yet live on a lost node."""
    orders = delete_staging(s)
    return Next(orders, _staging_notice(s)) if orders else None


def task_is_unknown(s: Situation) -> Next | None:
    """The PeragoTask does not exist, or says too little: wait for it."""
    ref = s.attempt.spec.task_ref
    if ref and s.task is None:
        message = f"PeragoTask {ref.name} does not exist in namespace {s.attempt.metadata.namespace}"
        return Next(notice=Notice(Reason.TASK_NOT_FOUND, message, warning=True))
    if s.resolved.missing:
        named = f"PeragoTask {ref.name}" if ref else "the attempt"
        message = f"{named} does not say which {s.resolved.missing} to run, nor does the attempt"
        return Next(notice=Notice(Reason.TASK_INCOMPLETE, message, warning=True))
    return None


def template_is_refused(s: Situation) -> Next | None:
    """The pod template reaches for what is the agent's alone."""
    secrets = frozenset({s.resolved.lakefs_secret, s.resolved.conductor_secret})
    problems = (template_problem(each, secrets) for each in s.resolved.pod_templates)
    problem = next((each for each in problems if each), None)
    return Next(outcome=invalid(problem)) if problem else None


def earlier_attempt_may_publish(s: Situation) -> Next | None:
    """Fence before start: while an earlier attempt of the task may still publish, this one waits."""
    earlier = s.unsettled_earlier
    if earlier is None:
        return None
    return Next(notice=Notice(Reason.EARLIER_ATTEMPT, f"waiting for the end of attempt {earlier.name}"))


def too_many_run(s: Situation) -> Next | None:
    """Back-pressure: as many attempts of this task as may run at once have a pod."""
    limit = s.resolved.max_concurrency
    if limit is None or s.ahead < limit:
        return None
    return Next(notice=Notice(Reason.MAX_CONCURRENCY, f"{limit} attempts of this task may run at once"))


def attempt_is_not_held(s: Situation) -> Next | None:
    """Made by hand: our finalizer comes before the pod, so that no deletion can go unseen."""
    if s.held or ATTEMPT_FINALIZER in s.attempt.metadata.finalizers:
        return None
    return Next((do.HoldAttempt(),), _creation_notice(s, "HoldAttempt"))


def pod_was_refused(s: Situation) -> Next | None:
    """The API server will never take this pod: the attempt is wrong as it is declared."""
    trouble = s.trouble("CreatePod")
    return Next(outcome=invalid(trouble.message)) if trouble and trouble.permanent else None


def pod_can_start(s: Situation) -> Next | None:
    """Nothing stands in the way: create the pod of this execution."""
    execution = max(s.execution, 1)
    try:
        manifest = pod_manifest(s.attempt, s.resolved, execution, s.config)
    except ValueError as error:
        return Next(outcome=invalid(str(error)))
    return Next((do.CreatePod(s.pod_name, manifest),), _creation_notice(s, "CreatePod"))


def _creation_notice(s: Situation, kind: str) -> Notice | None:
    """What people read while the API server does not take the pod."""
    trouble = s.trouble(kind)
    return Notice(trouble.reason, trouble.message, warning=True) if trouble else None


def _staging_notice(s: Situation) -> Notice | None:
    trouble = s.trouble("DeleteStaging")
    return Notice(Reason.STAGING_PENDING, trouble.message, warning=True) if trouble else None
