"""What is wrong with the declaration of an attempt's pod, before there is a pod to try. Pure."""

from dataclasses import replace

from perago.wire import API_GROUP, API_VERSION
from perago_operator.api.attempt import AttemptSpec, PeragoAttempt
from perago_operator.api.base import JsonObject
from perago_operator.api.podfields import Whose
from perago_operator.api.task import PeragoTask
from perago_operator.core.config import Config
from perago_operator.core.pod.allowed import field_problem, merged_problem, structure_problem
from perago_operator.core.pod.manifest import pod_manifest
from perago_operator.core.pod.template import cache_problem, template_problem
from perago_operator.core.resolve import Resolved, resolve


def templates_problem(task: PeragoTask | None, spec: AttemptSpec, resolved: Resolved, config: Config) -> str | None:
    """Why the pod template of a PeragoTask or of an attempt is refused, as it was written; None when both are taken."""
    secrets = frozenset({resolved.lakefs_secret, resolved.conductor_secret})
    templates = (task.spec.pod_template if task else None, Whose.TASK), (spec.pod_template, Whose.ATTEMPT)
    problems = (
        structure_problem(template)
        or field_problem(template, whose, config.attempts)
        or template_problem(template, secrets)
        or cache_problem(template, config.pod.node_cache)
        for template, whose in templates
        if template
    )
    return next((problem for problem in problems if problem), None)


def declaration_problem(task: PeragoTask, config: Config) -> str | None:
    """Why no attempt that relies on this PeragoTask alone could have a pod; None when the API server has to say."""
    attempt = _attempt_of(task)
    resolved = resolve(attempt.spec, task, config)
    if resolved.missing:
        return None
    try:
        if problem := templates_problem(task, attempt.spec, resolved, config):
            return problem
        return merge_problem(pod_manifest(attempt, resolved, 1, config), attempt, resolved, 1, config)
    except ValueError as error:
        return str(error)


def merge_problem(
    pod: JsonObject, attempt: PeragoAttempt, resolved: Resolved, execution: int, config: Config
) -> str | None:
    """What the pod templates have taken away that is ours; None when nothing. Raises ValueError as `pod_manifest`."""
    if not resolved.pod_templates:
        return None
    ours = pod_manifest(attempt, replace(resolved, pod_templates=()), execution, config)
    return merged_problem(pod, ours)


def _attempt_of(task: PeragoTask) -> PeragoAttempt:
    metadata = {"name": "any", "namespace": task.metadata.namespace, "uid": "any"}
    spec = {"taskRef": {"name": task.metadata.name}, "input": {"workspace": {}, "params": {}}}
    version = f"{API_GROUP}/{API_VERSION}"
    return PeragoAttempt.model_validate(
        {"apiVersion": version, "kind": "PeragoAttempt", "metadata": metadata, "spec": spec}
    )
