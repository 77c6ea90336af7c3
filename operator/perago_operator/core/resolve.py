"""An attempt with what its PeragoTask and the operator's settings supply. Its own fields take precedence. Pure."""

from dataclasses import dataclass

from perago.wire.policy import PolicyRule
from perago_operator.api.attempt import AttemptSpec, TaskCode
from perago_operator.api.base import JsonObject
from perago_operator.api.shared import Resources, Volume
from perago_operator.api.task import PeragoTask, TaskSpec
from perago_operator.core.config import Config

_NO_TASK = TaskSpec()
_NO_CODE, _NO_VOLUME, _NO_RESOURCES = TaskCode(), Volume(), Resources()


@dataclass(frozen=True, slots=True)
class Resolved:
    """What to run and within which limits. Only `module` and `image` may be missing."""

    module: str | None
    image: str | None
    exclude: tuple[str, ...]
    volume: Volume
    shm_size: int | float | str | None
    resources: Resources
    pod_templates: tuple[JsonObject, ...]
    """In the order in which they are merged: the task's, then the attempt's."""
    image_pull_secrets: tuple[str, ...]
    failure_policy: tuple[PolicyRule, ...]
    active_deadline_seconds: int | None
    ttl_seconds: int | None
    keep_failed_pods_seconds: int
    disruption_retries: int
    max_concurrency: int | None
    conductor_secret: str
    lakefs_secret: str

    @property
    def missing(self) -> str | None:
        """What is missing and needed to run: `module` or `image`."""
        return next((name for name in ("module", "image") if getattr(self, name) is None), None)


def resolve(spec: AttemptSpec, task: PeragoTask | None, config: Config) -> Resolved:
    """Each field from the attempt, else from its task, else from the settings."""
    shared = task.spec if task else _NO_TASK
    own = spec.task or _NO_CODE
    templates = (shared.pod_template, spec.pod_template)
    return Resolved(
        module=own.module or shared.module,
        image=own.image or shared.image,
        exclude=shared.exclude or (),
        volume=spec.volume or shared.volume or _NO_VOLUME,
        shm_size=spec.shm_size if spec.shm_size is not None else shared.shm_size,
        resources=spec.resources or shared.resources or _NO_RESOURCES,
        pod_templates=tuple(template for template in templates if template),
        image_pull_secrets=_pull_secrets(shared, config),
        failure_policy=tuple(rule.wire() for rule in spec.failure_policy or shared.failure_policy or ()),
        active_deadline_seconds=spec.active_deadline_seconds or shared.active_deadline_seconds,
        ttl_seconds=_first(spec.ttl_seconds_after_finished, shared.ttl_seconds_after_finished, config.ttl_seconds),
        keep_failed_pods_seconds=_first(
            spec.keep_failed_pods_seconds, shared.keep_failed_pods_seconds, config.keep_failed_pods_seconds
        )
        or 0,
        disruption_retries=_first(spec.disruption_retries, shared.disruption_retries, config.disruption_retries) or 0,
        max_concurrency=_first(shared.max_concurrency, config.limits.per_task),
        conductor_secret=shared.conductor_secret_ref.name
        if shared.conductor_secret_ref
        else config.pod.conductor_secret,
        lakefs_secret=shared.lakefs_secret_ref.name if shared.lakefs_secret_ref else config.pod.lakefs_secret,
    )


def _pull_secrets(shared: TaskSpec, config: Config) -> tuple[str, ...]:
    """Those of the settings and of the task, each once."""
    own = (secret.name for secret in shared.image_pull_secrets or ())
    return tuple(dict.fromkeys((*config.pod.image_pull_secrets, *own)))


def _first(*values: int | None) -> int | None:
    """The first value that is set; 0 is a value."""
    return next((value for value in values if value is not None), None)
