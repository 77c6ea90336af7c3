"""Which of several PeragoTasks serves a queue."""

from typing import Any

from perago_operator.api.task import PeragoTask
from perago_operator.bridge.serving import Queue, serving
from tests import builders as b


def made(name: str, second: int, namespace: str = "ns", **spec: Any) -> PeragoTask:
    """A PeragoTask that was created at that second."""
    obj = b.task(name, **({"taskType": "build"} | spec))
    created = {"namespace": namespace, "creationTimestamp": f"2026-01-01T00:00:{second:02}Z"}
    return PeragoTask.model_validate(obj | {"metadata": obj["metadata"] | created})


def served(*tasks: PeragoTask) -> dict[Queue, str]:
    """Who serves each queue."""
    return {queue: task.metadata.name for queue, task in serving(tasks).items()}


def test_the_oldest_serves() -> None:
    """Whatever their names and the order in which they are seen."""
    assert served(made("a", 2), made("b", 1), made("c", 3)) == {Queue("build"): "b"}


def test_of_the_same_age_the_first_by_name_serves() -> None:
    """Creation times have whole seconds."""
    assert served(made("b", 1, "a"), made("a", 1, "b"), made("c", 1, "a")) == {Queue("build"): "b"}


def test_domains_and_types_have_queues_of_their_own() -> None:
    """A PeragoTask without a task type serves none."""
    tasks = made("a", 1), made("b", 2, domain="north"), made("c", 3, taskType="test"), made("d", 0, taskType=None)
    assert served(*tasks) == {Queue("build"): "a", Queue("build", "north"): "b", Queue("test"): "c"}


def test_a_pause_hands_the_queue_to_nobody() -> None:
    """Who pauses a task wants none to run."""
    assert served(made("a", 1, paused=True), made("b", 2)) == {Queue("build"): "a"}
