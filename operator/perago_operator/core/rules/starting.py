"""There is no pod for the next execution: what has to be out of the way before it is created. Rules, pure."""

from datetime import timedelta

from perago_operator.api.reasons import Reason, with_remedy
from perago_operator.core import actions as do
from perago_operator.core.memory import Trouble
from perago_operator.core.pauses import paused_until
from perago_operator.core.pod.declaration import merge_problem, templates_problem
from perago_operator.core.pod.limits import attempt_problem
from perago_operator.core.pod.manifest import pod_manifest
from perago_operator.core.room import reached
from perago_operator.core.rules.common import delete_staging, failure, invalid, let_pods_go, pausing, waiting
from perago_operator.core.rules.ruling import Notice, Ruling
from perago_operator.core.situation import Situation


def former_pod_is_held(s: Situation) -> Ruling | None:
    """A disrupted execution's pod has shown all it can: let it go before the next one starts."""
    actions = let_pods_go(s)
    return Ruling(actions) if actions else None


def former_staging_is_left(s: Situation) -> Ruling | None:
    """Delete the disrupted execution's staging branch: it fences a pod that may yet live on a lost node."""
    actions = delete_staging(s)
    trouble = s.trouble(do.DeleteStaging)
    notice = Notice(Reason.STAGING_PENDING, trouble.message, warning=True) if trouble else None
    return Ruling(actions, notice) if actions else None


def claim_is_false(s: Situation) -> Ruling | None:
    """Whoever wrote the attempt names a Conductor task that is not its own: nothing is done in that task's name."""
    return Ruling(outcome=invalid(s, s.claim)) if s.claim else None


def execution_is_paused(s: Situation) -> Ruling | None:
    """A pod was lost: whatever took it may last, so each one that follows waits for longer, and says until when."""
    disruption, until = s.status.disruption, paused_until(s)
    if disruption is None or until is None or s.now >= until:
        return None
    return Ruling(notice=pausing(disruption.message, disruption.until), look_again_at=until)


def task_is_unknown(s: Situation) -> Ruling | None:
    """The PeragoTask does not exist, cannot be read, or says too little: wait for it."""
    ref, missing = s.attempt.spec.task_ref, s.resolved.missing
    if s.task and s.task.problem:
        message = f"PeragoTask {s.task.metadata.name} cannot be read: {s.task.problem}"
        return _waiting(s, Reason.INVALID_SPEC, message)
    if ref and s.task is None:
        namespace = s.attempt.metadata.namespace
        return _waiting(s, Reason.TASK_NOT_FOUND, f"PeragoTask {ref.name} does not exist in namespace {namespace}")
    if missing:
        either = f"neither the attempt nor PeragoTask {ref.name} says" if ref else "the attempt does not say"
        return _waiting(s, Reason.TASK_INCOMPLETE, f"{either} which {missing} to run")
    return None


def _waiting(s: Situation, reason: Reason, message: str) -> Ruling:
    """Wait until people have done what the remedy says."""
    return waiting(s, Notice(reason, with_remedy(message, reason), warning=True))


def template_is_refused(s: Situation) -> Ruling | None:
    """The attempt asks for more than it may, or a pod template does, or reaches for what is the agent's alone."""
    try:
        problem = attempt_problem(s.attempt.spec, s.config.attempts) or templates_problem(
            s.task, s.attempt.spec, s.resolved, s.config
        )
    except ValueError as error:
        problem = str(error)
    return Ruling(outcome=invalid(s, problem)) if problem else None


def earlier_attempt_may_publish(s: Situation) -> Ruling | None:
    """Fence before start: while an earlier attempt of the task may still publish, this one waits."""
    earlier = s.unsettled_earlier
    if earlier is None:
        return None
    return waiting(s, Notice(Reason.EARLIER_ATTEMPT, f"waiting for the end of attempt {earlier.name}"))


def too_many_run(s: Situation) -> Ruling | None:
    """Back-pressure: the task, the namespace or the nodes have as many pods as they may have at once."""
    full = reached(s.ahead, s.resolved.max_concurrency, s.crowd, s.config.limits)
    if full is None:
        return None
    return Ruling(notice=Notice(full.reason, with_remedy(full.message, full.reason)), waits_for=full.scope)


def attempt_is_not_held(s: Situation) -> Ruling | None:
    """Made by hand: our finalizer comes before the pod, so that no deletion can go unseen."""
    return None if s.held else Ruling((do.HoldAttempt(),), _refusal(s, do.HoldAttempt))


def pod_was_refused(s: Situation) -> Ruling | None:
    """The API server will never take this pod, as it is declared; or it has not taken it for too long."""
    trouble = s.trouble(do.CreatePod)
    if trouble is None:
        return None
    if trouble.permanent:
        return Ruling(outcome=invalid(s, trouble.message))
    patience = _patience_with(s, trouble)
    if patience is None or s.now < (trouble.since or s.now) + timedelta(seconds=patience):
        return None
    message = f"the API server has not taken the pod for {patience:.0f} s: {trouble.message}"
    return Ruling(outcome=failure(s, Reason.POD_REFUSED, message))


def _patience_with(s: Situation, trouble: Trouble) -> float | None:
    """How long the pod may be refused for this; None where that renews no patience of Conductor's."""
    if trouble.reason is Reason.POD_REFUSED:
        return s.config.refused_patience
    return s.config.wait_patience if s.conductor else None


def pod_can_start(s: Situation) -> Ruling | None:
    """Nothing stands in the way: create the pod of this execution, unless a template has taken away what is ours."""
    execution = max(s.execution, 1)
    try:
        manifest = pod_manifest(s.attempt, s.resolved, execution, s.config)
        problem = merge_problem(manifest, s.attempt, s.resolved, execution, s.config)
    except ValueError as error:
        return Ruling(outcome=invalid(s, str(error)))
    if problem:
        return Ruling(outcome=invalid(s, problem))
    return Ruling((do.CreatePod(s.pod_name, manifest),), _refusal(s, do.CreatePod))


def _refusal(s: Situation, kind: type[do.HoldAttempt | do.CreatePod]) -> Notice | None:
    """What people read while the API server does not take the finalizer or the pod."""
    trouble = s.trouble(kind)
    return Notice(trouble.reason, trouble.message, warning=True) if trouble and trouble.reason else None
