"""The attempt must stop, or its pod is over: stop it, ask lakeFS what it published, say how it ended. Pure."""

from datetime import datetime

from perago_operator.api.reasons import Reason, with_remedy
from perago_operator.core import actions as do
from perago_operator.core import evidence
from perago_operator.core.log import read_log
from perago_operator.core.pod import diagnosis
from perago_operator.core.rules.common import delete_pods, delete_staging, failure, look_for_pod, unseen_until
from perago_operator.core.rules.ruling import Notice, Ruling
from perago_operator.core.situation import Situation


def stopping(s: Situation) -> Ruling | None:
    """Deleted, canceled, superseded, out of time or unreadable while a pod may run: delete it and wait for its end.

    Its log is read first: the kubelet removes it with the containers. One that no watch has shown yet is looked for,
    since nothing is deleted without its uid.
    """
    return _end_pods(s, s.stop.message, log=True) if s.stop else None


def agent_gave_up(s: Situation) -> Ruling | None:
    """The agent gave up on the infrastructure, and another execution is due: delete the pod and wait for its end."""
    outcome = s.recoverable
    return _end_pods(s, f"the agent gave up: {outcome.message or outcome.reason}", log=False) if outcome else None


def _end_pods(s: Situation, message: str, *, log: bool) -> Ruling | None:
    """Delete the pods that may run, after a look for one that no watch shows and, if wanted, at the log."""
    if not (s.running_pods or s.pod_unseen):
        return None
    look = look_for_pod(s) if s.pod_unseen else ()
    deletions = delete_pods(pod for pod in s.running_pods if s.undeleted(pod))
    reading = read_log(s, failed=True) if log and deletions else ()
    return Ruling((*look, *reading, *deletions), Notice(Reason.STOPPING, message), look_again_at=_next_look(s))


def pod_is_missing(s: Situation) -> Ruling | None:
    """No watch shows the pod: ask the API server before it counts as gone, for a watch may be late or broken."""
    if not s.pod_is_missing or s.now < unseen_until(s):
        return None
    return Ruling(look_for_pod(s))


def staging_may_be_merged(s: Situation) -> Ruling | None:
    """The pod is over and may have published: delete its staging branch before lakeFS is asked.

    An agent may live on at a lost node, right before its merge. No merge begins from a branch that is gone, so what
    lakeFS says afterwards is final.
    """
    wanted = _may_have_published(s) and evidence.question(s) is not None
    actions = delete_staging(s) if wanted else ()
    return _asking(s, do.DeleteStaging, actions) if actions else None


def evidence_is_missing(s: Situation) -> Ruling | None:
    """The pod is over and may have published: ask lakeFS before anything is concluded."""
    question = evidence.question(s) if _may_have_published(s) else None
    return _asking(s, do.AskEvidence, (question,)) if question else None


def work_was_published(s: Situation) -> Ruling | None:
    """The target branch has this attempt's commit with its output: that is the outcome, and nothing runs again."""
    outcome = evidence.outcome(s) if _may_have_published(s) else None
    return Ruling(outcome=outcome) if outcome else None


def stopped(s: Situation) -> Ruling | None:
    """No process of the attempt runs any more: say why it was stopped."""
    if s.stop is None:
        return None
    message = with_remedy(s.stop.message, s.stop.reason)
    return Ruling(outcome=failure(s, s.stop.reason, evidence.with_strays(s, message), s.stop.result))


def _may_have_published(s: Situation) -> bool:
    """The attempt's last process has ended without an outcome; of a superseded attempt nobody wants to know."""
    over = s.pod_over or s.stop is not None
    return over and not (s.stop and s.stop.reason is Reason.SUPERSEDED)


def _asking(s: Situation, call: do.Kind, actions: tuple[do.Action, ...]) -> Ruling:
    """Ask lakeFS, and say so until it has answered; a pod that has said all it can is not held while it is away."""
    trouble = s.trouble(call)
    message = "checking in lakeFS whether the pod published before it ended"
    if trouble is None:
        return Ruling(actions, Notice(Reason.WAITING_FOR_EVIDENCE, message))
    notice = Notice(Reason.WAITING_FOR_EVIDENCE, f"{message}: {trouble.message}", warning=True)
    return Ruling((*actions, *_let_leave(s)), notice)


def _let_leave(s: Situation) -> tuple[do.Action, ...]:
    """Release of a pod that somebody deletes, a drain for example, and whose end shows nothing but that."""
    pod = s.pod
    leaves = pod is not None and pod.metadata.deletion_timestamp is not None and s.unreleased(pod)
    ending = diagnosis.ending(pod) if pod and leaves else None
    return (do.ReleasePod(pod.name, pod.metadata.uid),) if pod and ending and ending.disrupted else ()


def _next_look(s: Situation) -> datetime | None:
    """When the first pod begins to count as lost."""
    return min((lost for pod in s.running_pods if (lost := s.lost_at(pod))), default=None)
