"""Every reason that a condition, an event or an outcome can carry: the published words, each explained.

Programs rely on the words, people on the sentences and remedies. Agent and operator take them from here, and no other
module spells one out. Besides these, an outcome can carry the class name of the exception that the task body raised.
`perago_operator.api.reasons` says where each of them may stand.
"""

from collections.abc import Mapping
from enum import StrEnum


class Reason(StrEnum):
    """A word, the sentence that explains it, and one sentence that says what to do about it, or none."""

    sentence: str
    remedy: str

    def __new__(cls, word: str, sentence: str, remedy: str = "") -> "Reason":
        """A member is its word; sentence and remedy are attributes of it."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.sentence = sentence
        member.remedy = remedy
        return member

    # waiting for a pod
    TASK_NOT_FOUND = (
        "TaskNotFound",
        "`spec.taskRef` names a PeragoTask that does not exist. The attempt starts when it is created.",
        "Create the PeragoTask in the attempt's namespace, or create an attempt with the right `spec.taskRef.name`.",
    )
    TASK_INCOMPLETE = (
        "TaskIncomplete",
        "The module or the image to run is not set.",
        "Set `spec.module` and `spec.image` of the PeragoTask.",
    )
    EARLIER_ATTEMPT = (
        "EarlierAttempt",
        "An earlier attempt of the same logical task may still publish. It is being stopped.",
    )
    MAX_CONCURRENCY = (
        "MaxConcurrency",
        "This task already has as many attempts under way as may run at once.",
        "Wait, or raise `spec.maxConcurrency` of the PeragoTask.",
    )
    NAMESPACE_LIMIT = (
        "NamespaceLimit",
        "The namespace has as many attempts with a pod as may be there at once.",
        "Wait, or raise the value `limits.perNamespace` of the chart.",
    )
    NODE_LIMIT = (
        "NodeLimit",
        "There are as many pods of attempts, or as many that have not started, as the nodes in use may have.",
        "Wait, or raise the values `limits.perNode` and `limits.startingPerNode` of the chart.",
    )
    QUOTA_EXCEEDED = (
        "QuotaExceeded",
        "The namespace's quota leaves no room for another pod. The pod is created when there is room.",
        "Wait, or raise the namespace's ResourceQuota.",
    )
    POD_REFUSED = (
        "PodRefused",
        "The API server refused the pod. Perago tries again for some minutes before the attempt fails.",
        "Read the message, which holds the API server's own words.",
    )
    POD_NAME_TAKEN = (
        "PodNameTaken",
        "A pod of an earlier attempt with the same name is still terminating. The new pod is created when it is gone.",
        "Wait, or give every attempt that you create by hand a name of its own.",
    )
    FINALIZER_REFUSED = (
        "FinalizerRefused",
        "The API server refused Perago's finalizer on the attempt, which comes before its pod. Perago tries again.",
        "Check that the operator has the right to patch attempts in this namespace.",
    )
    API_UNREACHABLE = ("ApiUnreachable", "The API server did not answer. Perago tries again.")

    # the pod
    POD_STARTING = ("PodStarting", "The pod exists, and its containers are not all running yet.")
    POD_RUNNING = ("PodRunning", "The pod's containers are running.")
    NODE_SILENT = (
        "NodeSilent",
        "The pod's node does not answer. Perago replaces the pod if the node does not come back soon.",
    )
    POD_ENDED = ("PodEnded", "The pod has ended.")
    IMAGE_PULL = (
        "ImagePull",
        "An image of the pod cannot be pulled. The kubelet tries again for a while before the attempt fails, with "
        "`InvalidTask` where the registry refuses the image, and with this reason where the registry is in trouble.",
        "Correct the image's name, push the image, or name a pull secret in `spec.imagePullSecrets` of the PeragoTask.",
    )
    CONTAINER_CONFIG = (
        "ContainerConfig",
        "A container cannot be created, for example because a Secret is missing. The kubelet tries again for a while "
        "before the attempt fails.",
        "Create the object that the message names, or correct `spec.podTemplate`.",
    )
    UNSCHEDULABLE = (
        "Unschedulable",
        "No node takes the pod, or its scheduling is gated.",
        "Lower `spec.resources` of the PeragoTask, correct node selectors and tolerations in its `spec.podTemplate`, "
        "or add nodes.",
    )
    NOT_STARTED = (
        "NotStarted",
        "The pod was placed on a node, and its containers do not start, or did not start in time.",
        "Read the pod's events, which usually name a volume, the network or the node's runtime.",
    )
    INIT_CONTAINER_FAILED = (
        "InitContainerFailed",
        "An init container that `spec.podTemplate` adds ended without success, so that the task never started.",
        "Correct the init container in `spec.podTemplate` of the PeragoTask.",
    )
    AGENT_UNAVAILABLE = (
        "AgentUnavailable",
        "The agent container, which Perago adds to each pod, cannot start.",
        "Check the values `runner.image` and `imagePullSecrets` of the chart.",
    )
    WAITING_FOR_EVIDENCE = (
        "WaitingForEvidence",
        "The pod ended without reporting. Perago checks in lakeFS whether its work was published.",
    )
    STOPPING = ("Stopping", "The pod is being stopped. The message says why.")

    # how the attempt ended, as the agent or the operator found it
    COMPLETED = ("Completed", "The task completed, and its changes, if there are any, are published.")
    OOM_KILLED = (
        "OOMKilled",
        "The task used more memory than its limit.",
        "Raise `spec.resources.limits.memory` of the PeragoTask, or let the task use less memory.",
    )
    TASK_EXITED = (
        "TaskExited",
        "The task's process ended without a result.",
        "Read the last log lines in the message.",
    )
    DISRUPTED = (
        "Disrupted",
        "The pod was lost, evicted or preempted, its agent died, or its agent gave up on a server or a node. Another "
        "pod replaces it, up to `spec.disruptionRetries` times; then the attempt fails.",
        "Find out what takes the pods away, such as node maintenance, eviction or preemption.",
    )
    DEADLINE_EXCEEDED = (
        "DeadlineExceeded",
        "The attempt took longer than `spec.activeDeadlineSeconds`.",
        "Raise `spec.activeDeadlineSeconds` of the PeragoTask, or give each task less to do.",
    )
    VOLUME_FULL = (
        "VolumeFull",
        "The workspace, or what else the task wrote to its disk, outgrew its limit.",
        "Raise `spec.volume.size` of the PeragoTask, or `spec.resources.limits.ephemeral-storage` where the message "
        "names that limit.",
    )
    INVALID_TASK = (
        "InvalidTask",
        "The task cannot run as it is declared: its image, its module, a Secret or its pod template is wrong.",
        "Correct what the message names, since a retry would fail in the same way.",
    )
    INVALID_SPEC = (
        "InvalidSpec",
        "The `spec` has a value that Perago cannot read: it is nested too deep, or an older CRD has let it through.",
        "Correct the field that the message names.",
    )
    CANCELED = (
        "Canceled",
        "The attempt was canceled with `spec.cancel`, or deleted while its agent was about to publish. Conductor does "
        "not retry it.",
    )
    ATTEMPT_DELETED = ("AttemptDeleted", "The attempt was deleted before it had ended. Conductor does not retry it.")
    SUPERSEDED = (
        "Superseded",
        "Conductor no longer waits for this attempt: its task was canceled, timed out or was retried.",
    )

    # how the attempt ended, as the agent found it
    TASK_INPUT_ERROR = (
        "TaskInputError",
        "The task does not accept its input.",
        "Correct the input; `perago check` shows what the task accepts.",
    )
    VALIDATION_ERROR = (
        "ValidationError",
        "A model of the task refused the params or the result; the message names each field.",
        "Correct the fields that the message names.",
    )
    TASK_EXECUTION_ERROR = ("TaskExecutionError", "The task failed. The message says how.")
    TASK_TERMINAL_ERROR = ("TaskTerminalError", "The task failed and said that no retry can help.")
    STALE_ATTEMPT = (
        "StaleAttemptError",
        "The attempt was no longer the current one when it was about to stage or publish its changes.",
    )
    PUBLISH_FENCE = (
        "PublishFenceError",
        "The target branch has moved on from the commit that the attempt started from, so nothing was published.",
        "Run the task again on the branch's new head.",
    )
    COMMIT_REPLACED = (
        "CommitReplaced",
        "A commit was taken off the target branch to make room for the attempt's own: that of an earlier attempt of "
        "the same task, or, where `replaceUnmarked` is switched on, somebody else's.",
        "If it is still needed, read it by its id, which `status.workspace.replaced` has.",
    )
    UNCOMMITTED_CHANGES = (
        "UncommittedChanges",
        "The target branch has uncommitted changes, which block every merge into it.",
        "Commit or revert them; `lakectl diff lakefs://REPOSITORY/BRANCH` lists them.",
    )
    REPOSITORY_NOT_FOUND = (
        "RepositoryNotFound",
        "lakeFS does not know the repository that the input names.",
        "Correct `workspace.repository` of the input.",
    )
    REF_NOT_FOUND = (
        "RefNotFound",
        "lakeFS does not know the branch or the commit that the input names.",
        "Correct `workspace.branch` or `workspace.ref` of the input.",
    )
    CORRUPT_OBJECT = (
        "CorruptObject",
        "An object's content does not have the size or the checksum that lakeFS states.",
        "Retry, and if it happens again, check lakeFS and the network between it and the cluster.",
    )
    UNREADABLE_FILE = (
        "UnreadableFile",
        "The task left something in its workspace that cannot be published.",
        "Remove it at the end of the task, or make it a readable ordinary file.",
    )
    OUTPUT_TOO_LARGE = (
        "OutputTooLarge",
        "The task's output is too large to be stored in the attempt's status.",
        "Write large results to the workspace, and return their paths.",
    )
    OUTCOME_REFUSED = (
        "OutcomeRefused",
        "The API server refused the outcome that the agent wrote.",
        "Read the message, which holds the API server's own words.",
    )
    PROTOCOL_MISMATCH = (
        "ProtocolMismatch",
        "The perago package in the task's image speaks another protocol than the agent.",
        "Rebuild the task's image from the runner image of the installed version.",
    )
    PUBLISHED_WITHOUT_OUTPUT = (
        "PublishedWithoutOutput",
        "An earlier execution of the attempt published, but its output was too large to be kept with the commit.",
        "Read the result from the published files, or run the task again.",
    )
    LAKEFS_UNAUTHORIZED = (
        "LakeFSUnauthorized",
        "lakeFS does not accept the keys of the attempt's Secret.",
        "Correct `accessKeyId` and `secretAccessKey` in the Secret.",
    )
    LAKEFS_FORBIDDEN = (
        "LakeFSForbidden",
        "The keys of the attempt's Secret do not have the permissions that the attempt needs in lakeFS.",
        "Give the keys' user permission to read, write, branch and merge in the repository.",
    )
    LAKEFS_REFUSED = (
        "LakeFSRefused",
        "lakeFS refused a call.",
        "Read the message, which holds lakeFS's own words.",
    )
    LAKEFS_UNREACHABLE = (
        "LakeFSUnreachable",
        "lakeFS did not answer for as long as the agent retries.",
        "Check `endpoint` in the attempt's Secret and whether lakeFS is up, or raise the values `retrySeconds` and "
        "`outageSeconds` of the chart.",
    )
    NO_TURN = (
        "NoTurn",
        "The operator did not answer the attempt's request for its turn to publish, so nothing was published.",
        "Check that the operator is running, and run the task again.",
    )
    CONDUCTOR_REFUSED = (
        "ConductorRefused",
        "Conductor refused a call.",
        "Read the message, which holds Conductor's own words.",
    )
    CONDUCTOR_UNREACHABLE = (
        "ConductorUnreachable",
        "Conductor did not answer for as long as the agent retries.",
        "Check `url` in the attempt's Secret and whether Conductor is up, or raise the values `retrySeconds` and "
        "`outageSeconds` of the chart.",
    )
    CLUSTER_REFUSED = (
        "ClusterRefused",
        "The API server refused a call of the agent.",
        "Read the message, which holds the API server's own words.",
    )
    CLUSTER_UNREACHABLE = (
        "ClusterUnreachable",
        "The API server did not answer for as long as the agent retries.",
        "Check whether the pod can reach the API server.",
    )
    AGENT_ERROR = (
        "AgentError",
        "The agent failed because of an error of its own.",
        "Report the error together with the log of the agent container.",
    )

    # after the end
    ACCEPTED = ("Accepted", "Conductor has the attempt's result: it was read back.")
    NOT_REQUIRED = ("NotRequired", "The attempt belongs to no Conductor task.")
    REPORT_PENDING = ("ReportPending", "Conductor does not have the attempt's result yet. Perago keeps reporting it.")
    STAGING_PENDING = ("StagingPending", "The staging branch still has to be deleted. Perago keeps trying.")
    STAGING_GONE = ("StagingGone", "The staging branch is deleted.")
    NO_STAGING = ("NoStaging", "The attempt never created a staging branch.")
    PUBLISHED = ("Published", "A commit of this attempt is on the target branch.")
    NO_CHANGE = ("NoChange", "The task changed nothing, so nothing was published.")
    NOT_PUBLISHED = ("NotPublished", "The attempt ended without a publication.")
    FINISHED = ("Finished", "Nothing is left to do.")

    # a PeragoTask
    NO_TASK_TYPE = ("NoTaskType", "`spec.taskType` is not set, so Conductor is not polled for this task.")
    PAUSED = ("Paused", "`spec.paused` is set, so Conductor is not polled for this task.")
    TASK_TYPE_SERVED = (
        "TaskTypeServed",
        "An older PeragoTask takes the tasks of this type and domain.",
        "Delete one of the two, or change `spec.taskType` or `spec.domain` of one of them.",
    )
    STARTING = ("Starting", "Polling is about to start.")
    POLLING = ("Polling", "Conductor is being polled for tasks of this type.")
    POLL_FAILED = (
        "PollFailed",
        "The last poll failed. Perago tries again.",
        "Read the message, and check the operator's Conductor address and keys.",
    )
    ATTEMPTS_NOT_CREATED = (
        "AttemptsNotCreated",
        "Conductor is not polled while attempts of tasks that were polled before cannot be created.",
        "Read the message, and check that the API server is well and that the namespace takes PeragoAttempts.",
    )
    NAMESPACE_REFUSED = (
        "NamespaceRefused",
        "The API server does not let the operator list this namespace, so that nothing is polled or looked at in it.",
        "Give the operator its Role in the namespace, or take the namespace out of the chart's value `namespaces`.",
    )
    TASK_NOT_READY = (
        "TaskNotReady",
        "Attempts of this task cannot run, as its condition `Ready` says. To see whether that is still so, one task is "
        "taken from Conductor from time to time.",
        "Correct what `Ready` names; once the PeragoTask has changed, or `spec.paused` was set and unset, Perago tries "
        "at once.",
    )
    TASK_COMPLETE = (
        "TaskComplete",
        "`spec.module` and `spec.image` are set, and the latest attempts have shown nothing that would keep the next "
        "one from running.",
    )


WORDS: Mapping[str, Reason] = {reason.value: reason for reason in Reason}
"""All reasons by their words: no exception's class may choose one of them for an outcome."""

TASK_WORDS = frozenset(
    {
        Reason.TASK_INPUT_ERROR,
        Reason.VALIDATION_ERROR,
        Reason.TASK_EXECUTION_ERROR,
        Reason.TASK_TERMINAL_ERROR,
        Reason.STALE_ATTEMPT,
        Reason.PUBLISH_FENCE,
        Reason.INVALID_TASK,
        Reason.OUTPUT_TOO_LARGE,
    }
)
"""Those of them that the task side may give: what the attempt core raises, and what comes of loading and reporting."""
