"""Every field of a pod and of its containers, and who decides it: the operator, an attempt, a PeragoTask, or nobody.

Data alone. The CRDs, the checks of `core.pod.allowed` and the reference of pod templates are made from it, and a test
compares it with the API server's own schema.
"""

from enum import StrEnum
from typing import Literal, NamedTuple


class Whose(StrEnum):
    """Who decides a field."""

    OURS = "ours"
    """The operator sets it, or leaves it unset on purpose. A template that names it is refused."""
    ATTEMPT = "yours (attempt)"
    """The template of an attempt may set it, and that of a PeragoTask, too."""
    TASK = "yours (PeragoTask)"
    """Only the template of a PeragoTask may set it."""
    REFUSED = "refused"
    """It cannot be set by anybody: it would not work in a pod of Perago."""


Kind = Literal["string", "boolean", "integer", "object", "objects", "strings", "texts", "resources"]
"""What JSON a field holds: `objects` and `strings` are arrays, and `texts` maps names to strings."""


class PodField(NamedTuple):
    """A field, what it holds, who decides it, and what people should know or do instead."""

    name: str
    kind: Kind
    whose: Whose
    say: str
    """A sentence: for a field that is refused what to do instead, for any other what it is good for, or its limits."""
    merged: bool = False
    """What the operator has set stays, and a template adds to it."""


LONGEST_GRACE = 300
"""Seconds that the template of an attempt may give its pod to end: so long may a task outlive its cancellation."""

OURS, ATTEMPT, TASK, REFUSED = Whose

IN_PERAGOTASK = "Set it in spec.podTemplate of the PeragoTask."
_ALONE = "It applies to the agent as well, which must reach the servers of its keys and no others. Leave it out."
_IDENTITY = "The agent's token belongs to this account. Leave it out."
_APART = "It would bring the task to the agent's processes or to the node. Leave it out."
_FROM_CLASS = "The API server sets it from a class."

POD_FIELDS: tuple[PodField, ...] = (
    PodField("activeDeadlineSeconds", "integer", REFUSED, "Set spec.activeDeadlineSeconds, which is reported."),
    PodField("affinity", "object", ATTEMPT, "Chooses nodes by their labels and by the pods on them."),
    PodField("automountServiceAccountToken", "boolean", OURS, _IDENTITY),
    PodField("containers", "objects", ATTEMPT, "An attempt may name the container `task` alone.", merged=True),
    PodField("dnsConfig", "object", OURS, _ALONE),
    PodField("dnsPolicy", "string", OURS, _ALONE),
    PodField("enableServiceLinks", "boolean", OURS, "Services are found by DNS. Leave it out."),
    PodField("ephemeralContainers", "objects", REFUSED, "They are added to a pod that runs. Use kubectl debug."),
    PodField("hostAliases", "objects", OURS, _ALONE),
    PodField("hostIPC", "boolean", OURS, _APART),
    PodField("hostNetwork", "boolean", OURS, _APART),
    PodField("hostPID", "boolean", OURS, _APART),
    PodField("hostUsers", "boolean", OURS, "Set the chart's value runner.hostUsers."),
    PodField("hostname", "string", OURS, _ALONE),
    PodField("hostnameOverride", "string", OURS, _ALONE),
    PodField("imagePullSecrets", "objects", TASK, "The same as spec.imagePullSecrets.", merged=True),
    PodField("initContainers", "objects", TASK, "They run before the task. One that fails fails the attempt."),
    PodField("nodeName", "string", REFUSED, "It would bypass the scheduler. Set nodeSelector or affinity."),
    PodField("nodeSelector", "texts", ATTEMPT, "Chooses nodes by their labels.", merged=True),
    PodField("os", "object", REFUSED, "Perago runs on Linux alone. Choose nodes with nodeSelector."),
    PodField("overhead", "texts", REFUSED, f"{_FROM_CLASS} Set runtimeClassName."),
    PodField("preemptionPolicy", "string", TASK, "Whether the pod may displace others."),
    PodField("priority", "integer", REFUSED, f"{_FROM_CLASS} Set priorityClassName in the PeragoTask."),
    PodField("priorityClassName", "string", TASK, "Which pods come first, and which make way."),
    PodField("readinessGates", "objects", TASK, "Perago does not wait for them."),
    PodField("resourceClaims", "objects", TASK, "Devices, for dynamic resource allocation."),
    PodField("resources", "resources", TASK, "Those of the whole pod, where the cluster supports them."),
    PodField("restartPolicy", "string", OURS, "Another execution is another pod. Set spec.disruptionRetries."),
    PodField("runtimeClassName", "string", ATTEMPT, "In an attempt, one of the chart's attempts.runtimeClassNames."),
    PodField("schedulerName", "string", TASK, "Another scheduler."),
    PodField("schedulingGates", "objects", TASK, "They hold the pod back until somebody removes them."),
    PodField("schedulingGroup", "object", TASK, "Pods that are scheduled together, from Kubernetes 1.36 on."),
    PodField("securityContext", "object", OURS, "It confines both containers. Prepare the image for uid 65532."),
    PodField("serviceAccount", "string", OURS, _IDENTITY),
    PodField("serviceAccountName", "string", OURS, _IDENTITY),
    PodField("setHostnameAsFQDN", "boolean", OURS, _ALONE),
    PodField("shareProcessNamespace", "boolean", OURS, _APART),
    PodField("subdomain", "string", OURS, _ALONE),
    PodField(
        "terminationGracePeriodSeconds",
        "integer",
        ATTEMPT,
        f"How long the task may take to end. At most {LONGEST_GRACE} in an attempt.",
    ),
    PodField("tolerations", "objects", ATTEMPT, "Taints of nodes that the pod may run on all the same."),
    PodField("topologySpreadConstraints", "objects", ATTEMPT, "Spreads pods over zones or nodes.", merged=True),
    PodField("volumes", "objects", TASK, "Perago's own volumes cannot be changed.", merged=True),
    PodField("workloadRef", "object", TASK, "Pods that are scheduled together, in Kubernetes 1.35."),
)
"""The fields of a pod's `spec`, by name."""

