"""Every reason that a condition, an event or an outcome can carry: the published words, each explained.

Programs rely on the words, people on the sentences and remedies. Agent and operator take them from here, and nothing
else spells one out. Besides these an outcome can carry the class name of the exception that the task body raised.
Where each may stand is said by `perago_operator.api.reasons`.
"""

from enum import StrEnum


class Reason(StrEnum):
    """A word, the sentence that explains it, and what to do about it (empty: nothing)."""

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
        "`spec.taskRef` names a PeragoTask that does not exist; the attempt starts when it appears.",
        "Create the PeragoTask in the attempt's namespace, or correct `spec.taskRef.name`.",
    )
    TASK_INCOMPLETE = (
        "TaskIncomplete",
        "Neither the attempt nor its PeragoTask says which module or image to run.",
        "Set `spec.module` and `spec.image` of the PeragoTask.",
    )
    EARLIER_ATTEMPT = (
        "EarlierAttempt",
        "An earlier attempt of the same logical task may still publish; it is being stopped.",
    )
    MAX_CONCURRENCY = (
        "MaxConcurrency",
        "As many attempts of this task as may run at once have a pod.",
        "Wait, or raise `spec.maxConcurrency` of the PeragoTask.",
    )
    QUOTA_EXCEEDED = (
        "QuotaExceeded",
        "The API server has no room for another pod now; the pod is created when there is.",
        "Wait, or raise the namespace's ResourceQuota.",
    )
    POD_REFUSED = (
        "PodRefused",
        "The API server refused the pod; creating it is tried again.",
        "Read the message: it holds the API server's own words.",
    )
    POD_NAME_TAKEN = (
        "PodNameTaken",
        "A pod of an earlier attempt with the same name is still terminating; the pod is created when it is gone.",
        "Wait, or give attempts made by hand names of their own.",
    )
    FINALIZER_REFUSED = (
        "FinalizerRefused",
        "The API server refused to put Perago's finalizer on the attempt, which comes before its pod.",
        "Read the message: usually the operator lacks the right to patch attempts.",
    )
    API_UNREACHABLE = ("ApiUnreachable", "The API server did not answer; the call is tried again.")

    # the pod
    POD_STARTING = ("PodStarting", "The pod exists and its containers are not running yet.")
    POD_RUNNING = ("PodRunning", "The pod's containers run.")
    POD_ENDED = ("PodEnded", "The pod has ended.")
    IMAGE_PULL = (
        "ImagePull",
        "An image of the pod cannot be pulled; pulling it is tried again for a while.",
        "Correct the image's name, push it, or name a pull secret in `spec.imagePullSecrets` of the PeragoTask.",
    )
    CONTAINER_CONFIG = (
        "ContainerConfig",
        "A container cannot be set up, for example because a Secret is missing; it is tried again for a while.",
        "Create what the message names.",
    )
    UNSCHEDULABLE = (
        "Unschedulable",
        "No node has room for the pod.",
        "Lower `spec.resources`, correct node selectors and tolerations, or add nodes.",
    )
    NOT_STARTED = (
        "NotStarted",
        "The pod was placed on a node and its containers did not start in time.",
        "Read the pod's events: usually a volume or the network is missing.",
    )
    AGENT_UNAVAILABLE = (
        "AgentUnavailable",
        "The agent container, which is the operator's own, cannot be started.",
        "Check the chart's `runner.image` and its pull secrets.",
    )
    WAITING_FOR_EVIDENCE = (
        "WaitingForEvidence",
        "The pod ended without reporting; lakeFS is asked whether its work was published.",
    )
    STOPPING = ("Stopping", "The pod is being stopped.")

    # how the attempt ended: said by the agent or by the operator
    COMPLETED = ("Completed", "The task ran and its result was published.")
    OOM_KILLED = (
        "OOMKilled",
        "The task used more memory than its limit.",
        "Raise `spec.resources.limits.memory` of the PeragoTask, or use less memory.",
    )
    TASK_EXITED = (
        "TaskExited",
        "The task's process ended without a result.",
        "Read the last log lines in the message.",
    )
    DISRUPTED = (
        "Disrupted",
        "The pod was lost, evicted or preempted, or its agent died, more often than `disruptionRetries` allows.",
        "Find out what takes the pods away (node, eviction, preemption), or raise `spec.disruptionRetries`.",
    )
    DEADLINE_EXCEEDED = (
        "DeadlineExceeded",
        "The attempt took longer than `activeDeadlineSeconds`.",
        "Raise `spec.activeDeadlineSeconds`, or let the task do less.",
    )
    VOLUME_FULL = (
        "VolumeFull",
        "The workspace outgrew its volume.",
        "Raise `spec.volume.size` of the PeragoTask.",
    )
    INVALID_TASK = (
        "InvalidTask",
        "The task cannot run as it is declared: image, module, Secret or pod template is wrong.",
        "Correct what the message names; a retry would fail in the same way.",
    )
    CANCELED = ("Canceled", "`spec.cancel` was set.")
    ATTEMPT_DELETED = ("AttemptDeleted", "The object was deleted before the attempt had ended.")
    SUPERSEDED = (
        "Superseded",
        "Conductor no longer waits for this attempt: its task was canceled, timed out or was retried.",
    )

    # how the attempt ended: said by the agent
    TASK_INPUT_ERROR = (
        "TaskInputError",
        "The task's input is not what the task accepts.",
        "Correct the input; `perago check` shows what the task accepts.",
    )
    TASK_EXECUTION_ERROR = ("TaskExecutionError", "The task failed; the message says how.")
    TASK_TERMINAL_ERROR = ("TaskTerminalError", "The task said that no retry can help.")
    STALE_ATTEMPT = (
        "StaleAttemptError",
        "The attempt was no longer the current one when it was about to stage or publish.",
    )
    PUBLISH_FENCE = (
        "PublishFenceError",
        "The target branch is not where this attempt left from, so nothing was published.",
        "Run the task again from the branch's new head.",
    )
    UNCOMMITTED_CHANGES = (
        "UncommittedChanges",
        "The target branch has uncommitted changes, which block every merge into it.",
        "Commit or revert them: `lakectl diff lakefs://REPOSITORY/BRANCH` lists them.",
    )
    REPOSITORY_NOT_FOUND = (
        "RepositoryNotFound",
        "lakeFS does not know the input's repository.",
        "Correct `workspace.repository` of the input.",
    )
    REF_NOT_FOUND = (
        "RefNotFound",
        "lakeFS does not know the input's branch or ref.",
        "Correct `workspace.branch` or `workspace.ref` of the input.",
    )
    CORRUPT_OBJECT = (
        "CorruptObject",
        "An object's bytes do not have the size or checksum that lakeFS states.",
        "Retry; if it lasts, check lakeFS and what stands between it and the cluster.",
    )
    UNREADABLE_FILE = (
        "UnreadableFile",
        "The task left something in its workspace that cannot be published.",
        "Remove it at the end of the task, or make it a readable ordinary file.",
    )
    OUTPUT_TOO_LARGE = (
        "OutputTooLarge",
        "The task's output is larger than an object can hold.",
        "Write large results to the workspace and return their paths.",
    )
    OUTCOME_REFUSED = ("OutcomeRefused", "The API server refused the outcome as the agent wrote it.")
    PROTOCOL_MISMATCH = (
        "ProtocolMismatch",
        "The perago in the task's image speaks another protocol than the agent.",
        "Rebuild the task's image from the runner image of the installed version.",
    )
    PUBLISHED_WITHOUT_OUTPUT = (
        "PublishedWithoutOutput",
        "An earlier execution published, but its output was too large to be kept with the commit.",
        "Read the result from the published files, or run the task again.",
    )
    LAKEFS_UNAUTHORIZED = (
        "LakeFSUnauthorized",
        "lakeFS does not accept the keys of the attempt's Secret.",
        "Correct `accessKeyId` and `secretAccessKey` in the Secret.",
    )
    LAKEFS_FORBIDDEN = (
        "LakeFSForbidden",
        "The keys of the attempt's Secret do not allow what the attempt needs in lakeFS.",
        "Give the key's user read, write and merge rights on the repository.",
    )
    LAKEFS_REFUSED = ("LakeFSRefused", "lakeFS refused a call; the message holds its words.")
    LAKEFS_UNREACHABLE = (
        "LakeFSUnreachable",
        "lakeFS did not answer for longer than the agent waits.",
        "Check the endpoint in the Secret and whether lakeFS is up.",
    )
    CONDUCTOR_REFUSED = ("ConductorRefused", "Conductor refused a call; the message holds its words.")
    CONDUCTOR_UNREACHABLE = (
        "ConductorUnreachable",
        "Conductor did not answer for longer than the agent waits.",
        "Check the URL in the Secret and whether Conductor is up.",
    )
    CLUSTER_REFUSED = ("ClusterRefused", "The API server refused a call of the agent; the message holds its words.")
    CLUSTER_UNREACHABLE = ("ClusterUnreachable", "The API server did not answer for longer than the agent waits.")
    AGENT_ERROR = (
        "AgentError",
        "The agent failed in a way that it does not know.",
        "Report it with the agent container's log.",
    )

    # after the end
    ACCEPTED = ("Accepted", "Conductor was read back and has this attempt's result.")
    NOT_REQUIRED = ("NotRequired", "The attempt belongs to no Conductor task.")
    REPORT_PENDING = ("ReportPending", "The result is being reported.")
    STAGING_PENDING = ("StagingPending", "The staging branch is still to be deleted.")
    STAGING_GONE = ("StagingGone", "The staging branch was deleted.")
    NO_STAGING = ("NoStaging", "The attempt never made a staging branch.")
    PUBLISHED = ("Published", "A commit of this attempt is on the target branch.")
    NO_CHANGE = ("NoChange", "The task changed nothing, so nothing was published.")
    NOT_PUBLISHED = ("NotPublished", "The attempt ended without a publication.")
    FINISHED = ("Finished", "Nothing is left to do.")

    # a PeragoTask
    NO_TASK_TYPE = ("NoTaskType", "`spec.taskType` is not set: nothing is polled, attempts are made by hand.")
    PAUSED = ("Paused", "`spec.paused` is set: nothing is polled.")
    STARTING = ("Starting", "Polling is about to start.")
    POLLING = ("Polling", "Tasks of this type are being taken from Conductor.")
    POLL_FAILED = ("PollFailed", "Conductor did not answer the last poll; polling goes on.")
    TASK_COMPLETE = ("TaskComplete", "Module and image are known.")
