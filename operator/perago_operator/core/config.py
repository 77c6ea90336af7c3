"""The operator's settings as far as decisions depend on them, filled in from `perago_operator.settings`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

TokenHeader = Literal["Authorization", "X-Authorization"]


@dataclass(frozen=True, slots=True)
class TrustedCA:
    """Where the attempt's namespace has the certificates of authorities that agents trust."""

    kind: Literal["ConfigMap", "Secret"]
    name: str
    key: str


@dataclass(frozen=True, slots=True)
class NodeCache:
    """Where agents keep objects for the next attempts on their node."""

    kind: Literal["hostPath", "persistentVolumeClaim"]
    name: str
    """The folder's path, or the claim's name."""
    limit: int
    """The most bytes that each namespace's part may have."""
    keep_free: int
    """Percent of its file system that stay free."""


@dataclass(frozen=True, slots=True)
class PodSettings:
    """What every pod gets, whatever the attempt says."""

    runner_image: str = "perago-runner"
    """Image of the agent container."""
    runner_pull_policy: str = "IfNotPresent"
    image_pull_secrets: tuple[str, ...] = ()
    """Secrets to pull the runner's image with, besides those of the PeragoTask."""
    service_account: str = "perago-runner"
    lakefs_secret: str = "perago-lakefs"
    conductor_secret: str = "perago-conductor"
    volume_size: str = "1Gi"
    grace_seconds: int = 30
    agent_resources: dict[str, JsonValue] = field(
        default_factory=lambda: {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}
    )
    token_seconds: int = 3600
    """Lifetime of the agent's pod-bound token, which the kubelet renews."""
    connect_seconds: float = 3600.0
    """How long the agent waits for the task container's first call (`wire.Order`). This is long because a large image
    may still be on its way: the operator sees why a task does not start, and the agent does not."""
    retry_seconds: float = 60.0
    """How long the agent retries lakeFS, Conductor and the API server (`wire.Order`)."""
    outage_seconds: float = 600.0
    """The same for lakeFS and Conductor once the task's function has returned (`wire.Order`)."""
    presign: bool = True
    """Whether objects may go straight to lakeFS's block store (`wire.Order`)."""
    token_header: TokenHeader = "Authorization"
    """Where a token of Conductor goes (`wire.Order`)."""
    agent_variables: tuple[tuple[str, str], ...] = ()
    """Environment of the agent: proxies."""
    trusted_ca: TrustedCA | None = None
    node_cache: NodeCache | None = None
    turn_seconds: float = 600.0
    """How long an agent may merge once it has seen its turn granted (`wire.Order`)."""
    host_users: bool = True
    """False gives each pod a user namespace of its own, which not every cluster has."""
    user_from_cluster: bool = False
    """True names neither user nor group, so that the cluster's admission gives the pod its own."""


Quantities = Mapping[str, str]
"""Quantities by resource: cpu, memory, ephemeral-storage, …, and storage for the workspace's volume."""


@dataclass(frozen=True, slots=True)
class AttemptLimits:
    """What an attempt may say for itself; beyond it, its PeragoTask has to."""

    own_code: bool = True
    """Whether an attempt may name a module or an image of its own."""
    runtime_classes: tuple[str, ...] = ()
    labels: tuple[str, ...] = ("attempt.perago.dev/", "kueue.x-k8s.io/queue-name")
    """Keys of its pod's labels, or (with a slash at the end) what they begin with. Others select pods by theirs."""
    annotations: tuple[str, ...] = ("attempt.perago.dev/",)
    ceiling: Quantities = field(default_factory=dict)
    """The most of each resource."""
    requests: Quantities = field(default_factory=dict)
    """What a task requests of each resource of which neither a request nor a limit is said."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many attempts may have a pod at once; None and 0 are no limit."""

    per_task: int | None = None
    """Of one PeragoTask that does not say."""
    per_namespace: int | None = None
    per_node: int | None = None
    """For each node that attempts run on."""
    starting_per_node: int | None = None
    """The same of pods of one namespace that have not started."""


@dataclass(frozen=True, slots=True)
class Config:
    """Limits and patience, in seconds unless stated otherwise."""

    installation: str = "perago"
    pod: PodSettings = field(default_factory=PodSettings)
    attempts: AttemptLimits = field(default_factory=AttemptLimits)
    limits: Limits = Limits()
    ttl_seconds: int | None = 24 * 3600
    """When a finished attempt is deleted, unless it or its PeragoTask says; None keeps it."""
    keep_failed_pods_seconds: int = 0
    """For how long the pod of a failed attempt is kept, unless the attempt or its PeragoTask says."""
    disruption_retries: int = 3
    disruption_backoff: float = 10.0
    disruption_backoff_cap: float = 300.0
    """The pause before a lost pod is replaced: doubled with each execution from the first up to the second of these,
    with jitter."""
    failure_reason_max_length: int = 500
    retried_patience: float = 60.0
    """How long errors that the kubelet retries may last, such as pull errors and missing Secrets: registries hiccup."""
    unschedulable_patience: float = 300.0
    refused_patience: float = 300.0
    """How long the API server may refuse a pod for a reason that can go away: a policy, a LimitRange, an account."""
    start_patience: float = 900.0
    """How long the first container of a scheduled pod may take to start: volumes, network, images. The kubelet shows no
    start before all images of the pod are there, and large ones take minutes."""
    agent_patience: float = 5.0
    """How long the agent may outlive its task container, or the task its agent, before the pod is deleted."""
    quiet_start: float = 5.0
    """How long the status may say nothing new while all there is to say is that a pod starts: an attempt that has got
    further by then costs no patch for it."""
    quiet_seconds: float = 2.0
    """The same once the pod runs, and while its end is being dealt with."""
    unseen_patience: float = 30.0
    """How long a pod may exist without a watch showing it before the API server is asked for it."""
    silent_node_patience: float = 60.0
    """How long the control plane may say that a pod's node does not answer before the pod is deleted."""
    lost_node_patience: float = 60.0
    """How long after its grace period a deleted pod may linger before its node counts as lost."""
    turn_patience: float = 60.0
    """How long beyond `turn_seconds` an attempt may keep its turn before it is revoked: time to see it granted, and to
    give it back."""
    turn_margin: float = 10.0
    """How long beyond `turn_seconds` a revoked turn still keeps others waiting: two clocks do not run equally fast."""
    second_look: float = 5.0
    """How much later something has to be missing once more before it counts as gone."""
    wait_patience: float = 3600.0
    """How long an attempt that Conductor waits for may wait for a PeragoTask, an earlier attempt, a quota or its pod's
    name, and how long its heartbeats go on while reports fail: they renew Conductor's own patience."""
    gated_patience: float = 24 * 3600.0
    """The same for a pod that somebody holds back on purpose, as queues for jobs do."""
    heartbeat_without_timeout: float = 60.0
    """Time between heartbeats of a Conductor task whose `responseTimeoutSeconds` is 0."""
    doubt_cap: float = 60.0
    """How long a Conductor call of unknown fate may take to land, unless the heartbeat period is shorter."""
    retry_first: float = 1.0
    retry_cap: float = 60.0
    """Back-off of calls that failed: doubled from `retry_first` up to this, with jitter."""
    log_lines: int = 20
    """How many of the last lines of a failed task's log stand in the status."""
    shipped_log_lines: int = 200
    """How many of the last lines of the task's log are copied to the Conductor task; 0 copies none."""
