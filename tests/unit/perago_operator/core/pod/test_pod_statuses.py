"""What pods in every situation mean: a row for each case of `tests/cases/pod_status`, recorded or written by hand.

`docs/development.md` says how to record one.
"""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from perago_operator.adapters import http
from perago_operator.api.reasons import FAULTS, Fault, Reason
from perago_operator.core import actions as do
from perago_operator.core.pod.diagnosis import ending, may_be_explained
from perago_operator.core.pod.hindrance import Patience, helper_trouble, hindrance_of
from perago_operator.core.pod.model import Pod
from perago_operator.reconcile.apply import failure_of
from tests.cases.pod_status.record.situations import REFUSALS, SITUATIONS

FOLDER = Path(__file__).parents[4] / "cases" / "pod_status"
FILES = {path.stem: path for folder in ("recorded", "written") for path in sorted((FOLDER / folder).glob("*.json"))}
RECORDED = frozenset(path.stem for path in (FOLDER / "recorded").glob("*.json"))
USER, CONFIGURATION, INFRASTRUCTURE = Fault.USER, Fault.CONFIGURATION, Fault.INFRASTRUCTURE


class End(NamedTuple):
    """What a pod means that is over, or that half is over: a disruption where the reason is `Disrupted`."""

    fault: Fault
    reason: Reason
    says: str

    @property
    def result(self) -> str:
        """Terminal where no retry can help."""
        return "FAILED_WITH_TERMINAL_ERROR" if self.reason is Reason.INVALID_TASK else "FAILED"


class Wait(NamedTuple):
    """What a pod means that does not start: what people read, for how long, and what it then becomes."""

    fault: Fault
    reason: Reason
    patience: Patience
    then: Reason
    says: str

    @property
    def result(self) -> str:
        """Terminal where no retry can help."""
        return "FAILED_WITH_TERMINAL_ERROR" if self.then is Reason.INVALID_TASK else "FAILED"


class Refused(NamedTuple):
    """What a refusal of the API server means: at once, or for as long as patience lasts."""

    fault: Fault
    reason: Reason
    at_once: bool
    says: str


def disrupted(says: str) -> End:
    """Another pod may do better."""
    return End(INFRASTRUCTURE, Reason.DISRUPTED, says)


def invalid(says: str) -> End:
    """It fails in the same way everywhere."""
    return End(CONFIGURATION, Reason.INVALID_TASK, says)


def exited(says: str) -> End:
    """The task's process ended by its own doing, as far as one can know."""
    return End(USER, Reason.TASK_EXITED, says)


def unschedulable(says: str) -> Wait:
    """The scheduler tries again."""
    patience = Patience.ROOM if says.startswith("Insufficient") else Patience.SCHEDULING
    return Wait(CONFIGURATION, Reason.UNSCHEDULABLE, patience, Reason.UNSCHEDULABLE, says)


def no_image(says: str, patience: Patience = Patience.RETRIED) -> Wait:
    """The registry does not give us the image, and says why."""
    return Wait(CONFIGURATION, Reason.IMAGE_PULL, patience, Reason.INVALID_TASK, says)


def no_registry(says: str) -> Wait:
    """The registry is in trouble: a retry of the workflow may do better."""
    return Wait(INFRASTRUCTURE, Reason.IMAGE_PULL, Patience.RETRIED, Reason.IMAGE_PULL, says)


def misconfigured(says: str) -> Wait:
    """Something that the container needs is missing."""
    return Wait(CONFIGURATION, Reason.CONTAINER_CONFIG, Patience.RETRIED, Reason.INVALID_TASK, says)


def not_created(says: str) -> Wait:
    """The node does not get a container made: another pod may do better."""
    return Wait(INFRASTRUCTURE, Reason.NOT_STARTED, Patience.RETRIED, Reason.DISRUPTED, says)


