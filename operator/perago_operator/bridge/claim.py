"""How a polled task becomes a claim, and which attempts are in a claim's way. Pure."""

from dataclasses import dataclass, replace

from perago.wire import ConductorTask
from perago.wire.inputs import input_problem
from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.shared import Key
from perago_operator.api.task import PeragoTask
from perago_operator.bridge.manifest import attempt_manifest
from perago_operator.ports import Manifest, PolledTask, key_of


@dataclass(frozen=True, slots=True)
class Claim:
    """A polled task that has no attempt yet: it is ours in Conductor, and only this process knows of it."""

    peragotask: Key
    attempt: Key
    manifest: Manifest
    task: ConductorTask
    problem: str | None = None
    """Why no attempt can have the task's input."""


def claim(polled: PolledTask, task: PeragoTask) -> Claim:
    """The claim on a polled task, with the attempt to create for it."""
    problem = input_problem(polled.input_data)
    manifest = attempt_manifest(replace(polled, input_data={}) if problem else polled, task)
    return Claim(task.metadata.key, key_of(manifest), manifest, polled.task, problem)


def has_ended(attempt: PeragoAttempt) -> bool:
    """It serves its task no more: it has an outcome, or is being deleted."""
    return attempt.status.outcome is not None or attempt.metadata.deletion_timestamp is not None


def is_reported(attempt: PeragoAttempt) -> bool:
    """Nothing of it will be sent to Conductor any more."""
    reporting = attempt.status.reporting
    return reporting is not None and reporting.state != "Pending"


def serves(attempt: PeragoAttempt) -> bool:
    """It may still have something to say to Conductor: another attempt for its task would run beside it."""
    return not (has_ended(attempt) and is_reported(attempt))


def is_of_former_run(attempt: PeragoAttempt, task: ConductorTask) -> bool:
    """The task, whose id it has, was certainly run again since it was polled for this attempt."""
    conductor = attempt.spec.conductor
    return conductor is not None and conductor.wire().is_run_again(task.start_time)


def makes_way(attempt: PeragoAttempt, task: ConductorTask) -> bool:
    """It does not serve this run of the task."""
    return has_ended(attempt) or is_of_former_run(attempt, task)
