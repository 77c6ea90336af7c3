"""Broken variants of the operator: each lacks one rule that keeps it right, and the sweep has to find that out.

A variant replaces one thing of the real code (`Patch`), and says in which scenario it shows.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from inspect import getattr_static
from typing import Any

from perago.wire import ConductorTask, Outcome
from perago_operator.adapters import conductor as conductor_adapter
from perago_operator.adapters import http
from perago_operator.api.attempt import PeragoAttempt
from perago_operator.bridge.adoption import Adoption
from perago_operator.bridge.claim import Claim
from perago_operator.bridge.creation import Creation
from perago_operator.bridge.pollers import Pollers
from perago_operator.core import actions as do
from perago_operator.core import decide, learn
from perago_operator.core.answers import ConductorTaskState, Failure, Standing, Verdict
from perago_operator.core.memory import Memory
from perago_operator.core.pod.model import Pod
from perago_operator.core.reporting import judge
from perago_operator.core.rules import RULES, Rule, Ruling, ending, finishing, starting
from perago_operator.core.rules import turns as turn_rules
from perago_operator.core.siblings import retry_count
from perago_operator.core.situation import Situation
from perago_operator.ports import AlreadyExists, Lease, Manifest, PortError
from perago_operator.process import leader
from perago_operator.process.leader import Leadership, Observed
from perago_operator.reconcile import apply, memories
from perago_operator.reconcile.apply import Applier
from perago_operator.reconcile.loop import Reconciler
from perago_operator.watch.stores import AttemptStore
from tests.crash.faults import Kind


@dataclass(frozen=True)
class Patch:
    """What stands in the place of something real."""

    owner: Any
    name: str
    value: object


@dataclass(frozen=True)
class Variant:
    """A broken operator."""

    name: str
    scenario: str
    patches: tuple[Patch, ...]
    call: str = ""
    """At which calls it shows; none where it shows without a fault."""
    kind: Kind | None = None
    """What becomes of the call."""


@contextmanager
def broken(variant: Variant) -> Iterator[None]:
    """The real code is broken for a while."""
    real = [(patch, getattr_static(patch.owner, patch.name)) for patch in variant.patches]
    for patch in variant.patches:
        setattr(patch.owner, patch.name, patch.value)
    try:
        yield
    finally:
        for patch, value in real:
            setattr(patch.owner, patch.name, value)


def without(*rules: Rule) -> Patch:
    """The table without these rows."""
    return Patch(decide, "RULES", tuple(rule for rule in RULES if rule not in rules))


def without_turn(*rules: Rule) -> Patch:
    """The table of turns without these rows."""
    return Patch(turn_rules, "TURN_RULES", tuple(rule for rule in turn_rules.TURN_RULES if rule not in rules))


async def _believes_the_report(self: Applier, task: ConductorTask, outcome: Outcome) -> Verdict:
    await self._conductor.report(task, outcome)
    return Verdict(Standing.ACCEPTED, "HTTP 200", self._clock.now(), after_report=True)


def _released_with_the_outcome(s: Situation) -> Ruling | None:
    return Ruling((do.ReleaseAttempt(),)) if s.outcome and s.held else None


async def _any_pod_is_ours(self: Applier, namespace: str, manifest: Manifest, uid: str) -> None:
    try:
        await self._cluster.create_pod(namespace, manifest)
    except AlreadyExists:
        return


def _any_404_is_gone(status: int, data: bytes, call: Any) -> PortError:
    return http.refusal(status, "", data.decode(), str(call))


async def _stops_at_a_failure(self: Reconciler, action: do.Action, s: Situation) -> None:
    answer = await self._applier.carry_out(action, s.attempt)
    self._memories.succeeded(action, s, answer)


def _no_heartbeat(s: Situation) -> tuple[do.Heartbeat, ...]:
    return ()


def _failed_report_counts(s: Situation, action: do.Action, failure: Failure) -> Memory:
    memory = _FAILED(s, action, failure)
    if isinstance(action, do.Report):
        verdict = Verdict(Standing.ACCEPTED, "sent", s.now, after_report=True)
        return replace(memory, verdict=verdict)
    return memory


_FAILED = learn.failed


def _failed_deletion_counts(s: Situation, action: do.Action, failure: Failure) -> Memory:
    memory = _FAILED(s, action, failure)
    if isinstance(action, do.DeleteStaging):
        return replace(memory, staging_deleted=memory.staging_deleted | {action.branch})
    return memory


def _terminal_is_open(
    reading: ConductorTaskState | None, task: ConductorTask, outcome: Outcome | None, *, at: datetime
) -> Verdict:
    verdict = judge(reading, task, outcome, at=at)
    return replace(verdict, standing=Standing.OPEN) if verdict.standing is Standing.SUPERSEDED else verdict


async def _gives_nothing_back(self: Pollers, seconds: float) -> None:
    self.kill()


async def _exists_is_served(self: Creation, claim: Claim, ended: PeragoAttempt) -> PortError | None:
    return None


def _later_by_count(self: Situation) -> Any:
    mine = retry_count(self.attempt)
    return next((sibling for sibling in self.siblings if sibling.retry_count > mine), None)


def _never_waits(observed: Observed, identity: str, now: float, wall: str, duration: float) -> Lease | None:
    held = replace(observed.lease, holder="")
    return _NEXT_WRITE(replace(observed, lease=held), identity, now, wall, duration)


_NEXT_WRITE = leader.next_write


async def _leads_for_ever(self: Leadership) -> None:
    while True:
        await asyncio.sleep(self._terms.retry)
        await self._renew(self._terms.deadline)


async def _forgets_pods(self: Reconciler, key: Any) -> float | None:
    self._memories.forget(key)
    return None


async def _looks_for_nothing(self: Adoption) -> None:
    """No search."""


def _does_not_mind(self: Adoption) -> None:
    """No search either."""


def _reserves_nothing(self: AttemptStore, attempt: PeragoAttempt) -> bool:
    return True


def _nothing_is_in_doubt(uid: str, now: datetime, *, under_way: bool, reports: int) -> Memory:
    return Memory(uid, now, adopted=under_way, reports=reports)


def _held_for_good(self: Situation) -> bool:
    shown = "perago.dev/attempt" in self.attempt.metadata.finalizers
    return (shown or self.memory.held) and self.memory.released is None


def _ended_once_deleted(self: Pod) -> bool:
    return self.metadata.deletion_timestamp is not None


_EVERY_OUTCOME_COUNTS = Patch(Situation, "recoverable", None)
_WITHOUT_ADOPTION = Patch(Adoption, "look", _looks_for_nothing)
"""Adoption would run a task again that is still in progress although its attempt takes it for settled."""

BROKEN = (
    Variant("believes a report without reading it back", "result that nobody waits for",
            (Patch(Applier, "_report", _believes_the_report),)),
    Variant("reports once, whatever becomes of it", "Conductor away",
            (Patch(memories, "failed", _failed_report_counts), _WITHOUT_ADOPTION)),
    Variant("calls the death of a pod a failure without asking for evidence", "task killed after publication",
            (without(ending.evidence_is_missing, ending.work_was_published),)),
    Variant("starts an attempt while an earlier one may publish", "supersession",
            (without(starting.earlier_attempt_may_publish),)),
    Variant("starts the next execution before the lost one's branch is gone", "node lost",
            (without(ending.staging_may_be_merged, starting.former_staging_is_left),)),
    Variant("ends an attempt while its pod runs", "cancel", (without(ending.stopping),)),
    Variant("takes its finalizer off before the result is reported", "deletion",
            (Patch(decide, "RULES", (_released_with_the_outcome, *RULES)),)),
    Variant("takes any pod of the name for its own", "name taken, and deleted",
            (Patch(Applier, "_create_pod", _any_pod_is_ours),)),
    Variant("takes any 404 for Conductor's word", "proxy answers for Conductor",
            (Patch(conductor_adapter, "_refused", _any_404_is_gone), _WITHOUT_ADOPTION)),
    Variant("lets one failed action stop those behind it", "lakeFS away",
            (Patch(Reconciler, "_carry_out", _stops_at_a_failure),)),
    Variant("sends no heartbeats", "long task", (Patch(decide, "heartbeat", _no_heartbeat),)),
    Variant("lets an attempt go while a late lease may land", "long workflow",
            (without(finishing.late_call_may_have_landed),),
            "conductor.extend_lease", Kind.LATE),
    Variant("believes that a dead leader's calls cannot land", "long workflow",
            (Patch(memories, "first_memory", _nothing_is_in_doubt),),
            "conductor.extend_lease", Kind.DIED_LATE),
    Variant("takes a failed deletion of the staging branch for done", "success",
            (Patch(memories, "failed", _failed_deletion_counts),),
            "lakefs.delete_branch", Kind.CUT),
    Variant("does not see that Conductor waits no more", "workflow terminated",
            (Patch(apply, "judge", _terminal_is_open),)),
    Variant("neither gives back nor adopts what was polled when leadership is lost", "API server away for long",
            (Patch(Pollers, "give_back", _gives_nothing_back), Patch(Adoption, "look", _looks_for_nothing))),
    Variant("takes an attempt that has ended for one that serves its task", "task rerun",
            (Patch(Creation, "_make_way", _exists_is_served),)),
    Variant("takes the retry count for an order over restarts", "workflow restarted after retries",
            (Patch(Situation, "later_sibling", property(_later_by_count)),)),
    Variant("takes the Lease while another replica holds it", "two leaders",
            (Patch(leader, "next_write", _never_waits),)),
    Variant("leads on when the Lease cannot be renewed", "two leaders",
            (Patch(Leadership, "hold", _leads_for_ever),)),
    Variant("keeps the pods of attempts that are gone", "deletion",
            (Patch(Reconciler, "_forget", _forgets_pods),),
            "cluster.create_pod", Kind.DIED_LATE),
    Variant("adopts no task that was polled and has no attempt", "success",
            (Patch(Adoption, "look", _looks_for_nothing),),
            "conductor.poll", Kind.DIED_AFTER),
    Variant("adopts no task after a poll without an answer", "success",
            (Patch(Adoption, "poll_failed", _does_not_mind), Patch(Adoption, "look", _looks_for_nothing)),
            "conductor.poll", Kind.LOST),
    Variant("never takes its finalizer off twice", "by hand", (Patch(Situation, "held", property(_held_for_good)),),
            "cluster.hold_attempt", Kind.DIED_LATE),
    Variant("grants a turn to whoever asks", "two tasks", (without_turn(turn_rules.another_is_ahead),
             Patch(AttemptStore, "reserve_turn", _reserves_nothing))),
    Variant("counts a deleted pod as ended", "cancel", (Patch(Pod, "ended", property(_ended_once_deleted)),)),
    Variant("lets an agent that gave up on the infrastructure end its attempt", "agent gives up",
            (_EVERY_OUTCOME_COUNTS,)),
    Variant("believes an agent that gave up that nothing is published", "agent gives up after publication",
            (_EVERY_OUTCOME_COUNTS,)),
    Variant("keeps no pod's former execution from publishing beside the next", "eviction",
            (without(ending.staging_may_be_merged, starting.former_pod_is_held, starting.former_staging_is_left),)),
)  # fmt: skip