ENDS: dict[str, End] = {
    # the task
    "task_oom_killed": End(USER, Reason.OOM_KILLED, "its memory limit of 128Mi"),
    "child_oom_killed": End(USER, Reason.OOM_KILLED, "its memory limit of 128Mi"),
    "task_exit_code": exited("exit code 3"),
    "task_exit_zero": exited("without a result, with exit code 0"),
    "task_exit_75": exited("exit code 75"),
    "task_exit_137": exited("exit code 137 (SIGKILL)"),
    "task_segmentation_fault": exited("exit code 139 (SIGSEGV)"),
    "task_killed": exited("exit code 137 (SIGKILL)"),
    "task_terminated": exited("exit code 143 (SIGTERM)"),
    "liveness_probe_failed": exited("exit code 143 (SIGTERM)"),
    "post_start_hook_failed": exited("exit code 137 (SIGKILL)"),
    "helper_outlives_the_task": exited("exit code 3"),
    "ended_by_us_after_the_task_had": exited("exit code 2"),
    "ended_by_us_without_a_call": exited("without a result, with exit code 0"),
    "exit_code_of_a_lost_agent": exited("exit code 75"),
    # the agent
    "agent_killed": disrupted("the agent ended with exit code 137 (SIGKILL)"),
    "agent_oom_killed": disrupted("the agent ended with exit code 137 (SIGKILL, OOMKilled)"),
    "agent_gave_up": disrupted("the agent ended with exit code 75: AttemptGone: the API server could not patch"),
    "agent_crashed": disrupted("the agent ended with exit code 1"),
    "agent_gave_up_and_the_task_failed": disrupted("the agent ended with exit code 75"),
    "agent_killed_before_the_pod_was_deleted": disrupted("the agent ended with exit code 137 (SIGKILL)"),
    "agent_killed_and_the_pod_deleted_since": disrupted("the agent ended with exit code 137 (SIGKILL)"),
    "agent_cannot_start": End(CONFIGURATION, Reason.AGENT_UNAVAILABLE, "container agent cannot start"),
    "agent_start_error_of_the_node": disrupted("container agent cannot start"),
    # what was declared
    "command_missing": invalid('exec: "no-such-command": executable file not found'),
    "program_missing": invalid("no such file or directory"),
    "program_not_executable": invalid("permission denied"),
    "program_is_a_folder": invalid("permission denied"),
    "program_of_no_format": invalid("exec format error"),
    "interpreter_missing": invalid("no-such-interpreter: no such file or directory"),
    "working_directory_wrong": invalid("not a directory"),
    "working_directory_unmakable": invalid("mkdir /proc/none"),
    "mount_over_a_file": invalid("not a directory"),
    "memory_limit_too_low": invalid("unable to set memory limit"),
    "arguments_too_long": invalid("argument list too long"),
    "init_cannot_start": invalid("container fetch cannot start: failed to create containerd task"),
    "init_failed": End(CONFIGURATION, Reason.INIT_CONTAINER_FAILED, "init container fetch ended with exit code 4"),
    "init_oom_killed": End(CONFIGURATION, Reason.INIT_CONTAINER_FAILED, "its memory limit of 64Mi"),
    "pod_deadline": End(USER, Reason.DEADLINE_EXCEEDED, "activeDeadlineSeconds of 8 s"),
    "pod_deadline_before_start": End(USER, Reason.DEADLINE_EXCEEDED, "activeDeadlineSeconds of 4 s"),
    # the node's runtime
    "runtime_no_processes": disrupted("runc did not terminate successfully"),
    "runtime_no_files": disrupted("runc did not terminate successfully"),
    "runtime_killed": disrupted("exit status 137"),
    "runtime_crashed": disrupted("exit status 2"),
    "runtime_hook_failed": disrupted("error running hook"),
    "runtime_cgroup_failed": disrupted("cgroup"),
    "runtime_device_missing": disrupted("Perago does not know this error"),
    "shim_killed": disrupted(""),
    "start_error_no_processes": disrupted("can't get final child's PID from pipe: EOF"),
    "start_error_temporarily_unavailable": disrupted("resource temporarily unavailable"),
    "start_error_of_exec_on_a_full_node": disrupted("resource temporarily unavailable"),
    "start_error_shim": disrupted("failed to start shim"),
    "start_error_gpu_hook": disrupted("nvml error"),
    "start_error_disk_full": disrupted("no space left on device"),
    "start_error_unknown": disrupted("frob: unknown (Perago does not know this error"),
    "containers_forgotten": disrupted("lost track of the pod's containers"),
    # deletion, eviction, nodes
    "deleted": disrupted("PodDeleted"),
    "deleted_and_deaf": disrupted(""),
    "deleted_by_force": disrupted("PodDeleted"),
    "deleted_before_its_node": disrupted("PodDeleted"),
    "drained": disrupted("EvictionByEvictionAPI"),
    "preempted": disrupted("PreemptionByScheduler"),
    "taint_put_on": disrupted("DeletionByTaintManager"),
    "node_lost": disrupted("DeletionByTaintManager"),
    "node_lost_and_returned": disrupted("DeletionByTaintManager"),
    "node_unknown": disrupted("DeletionByPodGC: PodGC: node no longer exists"),
    "node_deleted": disrupted("node no longer exists"),
    "node_restarted": disrupted(""),
    "evicted_for_disk": disrupted("The node was low on resource: ephemeral-storage"),
    "evicted_for_node_pressure": disrupted("low on resource: memory"),
    "evicted_for_process_ids": disrupted("low on resource: pids"),
    "evicted_before_conditions": disrupted("ephemeral-storage"),
    "kubelet_restarted_under_pressure": disrupted("The node had condition: [DiskPressure]"),
    "node_shut_down": disrupted("imminent node shutdown"),
    "spot_node_reclaimed": disrupted("imminent node shutdown"),
    "turned_away_for_cpu": disrupted("OutOfcpu"),
    "turned_away_for_memory": disrupted("OutOfmemory"),
    "turned_away_for_affinity": disrupted("NodeAffinity"),
    "gpu_not_allocated": disrupted("UnexpectedAdmissionError"),
    "apparmor_missing": disrupted("AppArmor: Cannot enforce AppArmor"),
    "failed_for_no_known_reason": disrupted("frobnicated (Perago does not know this reason"),
    "silent": disrupted("does not say why"),
    # volumes
    "workspace_full": End(USER, Reason.VOLUME_FULL, 'exceeds the limit "16Mi"'),
    "volume_full_with_containers": End(USER, Reason.VOLUME_FULL, "16Mi"),
    "ephemeral_storage_of_the_task": End(USER, Reason.VOLUME_FULL, "total limit of containers 16Mi"),
}

