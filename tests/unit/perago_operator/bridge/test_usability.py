"""Whether a PeragoTask can be run is seen from what it declares and from its latest attempts."""

from typing import Any

import pytest

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.reasons import EVENT_REASONS, FAULTS, STOPS, Fault, Reason
from perago_operator.api.shared import Key
from perago_operator.api.task import PeragoTask
from perago_operator.bridge.usability import (
    ENDS,
    LONGEST_PAUSE,
    REMEMBERED,
    SHORTEST_PAUSE,
    WAITS,
    Fails,
    Record,
    Usability,
    Works,
    evidence_of,
    pause_seconds,
)
from perago_operator.core.config import Config
from perago_operator.watch.stores import AttemptStore, TaskStore
from tests import builders as b

FILES = {"workspace": {"repository": "repo"}, "params": {}}
ALONE: dict[str, Any] = {"params": {}}


def attempt(number: int, task: str = "build", given: dict[str, Any] = FILES, **status: Any) -> PeragoAttempt:
    """Attempt number `number` of a PeragoTask, each a second younger than the one before."""
    meta = {"name": f"a{number}", "uid": f"uid-{number}", "creationTimestamp": b.stamp(number)}
    return PeragoAttempt.model_validate(b.attempt(meta=meta, status=status, taskRef={"name": task}, input=given))


def failed(number: int, reason: Reason, **more: Any) -> PeragoAttempt:
    """One that has ended for this reason."""
    return attempt(number, outcome=b.failure(reason.value, message="why"), **more)


def completed(number: int, **more: Any) -> PeragoAttempt:
    """One that has completed."""
    return attempt(number, outcome=b.completed(), **more)


def waiting(number: int, reason: Reason) -> PeragoAttempt:
    """One that waits."""
    return attempt(number, conditions=[b.condition("PodReady", "False", reason.value, message="why")])


class Subject:
    """Usability over PeragoTasks `build` and `test`, which use one Secret, and `other`, which uses another one."""

    def __init__(self, **spec: Any) -> None:
        attempts = AttemptStore(lambda _: None)
        self.tasks = TaskStore(attempts, lambda _: None)
        for task in (b.task("build", **spec), b.task("test"), b.task("other", lakefsSecretRef={"name": "others"})):
            self.tasks.put(task)
        self.seconds = 0.0
        self.usability = Usability(self.tasks, Config(), clock=lambda: self.seconds)

    def hear(self, *attempts: PeragoAttempt) -> "Subject":
        """The watch shows these."""
        for shown in attempts:
            self.usability.heard(shown)
        return self

    def task(self, name: str = "build") -> PeragoTask:
        """A PeragoTask."""
        found = self.tasks.get(Key("ns", name))
        assert found is not None
        return found

    def reason(self, name: str = "build") -> Reason | None:
        """Why a PeragoTask's attempts cannot run."""
        unusable = self.usability.of(self.task(name))
        return unusable.reason if unusable else None

    def allows_trial(self, undecided: int = 0) -> bool:
        """Whether a task may be taken, although attempts cannot run."""
        unusable = self.usability.of(self.task())
        assert unusable is not None
        return unusable.allows_trial(undecided)


@pytest.mark.parametrize("reason", ENDS)
def test_an_end_that_the_next_attempt_would_have_as_well_is_seen(reason: Reason) -> None:
    """With the attempt's name and its message."""
    unusable = Subject().hear(failed(1, reason)).usability.of(Subject().task())
    assert unusable is not None
    assert (unusable.reason, unusable.message) == (reason, "attempt a1: why")


@pytest.mark.parametrize("reason", WAITS)
def test_a_wait_that_the_next_attempt_would_have_as_well_is_seen(reason: Reason) -> None:
    """Before the attempt has failed."""
    assert Subject().hear(waiting(1, reason)).reason() is reason


@pytest.mark.parametrize("reason", [Reason.QUOTA_EXCEEDED, Reason.UNSCHEDULABLE, Reason.EARLIER_ATTEMPT])
def test_other_waits_say_nothing(reason: Reason) -> None:
    """They concern the cluster, or this attempt alone."""
    assert Subject().hear(waiting(1, reason)).reason() is None


def test_only_what_is_configured_or_refused_ends_in_a_pause() -> None:
    """A body that fails, whatever it raises, shows that attempts can run; a lost node shows nothing."""
    shown = {reason: evidence_of(failed(1, reason)) for reason in Reason if reason not in EVENT_REASONS}
    for reason, fault in FAULTS.items():
        if fault is Fault.USER:
            assert shown[reason] == Works(in_lakefs=True), reason
        elif reason not in ENDS:
            assert shown[reason] is None, reason
    assert all(shown[reason] is None for reason in STOPS)
    assert all(isinstance(shown[reason], Fails) for reason in ENDS)
    assert evidence_of(attempt(1, outcome=b.failure("ErrorOfATask"))) == Works(in_lakefs=True)


@pytest.mark.parametrize("step", ["Executing", "Staging", "Publishing"])
def test_a_task_at_work_shows_that_attempts_can_run(step: str) -> None:
    """While one that downloads has not got there yet."""
    subject = Subject().hear(failed(1, Reason.INVALID_TASK), attempt(2, step="Downloading"))
    assert subject.reason() is Reason.INVALID_TASK
    assert subject.hear(attempt(2, step=step)).reason() is None


