"""Carries out one action over the ports and returns what it brought. It decides nothing and keeps nothing."""

from dataclasses import replace
from datetime import datetime

from loguru import logger

from perago.wire import ConductorTask, Outcome
from perago.wire.times import timestamp
from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.base import JsonObject
from perago_operator.api.reasons import Reason
from perago_operator.clocks import Clock
from perago_operator.core import actions as do
from perago_operator.core import turns
from perago_operator.core.answers import Answer, ConductorTaskState, Failure, Landed, Missing, Standing, Verdict
from perago_operator.core.names import TASK_CONTAINER
from perago_operator.core.pod.model import Pod
from perago_operator.core.reporting import judge, workflow_matters
from perago_operator.ports import (
    AlreadyExists,
    Cluster,
    Conductor,
    Conflict,
    Manifest,
    NotFound,
    ObjectRef,
    PortError,
    QuotaExceeded,
    Refused,
    Unreachable,
    Versions,
)

POD_SECURITY = "violates PodSecurity"
"""In the 403 of a pod that the namespace's Pod Security level forbids: as permanent as an invalid manifest."""

WEBHOOK = "failed calling webhook"
"""In the 500 of a pod that an admission webhook was to judge, and was not there: the API server itself did answer."""

NO_CONTAINER = 400
"""The status of a log that is asked for before its container has started."""

ClusterAction = (
    do.HoldAttempt | do.CreatePod | do.DeletePod | do.ReleasePod | do.ReleaseAttempt | do.DeleteAttempt | do.RecordEvent
)
"""Actions that the cluster carries out without an answer."""


class Applier:
    """Actions over ports. What a port raises becomes a `Failure`, the rest is our fault."""

    def __init__(self, cluster: Cluster, conductor: Conductor, versions: Versions, clock: Clock) -> None:
        self._cluster = cluster
        self._conductor = conductor
        self._versions = versions
        self._clock = clock

    async def carry_out(self, action: do.Action, attempt: PeragoAttempt) -> Answer | Manifest:
        """Do it; returns a reading, a commit, a log, or the attempt after a status patch. Raises PortError."""
        match action:
            case do.AskEvidence() | do.DeleteStaging():
                return await self._ask_versions(action, attempt.metadata.uid)
            case do.Heartbeat() | do.Report() | do.ReadBack():
                return await self._ask_conductor(action)
            case do.PatchStatus():
                return await self._patch_status(action, attempt)
            case do.GrantTurn() | do.RevokeTurn() | do.EndTurn():
                patch = do.PatchStatus({"turn": turn_patch(action, attempt, self._clock.time_of_day())}, guarded=True)
                return await self._patch_status(patch, attempt)
            case do.ShipLog():
                await self._ship_log(action)
            case do.LookForPod(name=name):
                return await self._cluster.read_pod(attempt.metadata.namespace, name)
            case do.ReadLog():
                return await self._read_log(action, attempt.metadata.namespace)
            case _:
                await self._ask_cluster(action, attempt)
        return None

    async def read(self, attempt: PeragoAttempt) -> Manifest | None:
        """The attempt as it is now; None when it is gone. Raises PortError."""
        return await self._cluster.read_attempt(attempt.metadata.namespace, attempt.metadata.name)

    async def release_orphan(self, pod: Pod) -> None:
        """Let a pod go whose attempt is gone. Raises PortError."""
        await self._cluster.release_pod(pod.metadata.namespace, pod.name, pod.metadata.uid)

    async def _ask_cluster(self, action: ClusterAction, attempt: PeragoAttempt) -> None:
        namespace, name, uid = attempt.metadata.namespace, attempt.metadata.name, attempt.metadata.uid
        match action:
            case do.HoldAttempt():
                await self._cluster.hold_attempt(namespace, name, uid)
            case do.CreatePod(manifest=manifest):
                await self._create_pod(namespace, manifest, uid)
            case do.DeletePod():
                await self._cluster.delete_pod(namespace, action.name, action.uid)
            case do.ReleasePod():
                await self._cluster.release_pod(namespace, action.name, action.uid)
            case do.ReleaseAttempt():
                await self._cluster.release_attempt(namespace, name, uid)
            case do.DeleteAttempt():
                await self._cluster.delete_attempt(namespace, name, uid)
            case do.RecordEvent(kind=kind, reason=reason, message=message):
                about = ObjectRef("PeragoAttempt", namespace, name, uid)
                await self._cluster.record_event(namespace, about, kind, reason, message)

    async def _create_pod(self, namespace: str, manifest: Manifest, uid: str) -> None:
        """A pod that is there already is an earlier try's if the attempt owns it; any other one holds the name."""
        name = manifest["metadata"]["name"]
        try:
            await self._cluster.create_pod(namespace, manifest)
        except AlreadyExists as error:
            pod = await self._cluster.read_pod(namespace, name)
            if pod is None or not Pod.model_validate(pod).belongs_to(uid):
                raise AlreadyExists(f"another pod has the name {name}; delete it if nothing needs it") from error
            logger.debug("pod {} exists already", name)

    async def _patch_status(self, action: do.PatchStatus, attempt: PeragoAttempt) -> Manifest:
        metadata = attempt.metadata
        return await self._cluster.patch_attempt_status(
            metadata.namespace,
            metadata.name,
            {"status": action.status},
            resource_version=metadata.resource_version if action.guarded else None,
        )

    async def _read_log(self, action: do.ReadLog, namespace: str) -> str | None:
        """The log; None where there is none yet, because the container has not started as far as the kubelet knows."""
        read = self._cluster.pod_log_tail
        try:
            return await read(namespace, action.pod, TASK_CONTAINER, action.lines, to_the_end=action.to_the_end)
        except Refused as error:
            if error.status != NO_CONTAINER:
                raise
            logger.debug("pod {} has no log yet: {}", action.pod, error)
            return None

    async def _ship_log(self, action: do.ShipLog) -> None:
        try:
            await self._conductor.log(action.task.task_id, action.text)
        except NotFound as error:
            logger.info("log of task {}: {}", action.task.task_id, error)

    async def _ask_versions(self, action: do.AskEvidence | do.DeleteStaging, uid: str) -> Landed | Missing | None:
        match action:
            case do.DeleteStaging():
                return None if await self._versions.delete_branch(action.repository, action.branch) else Missing()
            case do.AskEvidence():
                return await self._find_publication(action, uid)

    async def _find_publication(self, action: do.AskEvidence, uid: str) -> Landed | Missing:
        try:
            return await self._versions.find_publication(action.repository, action.branch, action.input_ref, uid)
        except NotFound as error:
            logger.info("evidence of attempt {}: {}", uid, error)
            return Missing()

    async def _ask_conductor(self, action: do.Heartbeat | do.Report | do.ReadBack) -> Verdict:
        match action:
            case do.Report():
                return await self._report(action.task, action.outcome)
            case do.ReadBack():
                return await self._read(action.task, action.outcome)
            case do.Heartbeat():
                verdict = await self._read(action.task, action.outcome)
                if verdict.standing is Standing.OPEN:
                    await self._conductor.extend_lease(action.task)
                return verdict

    async def _report(self, task: ConductorTask, outcome: Outcome) -> Verdict:
        """Read, post, read back: a 200 does not mean that the result was accepted. Nor does a 404 mean more.

        What was read first may be a later run of the task, whose result this is not. A task that took the report and is
        gone right after it has ended its workflow, which was archived.
        """
        before = judge(await self._conductor.read(task.task_id), task, outcome, at=self._clock.now())
        if before.standing in (Standing.SUPERSEDED, Standing.ACCEPTED):
            return before
        taken = True
        try:
            await self._conductor.report(task, outcome)
        except NotFound as error:
            taken = False
            logger.info("report of task {}: {}", task.task_id, error)
        reading = await self._reading(task, outcome)
        verdict = judge(reading, task, outcome, at=self._clock.now())
        if not taken or reading is not None:
            return verdict
        detail = "Conductor took the result, and has the task no more"
        return replace(verdict, standing=Standing.ACCEPTED, detail=detail)

    async def _read(self, task: ConductorTask, outcome: Outcome | None) -> Verdict:
        return judge(await self._reading(task, outcome), task, outcome, at=self._clock.now())

    async def _reading(self, task: ConductorTask, outcome: Outcome | None) -> ConductorTaskState | None:
        reading = await self._conductor.read(task.task_id)
        if reading is None or not workflow_matters(reading, outcome):
            return reading
        ended = await self._conductor.workflow_ended(task.workflow_instance_id)
        return replace(reading, workflow_ended=ended is True, workflow_missing=ended is None)