WAITS: dict[str, Wait] = {
    # images
    "image_gone": no_image("not found"),
    "image_private": no_image("401 Unauthorized"),
    "image_denied": no_image("403 Forbidden"),
    "image_name_invalid": no_image("invalid reference format", Patience.NONE),
    "image_never_pulled": no_image("not present with pull policy of Never", Patience.NONE),
    "image_busy": no_registry("429 Too Many Requests"),
    "image_broken": no_registry("500 Internal Server Error"),
    "image_registry_unknown": no_registry("no such host"),
    "image_pull_backoff": no_registry("no such host"),
    "image_registry_unavailable": no_registry("cannot be reached"),
    "image_forgotten_cause": no_registry("Back-off pulling image"),
    "init_image_unknown": no_registry("container fetch: ImagePullBackOff"),
    "init_image_invalid": no_image("container fetch: InvalidImageName", Patience.NONE),
    "sidecar_image_unknown": no_registry("container proxy: ImagePullBackOff"),
    "agent_image_unknown": Wait(
        CONFIGURATION,
        Reason.IMAGE_PULL,
        Patience.RETRIED,
        Reason.AGENT_UNAVAILABLE,
        "container agent: ImagePullBackOff",
    ),
    "image_signature_refused": not_created("image is not signed (Perago does not know this error"),
    # containers
    "secret_missing": misconfigured('secret "settings" not found'),
    "config_map_missing": misconfigured('configmap "settings" not found'),
    "config_map_key_missing": misconfigured("couldn't find key a"),
    "sub_path_wrong": misconfigured("failed to prepare subPath"),
    "init_secret_missing": misconfigured('container fetch: CreateContainerConfigError: secret "none" not found'),
    "sidecar_never_ready": Wait(
        INFRASTRUCTURE,
        Reason.NOT_STARTED,
        Patience.STARTING,
        Reason.NOT_STARTED,
        "sidecar proxy ends again and again, with exit code 1",
    ),
    "container_create_error": not_created("permission denied"),
    "container_create_timed_out": not_created("context deadline exceeded"),
    "container_name_reserved": not_created("failed to reserve container name"),
    "container_waits_for_no_known_reason": not_created("frob is missing (Perago does not know this error"),
    # nodes
    "too_much_cpu": unschedulable("Insufficient cpu"),
    "too_much_memory": unschedulable("Insufficient memory"),
    "too_much_ephemeral_storage": unschedulable("Insufficient ephemeral-storage"),
    "no_gpu": unschedulable("Insufficient nvidia.com/gpu"),
    "node_selector": unschedulable("didn't match Pod's node affinity/selector"),
    "node_affinity": unschedulable("didn't match Pod's node affinity/selector"),
    "pod_affinity": unschedulable("didn't match pod affinity rules"),
    "topology_spread": unschedulable("didn't match pod topology spread constraints"),
    "claim_missing": unschedulable('persistentvolumeclaim "none" not found'),
    "storage_class_missing": unschedulable("storage-class-missing-1-workspace"),
    "cordoned": unschedulable("were unschedulable"),
    "taint_not_tolerated": unschedulable("untolerated taint"),
    "gated": Wait(
        CONFIGURATION, Reason.UNSCHEDULABLE, Patience.GATED, Reason.UNSCHEDULABLE, "non-empty scheduling gates"
    ),
}