def test_the_youngest_attempt_counts() -> None:
    """In whichever order they are shown, as when a leader lists them at its start."""
    older, younger = completed(1), failed(2, Reason.IMAGE_PULL)
    assert Subject().hear(older, younger).reason() is Reason.IMAGE_PULL
    assert Subject().hear(younger, older).reason() is Reason.IMAGE_PULL
    assert Subject().hear(failed(1, Reason.IMAGE_PULL), completed(2)).reason() is None
    assert Subject().hear(completed(2), failed(1, Reason.IMAGE_PULL)).reason() is None


def test_an_attempt_that_was_stopped_while_it_waited_shows_nothing() -> None:
    """Nobody knows whether its image would have come."""
    subject = Subject().hear(waiting(1, Reason.IMAGE_PULL))
    assert subject.hear(failed(1, Reason.SUPERSEDED)).reason() is None


def test_keys_that_lakefs_refuses_concern_all_who_use_them() -> None:
    """And nobody else; a success with them, of whichever PeragoTask, ends it for all."""
    subject = Subject().hear(failed(1, Reason.LAKEFS_UNAUTHORIZED))
    names = ("build", "test", "other")
    assert [subject.reason(name) for name in names] == [Reason.LAKEFS_UNAUTHORIZED, Reason.LAKEFS_UNAUTHORIZED, None]
    subject.hear(completed(2, task="test"))
    assert [subject.reason(name) for name in names] == [None, None, None]


def test_a_task_without_files_says_nothing_of_the_keys() -> None:
    """Its attempts never use them."""
    subject = Subject().hear(failed(1, Reason.LAKEFS_UNAUTHORIZED), completed(2, given=ALONE))
    assert subject.reason() is Reason.LAKEFS_UNAUTHORIZED


def test_a_wrong_image_concerns_its_own_peragotask() -> None:
    """The neighbour has another one."""
    assert Subject().hear(failed(1, Reason.IMAGE_PULL)).reason("test") is None


def test_an_attempt_made_by_hand_says_nothing() -> None:
    """It may name another image than the PeragoTask."""
    own = PeragoAttempt.model_validate(
        b.attempt(standalone=True, status={"outcome": b.failure("InvalidTask")}, taskRef={"name": "build"})
    )
    assert Subject().hear(own).reason() is None


def test_one_task_is_taken_for_trial_after_a_pause() -> None:
    """Not before, and not while another attempt has still to show something."""
    subject = Subject().hear(failed(1, Reason.INVALID_TASK))
    subject.seconds = SHORTEST_PAUSE - 1
    assert not subject.allows_trial()
    subject.seconds = SHORTEST_PAUSE
    assert subject.allows_trial()
    assert not subject.allows_trial(undecided=1)


def test_the_pause_doubles_with_each_trial_that_fails() -> None:
    """Up to ten minutes; a hundred attempts that fail at once count as one."""
    assert pause_seconds(0, 0) == SHORTEST_PAUSE
    assert pause_seconds(0, 100) == 100
    assert pause_seconds(0, 10_000) == LONGEST_PAUSE
    subject = Subject().hear(*(failed(number, Reason.INVALID_TASK) for number in range(100)))
    subject.seconds = SHORTEST_PAUSE
    assert subject.allows_trial()
    subject.hear(failed(101, Reason.INVALID_TASK))
    subject.seconds += SHORTEST_PAUSE - 1
    assert not subject.allows_trial()


def test_a_failure_that_is_shown_again_is_not_a_new_one() -> None:
    """Its status changes a few times after its outcome."""
    subject = Subject().hear(failed(1, Reason.INVALID_TASK))
    subject.seconds = SHORTEST_PAUSE
    assert subject.hear(failed(1, Reason.INVALID_TASK, phase="Failed")).allows_trial()


def test_a_change_of_the_peragotask_begins_anew() -> None:
    """What its attempts have shown was about the one before."""
    subject = Subject().hear(failed(1, Reason.INVALID_TASK))
    subject.usability.forget(Key("ns", "build"))
    assert subject.reason() is None


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"podTemplate": {"spec": {"hostNetwork": True}}}, "hostNetwork"),
        ({"volume": {"size": "lots"}}, "lots"),
    ],
)
def test_a_declaration_that_no_pod_can_have_is_seen_without_an_attempt(spec: dict[str, Any], words: str) -> None:
    """No task is taken for trial: nothing but a change of the PeragoTask can help."""
    subject = Subject(**spec)
    subject.seconds = 10_000
    unusable = subject.usability.of(subject.task())
    assert unusable is not None
    assert unusable.reason is Reason.INVALID_TASK
    assert words in unusable.message
    assert not subject.allows_trial()


def test_what_attempts_have_not_shown_yet_is_counted() -> None:
    """Those that only wait for room or download."""
    shown = [attempt(1), attempt(2, step="Downloading"), attempt(3, step="Executing"), waiting(4, Reason.IMAGE_PULL)]
    assert Subject().usability.undecided(shown) == 2


def test_so_many_failures_are_remembered() -> None:
    """The youngest, of which the latest is told."""
    record = Record()
    for number in range(REMEMBERED + 5):
        record.heard(failed(number, Reason.INVALID_TASK), now=number)
    assert len(record.failures) == REMEMBERED
    assert {"a4", "a204"} & set(record.failures) == {"a204"}


def test_a_workspace_that_only_the_status_names_is_one() -> None:
    """Of an attempt whose input is too large for the object."""
    large = attempt(1, given=ALONE, outcome=b.completed(), workspace={"repository": "repo"})
    assert evidence_of(large) == Works(in_lakefs=True)