_ITS_WORDS = "Perago reads how the container ended by it. Leave it out."
_ONCE = "Another execution is another pod. Set spec.disruptionRetries."

TASK_CONTAINER_FIELDS: tuple[PodField, ...] = (
    PodField("args", "strings", TASK, "Arguments of the command."),
    PodField("command", "strings", TASK, "Must start `python -m perago.taskside`, as the operator's own does."),
    PodField("env", "objects", ATTEMPT, "An attempt may give literal values alone: name and value.", merged=True),
    PodField("envFrom", "objects", TASK, "Not from the Secrets with the agent's keys."),
    PodField("image", "string", OURS, "Set spec.image of the PeragoTask, or spec.task.image of the attempt."),
    PodField("imagePullPolicy", "string", TASK, "Whether the image is pulled again."),
    PodField("lifecycle", "object", TASK, "What runs when the container has started, and before it is stopped."),
    PodField("livenessProbe", "object", TASK, "A task that fails it is killed, and fails as TaskExited."),
    PodField("name", "string", ATTEMPT, "`task`."),
    PodField("ports", "objects", ATTEMPT, "An attempt may set containerPort, name and protocol.", merged=True),
    PodField("readinessProbe", "object", TASK, "Perago does not wait for it."),
    PodField("resizePolicy", "objects", TASK, "Whether resources may change while the task runs."),
    PodField(
        "resources",
        "resources",
        ATTEMPT,
        "Limits and requests. In an attempt, at most the chart's attempts.ceiling.",
        merged=True,
    ),
    PodField("restartPolicy", "string", OURS, _ONCE),
    PodField("restartPolicyRules", "objects", OURS, _ONCE),
    PodField("securityContext", "object", OURS, "It confines the task. Prepare the image for uid 65532."),
    PodField("startupProbe", "object", TASK, "A task that fails it is killed, and fails as TaskExited."),
    PodField("stdin", "boolean", TASK, "For kubectl attach."),
    PodField("stdinOnce", "boolean", TASK, "For kubectl attach."),
    PodField("terminationMessagePath", "string", OURS, _ITS_WORDS),
    PodField("terminationMessagePolicy", "string", OURS, _ITS_WORDS),
    PodField("tty", "boolean", TASK, "For kubectl attach."),
    PodField("volumeDevices", "objects", TASK, "Raw block devices."),
    PodField("volumeMounts", "objects", TASK, "Perago's own mounts cannot be changed.", merged=True),
    PodField("workingDir", "string", TASK, "Where the task starts. The workspace is at /workspace all the same."),
)
"""The fields of the container `task`, by name."""

AGENT_FIELDS: frozenset[str] = frozenset({"name", "resources"})
"""What the template of a PeragoTask may say of the container `agent`; every other field of it is ours."""
ONLY_RESOURCES = "podTemplate may set only resources of the container 'agent'. Leave the other fields out."
ONLY_THE_TASK = "podTemplate of an attempt may name only the container 'task'. Set others in the PeragoTask."
KEY_PREFIX = "perago.dev/"
"""Labels and annotations whose keys begin so are the operator's."""

METADATA_FIELDS: tuple[PodField, ...] = (
    PodField(
        "annotations",
        "texts",
        ATTEMPT,
        "In an attempt, keys of the chart's attempts.annotations. Never perago.dev/…, nor what confines containers.",
        merged=True,
    ),
    PodField(
        "labels",
        "texts",
        ATTEMPT,
        "In an attempt, keys of the chart's attempts.labels. Never perago.dev/….",
        merged=True,
    ),
)
"""The fields of a pod's metadata that a template may set; every other one is ours."""


def remedy(field: PodField, template: Whose) -> str | None:
    """What to do instead of setting a field in the template of an attempt (`ATTEMPT`) or of a PeragoTask (`TASK`).

    None where it may be set.
    """
    if field.whose in (OURS, REFUSED):
        return field.say
    return IN_PERAGOTASK if field.whose is TASK and template is ATTEMPT else None


def refusal(path: str, field: PodField, template: Whose) -> str | None:
    """Why such a template may not set the field at `path`; None where it may."""
    instead = remedy(field, template)
    return None if instead is None else f"{path} {REFUSED_HERE[template]}. {instead}"


REFUSED_HERE = {ATTEMPT: "cannot be set in an attempt", TASK: "cannot be set"}
"""What is said of a field that a template may not set, by the template."""