ON_THEIR_WAY = (
    # Nothing in the status says what is wrong, if anything is; the rule `pod_starts` has patience with them.
    "image_slow",
    "init_runs",
    "no_scheduler",
    "config_map_volume_missing",
    "secret_volume_missing",
    "config_map_item_missing",
    "host_path_missing",
    "nfs_unreachable",
    "csi_driver_missing",
    "sandbox_refused",
)

AT_WORK: dict[str, str | None] = {
    "running": None,
    "sidecar_runs": None,
    "node_silent": None,
    "no_task_came": None,
    "helper_failed": None,
    "helper_oom_killed": None,
    "sidecar_crashes": "sidecar proxy ends again and again",
    "helper_image_unknown": "container helper does not start: ImagePull (image registry.invalid/helper:1)",
    "helper_as_root": "container helper does not start: ContainerConfig",
    "helper_seccomp_missing": "container helper does not start: ContainerConfig",
}
"""Pods whose task is at work, and what people read about their other containers."""

RECORDED_BY_THE_AGENT = ("completed", "body_raised", "sidecar_and_completed")
"""Pods that ended well: the outcome is in the attempt's status, and nobody asks what the pod means."""

REFUSED: dict[str, Refused] = {
    "refused_by_limit_range": Refused(CONFIGURATION, Reason.POD_REFUSED, False, "maximum memory usage per Container"),
    "refused_by_limit_range_ratio": Refused(CONFIGURATION, Reason.POD_REFUSED, False, "limit to request ratio"),
    "refused_by_quota": Refused(CONFIGURATION, Reason.QUOTA_EXCEEDED, False, "exceeded quota"),
    "refused_for_lack_of_limits": Refused(CONFIGURATION, Reason.POD_REFUSED, False, "must specify limits.cpu"),
    "refused_by_policy": Refused(CONFIGURATION, Reason.POD_REFUSED, False, "each pod must name its team"),
    "refused_by_absent_webhook": Refused(CONFIGURATION, Reason.POD_REFUSED, False, "failed calling webhook"),
    "refused_by_pod_security": Refused(
        CONFIGURATION, Reason.POD_REFUSED, True, "must not set securityContext.privileged"
    ),
    "refused_without_account": Refused(
        CONFIGURATION, Reason.POD_REFUSED, False, 'serviceaccount "perago-runner" not found'
    ),
    "refused_without_priority_class": Refused(
        CONFIGURATION, Reason.POD_REFUSED, False, "no PriorityClass with name none"
    ),
    "refused_without_runtime_class": Refused(CONFIGURATION, Reason.POD_REFUSED, False, 'RuntimeClass "none" not found'),
    "refused_as_invalid": Refused(CONFIGURATION, Reason.POD_REFUSED, True, "spec.activeDeadlineSeconds: Invalid value"),
    "refused_for_two_volumes": Refused(CONFIGURATION, Reason.POD_REFUSED, True, "Duplicate value"),
    "refused_for_a_wrong_type": Refused(CONFIGURATION, Reason.POD_REFUSED, True, "activeDeadlineSeconds"),
    "refused_without_permission": Refused(CONFIGURATION, Reason.POD_REFUSED, False, 'cannot create resource "pods"'),
    "refused_in_terminating_namespace": Refused(CONFIGURATION, Reason.POD_REFUSED, False, "is being terminated"),
}


def case(name: str) -> dict[str, Any]:
    """What stands in the case's file."""
    read: dict[str, Any] = json.loads(FILES[name].read_text())
    return read


def pod(name: str) -> Pod:
    """The pod in its situation."""
    return Pod.model_validate(case(name)["pod"])


@pytest.mark.parametrize(("name", "want"), ENDS.items(), ids=ENDS)
def test_the_end_of_a_pod_is_understood(name: str, want: End) -> None:
    """Fault, reason, result, whether another pod may do better, and the pod's own words."""
    got = ending(pod(name))
    assert (got.reason, got.result, got.disrupted) == (want.reason, want.result, want.reason is Reason.DISRUPTED)
    assert FAULTS[got.reason] is want.fault
    assert want.says in got.message


