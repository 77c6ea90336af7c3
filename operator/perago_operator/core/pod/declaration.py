"""What is wrong with the declaration of an attempt's pod, before there is a pod to try. Pure."""

from perago.wire import API_GROUP, API_VERSION
from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.task import PeragoTask
from perago_operator.core.config import Config
from perago_operator.core.pod.manifest import pod_manifest
from perago_operator.core.pod.template import cache_problem, template_problem
from perago_operator.core.resolve import Resolved, resolve


def templates_problem(resolved: Resolved, config: Config) -> str | None:
    """Why a pod template is refused: it reaches for what is the agent's alone. None when all may be merged."""
    secrets = frozenset({resolved.lakefs_secret, resolved.conductor_secret})
    cache, templates = config.pod.node_cache, resolved.pod_templates
    problems = (template_problem(template, secrets) or cache_problem(template, cache) for template in templates)
    return next((problem for problem in problems if problem), None)


def declaration_problem(task: PeragoTask, config: Config) -> str | None:
    """Why no attempt that relies on this PeragoTask alone could have a pod; None when the API server has to say."""
    attempt = _attempt_of(task)
    resolved = resolve(attempt.spec, task, config)
    if resolved.missing:
        return None
    if problem := templates_problem(resolved, config):
        return problem
    try:
        pod_manifest(attempt, resolved, 1, config)
    except ValueError as error:
        return str(error)
    return None


def _attempt_of(task: PeragoTask) -> PeragoAttempt:
    metadata = {"name": "any", "namespace": task.metadata.namespace, "uid": "any"}
    spec = {"taskRef": {"name": task.metadata.name}, "input": {"workspace": {}, "params": {}}}
    version = f"{API_GROUP}/{API_VERSION}"
    return PeragoAttempt.model_validate(
        {"apiVersion": version, "kind": "PeragoAttempt", "metadata": metadata, "spec": spec}
    )
