"""What an attempt may ask for by itself: code, and resources up to a ceiling. Pure."""

from collections.abc import Iterator
from functools import partial

from pydantic import JsonValue

from perago_operator.api.attempt import AttemptSpec
from perago_operator.api.base import JsonObject
from perago_operator.core.config import AttemptLimits, Quantities
from perago_operator.core.names import TASK_CONTAINER
from perago_operator.core.pod.quantity import amount
from perago_operator.core.pod.shapes import object_of, with_containers

STORAGE, MEMORY = "storage", "memory"
"""In a ceiling: the size of the workspace's volume, and of memory."""
SHARED = ("cpu", MEMORY, "ephemeral-storage")
"""Resources that a node can promise more than once. A limit of any other, such as GPUs, reserves what it names."""


def attempt_problem(spec: AttemptSpec, limits: AttemptLimits) -> str | None:
    """Why an attempt asks for more than it may; None when it does not. Raises ValueError for what is no quantity."""
    return next(_problems(spec, limits), None)


def _problems(spec: AttemptSpec, limits: AttemptLimits) -> Iterator[str]:
    for name in ("module", "image") if spec.task and not limits.own_code else ():
        if getattr(spec.task, name) is not None:
            yield (
                f"spec.task.{name} cannot be set in an attempt here (attempts.ownCode is false). "
                "Name a PeragoTask in spec.taskRef."
            )
    if spec.resources:
        yield from above_ceiling("spec.resources", spec.resources.to_json(), limits.ceiling)
    if spec.volume:
        yield from _above("spec.volume.size", spec.volume.size, STORAGE, limits.ceiling)
    yield from _above("spec.shmSize", spec.shm_size, MEMORY, limits.ceiling)


def above_ceiling(path: str, resources: JsonObject, ceiling: Quantities) -> Iterator[str]:
    """What an attempt asks for beyond the ceiling, as sentences. Raises ValueError for what is no quantity."""
    for kind in ("requests", "limits"):
        amounts = resources.get(kind)
        for name, quantity in amounts.items() if isinstance(amounts, dict) else ():
            yield from _above(f"{path}.{kind}.{name}", quantity, name, ceiling)


def _above(path: str, quantity: JsonValue, name: str, ceiling: Quantities) -> Iterator[str]:
    most = ceiling.get(name)
    if most is None or quantity is None or isinstance(quantity, bool | list | dict):
        return
    if amount(quantity) > amount(most):
        yield (
            f"{path} is {quantity}, and an attempt may ask for at most {most} (the chart's attempts.ceiling). "
            "Ask for less, or set it in the PeragoTask."
        )


def with_defaults(pod: JsonObject, limits: AttemptLimits) -> JsonObject:
    """The pod, with resources for the task's container where nobody has said any."""
    return with_containers(pod, partial(_provided, limits=limits)) if limits.ceiling or limits.requests else pod


def _provided(container: JsonObject, limits: AttemptLimits) -> JsonObject:
    """The ceiling is the limit, and never the request, which it would become if the request were left out."""
    if container.get("name") != TASK_CONTAINER:
        return container
    resources = object_of(container.get("resources"))
    said, requested = object_of(resources.get("limits")), object_of(resources.get("requests"))
    ceiling = {name: most for name, most in limits.ceiling.items() if name in SHARED}
    defaults = {**dict.fromkeys(ceiling, "0"), **limits.requests}
    requests = {**requested, **{name: least for name, least in defaults.items() if name not in (*said, *requested)}}
    added = {name: _higher(requests.get(name), most) for name, most in ceiling.items() if name not in said}
    provided: dict[str, JsonObject] = {"requests": requests, "limits": {**said, **added}}
    kept = {kind: amounts for kind, amounts in provided.items() if amounts}
    return {**container, "resources": {**resources, **kept}}


def _higher(request: JsonValue, most: str) -> JsonValue:
    """A limit is at least what is requested, which the author of a PeragoTask may do beyond the ceiling."""
    if isinstance(request, int | float | str) and amount(request) > amount(most):
        return request
    return most