@pytest.mark.parametrize(("name", "want"), WAITS.items(), ids=WAITS)
def test_a_pod_that_does_not_start_is_understood(name: str, want: Wait) -> None:
    """Reason, patience, what it ends as, and the pod's own words."""
    got = hindrance_of(pod(name))
    assert got is not None
    assert (got.reason, got.patience, got.fails_with, got.result) == (
        want.reason,
        want.patience,
        want.then,
        want.result,
    )
    assert FAULTS[got.fails_with] is want.fault
    assert want.says in got.message


@pytest.mark.parametrize("name", ON_THEIR_WAY)
def test_a_pod_on_its_way_is_waited_for(name: str) -> None:
    """Nothing is said of it that its status does not say."""
    waiting = pod(name)
    assert (hindrance_of(waiting), waiting.ended, waiting.started) == (None, False, False)


@pytest.mark.parametrize(("name", "trouble"), AT_WORK.items(), ids=AT_WORK)
def test_a_pod_at_work_is_left_alone(name: str, trouble: str | None) -> None:
    """Whatever becomes of containers that a pod template added; people read what is wrong with them."""
    at_work = pod(name)
    assert (hindrance_of(at_work), at_work.ended, at_work.started) == (None, False, True)
    told = helper_trouble(at_work)
    assert told is None if trouble is None else trouble in (told or "")


@pytest.mark.parametrize("name", RECORDED_BY_THE_AGENT)
def test_a_pod_that_ended_well_has_ended(name: str) -> None:
    """A sidecar that still runs, or ends later, changes nothing."""
    assert pod(name).ended


@pytest.mark.parametrize(("name", "want"), REFUSED.items(), ids=REFUSED)
def test_a_refusal_of_the_api_server_is_understood(name: str, want: Refused) -> None:
    """Whether patience helps, what people read meanwhile, and the server's own words."""
    told = case(name)["refusal"]
    error = http.refusal(told["code"], told["reason"], told["message"], "POST /pods")
    got = failure_of(error, do.CreatePod("a1-1", {}))
    assert (got.reason, got.permanent) == (want.reason, want.at_once)
    assert FAULTS[Reason.INVALID_TASK if got.permanent else Reason.POD_REFUSED] is want.fault
    assert want.says in got.message


def test_a_silent_node_is_noticed_and_a_kubelet_that_speaks_is_not() -> None:
    """The control plane takes the pod's readiness away and leaves that of its containers."""
    silent = {"node_silent", "node_lost"}
    assert all(pod(name).node_silent_since for name in silent)
    speaking = set(FILES) - silent - set(REFUSED)
    assert [name for name in speaking if pod(name).node_silent_since] == []


@pytest.mark.parametrize("name", [name for name in sorted(RECORDED) if "way" in case(name) and name in ENDS])
def test_nothing_else_is_concluded_on_the_way(name: str) -> None:
    """A pod that counts as over, and will not explain itself a moment later, means what it means at the end."""
    way = [Pod.model_validate(seen) for seen in case(name)["way"]]
    over = [ending(seen).reason for seen in way if seen.ended and not may_be_explained(seen)]
    assert set(over) <= {ENDS[name].reason}


def test_every_case_has_one_row() -> None:
    """A status that nobody has judged tests nothing, and neither does a row without a status."""
    rows = [*ENDS, *WAITS, *ON_THEIR_WAY, *AT_WORK, *RECORDED_BY_THE_AGENT, *REFUSED]
    assert sorted(rows) == sorted(FILES)


def test_every_situation_was_recorded() -> None:
    """And every recording can be made again."""
    assert {situation.name for situation in (*SITUATIONS, *REFUSALS)} == RECORDED
    assert len(RECORDED) >= 45


def test_each_case_tells_its_story() -> None:
    """One sentence, for readers of the folder; a recording says of which Kubernetes it is."""
    assert all(case(name)["story"].endswith(".") for name in FILES)
    assert all(case(name)["kubernetes"].startswith("v1.") for name in RECORDED)


UNIQUE = re.compile(
    r"\b(?!192\.0\.2\.1\b|127\.0\.0\.1\b)\d{1,3}(?:\.\d{1,3}){3}\b"
    r"|\b(?!00000000)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}"
    r"|\b(?!f{64})[0-9a-f]{64}\b"
    r"|[a-z0-9-]+-(?:worker|control-plane)\b"
)


@pytest.mark.parametrize("name", FILES)
def test_no_case_names_a_machine(name: str) -> None:
    """No address, no id, no node of a real cluster: they differ from one recording to the next."""
    assert UNIQUE.findall(FILES[name].read_text()) == []