def turn_patch(action: do.GrantTurn | do.RevokeTurn | do.EndTurn, attempt: PeragoAttempt, now: datetime) -> JsonObject:
    """What the action merges into `status.turn`."""
    turn, time = turns.turn_of(attempt), timestamp(now)
    match action:
        case do.GrantTurn():
            assert turn.requested is not None
            return {"granted": turn.requested.to_json() | {"time": time}, "waiting": None}
        case do.RevokeTurn():
            logger.warning("attempt {} does not give its turn back: revoking it", attempt.metadata.key)
            return {"revoked": {**turns.ticket(turn.granted)._asdict(), "time": time}}
        case do.EndTurn():
            return {"granted": None}


def failure_of(error: PortError, action: do.Action) -> Failure:
    """A port's error in the core's words."""
    permanent = isinstance(error, Refused) and _is_permanent(error)
    return Failure(
        str(error),
        _reason(error, action),
        fate_unknown=isinstance(error, Unreachable) and error.fate_unknown,
        permanent=permanent and isinstance(action, do.CreatePod),
        conflict=isinstance(error, Conflict),
    )


def _is_permanent(error: Refused) -> bool:
    """The same pod would be refused every time. A policy may change, and says with the status of an invalid object that
    it forbids this one."""
    forbidden = "is forbidden: " in error.message
    return POD_SECURITY in error.message or (error.invalid and not forbidden)


def _reason(error: PortError, action: do.Action) -> Reason | None:
    """What PodReady says while this call fails; None for calls that the pod does not wait for."""
    if not isinstance(action, do.HoldAttempt | do.CreatePod):
        return None
    match error:
        case QuotaExceeded():
            return Reason.QUOTA_EXCEEDED
        case Unreachable() if WEBHOOK not in str(error):
            return Reason.API_UNREACHABLE
        case AlreadyExists():
            return Reason.POD_NAME_TAKEN
        case _:
            return Reason.POD_REFUSED if isinstance(action, do.CreatePod) else Reason.FINALIZER_REFUSED
