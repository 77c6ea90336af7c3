"""The operator's settings as far as decisions depend on them; `perago_operator.settings` fills this in."""

from dataclasses import dataclass, field

from pydantic import JsonValue


@dataclass(frozen=True, slots=True)
class PodSettings:
    """What every pod gets, whatever the attempt says."""

    runner_image: str = "perago-runner"
    """Image of the agent container."""
    runner_pull_policy: str = "IfNotPresent"
    image_pull_secrets: tuple[str, ...] = ()
    """Secrets with which the runner's image is pulled, besides those of the PeragoTask."""
    service_account: str = "perago-runner"
    lakefs_secret: str = "perago-lakefs"
    conductor_secret: str = "perago-conductor"
    volume_size: str = "1Gi"
    grace_seconds: int = 30
    agent_resources: dict[str, JsonValue] = field(
        default_factory=lambda: {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}
    )
    token_seconds: int = 3600
    """Lifetime of the agent's pod-bound token; the kubelet renews it."""
    connect_seconds: float = 3600.0
    """How long the agent waits for the task container's first call, see `wire.Order`. Long, for a large image may
    be on its way: the operator sees why a task does not start, the agent does not."""
    retry_seconds: float = 60.0
    """How long the agent retries lakeFS, Conductor and the API server, see `wire.Order`."""


@dataclass(frozen=True, slots=True)
class Config:
    """Limits and patience, in seconds where not said otherwise."""

    installation: str = "perago"
    pod: PodSettings = field(default_factory=PodSettings)
    max_concurrency: int | None = None
    """Attempts of one task that may have a pod at once, where the PeragoTask does not say."""
    ttl_seconds: int | None = 24 * 3600
    """A finished attempt is deleted after this, where neither attempt nor task say; None keeps it."""
    disruption_retries: int = 3
    failure_reason_max_length: int = 500
    retried_patience: float = 60.0
    """How long an error that the kubelet retries (image pulls, missing Secrets) may last: registries hiccup."""
    unschedulable_patience: float = 300.0
    start_patience: float = 300.0
    """How long it may take until the first container of a scheduled pod starts: volumes, network, the agent's image."""
    agent_patience: float = 5.0
    """How long the agent may outlive its task container, or the task its agent, before the pod is ended."""
    lost_node_patience: float = 60.0
    """How long after its grace period a deleted pod may linger before its node counts as lost."""
    heartbeat_without_timeout: float = 60.0
    """Time between heartbeats of a Conductor task whose `responseTimeoutSeconds` is 0."""
    doubt_cap: float = 60.0
    """Longest wait for a Conductor call of unknown fate to land; a lease period where that is shorter."""
    retry_first: float = 1.0
    retry_cap: float = 60.0
    """Back-off of calls that failed: doubled from the first to the cap, with jitter."""
    log_lines: int = 20
    """Lines of the task's log in the message of `TaskExited`."""
    shipped_log_lines: int = 200
    """Last lines of the task's log that are copied to the Conductor task; 0: none."""
