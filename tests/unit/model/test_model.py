"""The model of the publication protocol: a bounded part of what `python -m tests.model` tries."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.model.attempts import Attempt
from tests.model.choices import Drawn, Seeded
from tests.model.operator import Operator
from tests.model.story import Variant
from tests.model.trials import survived, tried
from tests.model.variants import BROKEN, REAL

EXAMPLES = 200


def test_the_protocol_keeps_its_promises() -> None:
    """Whatever dies, stalls, is superseded or lands late, all of which happens; also where broken variants fail."""
    trials = survived(REAL, sorted({*range(EXAMPLES), *(variant.shown_by for variant in BROKEN)}))
    assert trials.failed == {}
    landings = ("squash_merge (passed)", "squash_merge (landed, answer lost)", "hard_reset (passed)")
    events = (*landings, "the workflow is restarted", "stalls (event)", "is lost (event)", "is killed (event)")
    assert {event: trials.happened[event] > 0 for event in events} == dict.fromkeys(events, True)


@settings(max_examples=20, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_broken_promise_is_shown_by_the_plainest_course_of_events(data: st.DataObject) -> None:
    """Hypothesis draws the choices here, and shrinks them where a promise is broken."""
    trial = tried(REAL, Drawn(data))
    assert not trial.broken, "\n".join([*trial.trace, *trial.broken])


@pytest.mark.parametrize("variant", BROKEN, ids=lambda variant: variant.name)
def test_the_model_finds_out_what_a_broken_variant_lacks(variant: Variant) -> None:
    """Each lacks one rule of the protocol, and breaks the promise that the rule is for."""
    assert variant.shows
    assert tried(variant, Seeded(variant.shown_by)).shows(variant.shows)


class Mistaken(Operator):
    """An operator of the model that has a mistake in it."""

    async def attend(self, attempt: Attempt) -> None:
        """See `Operator`."""
        raise KeyError(attempt.name)


def test_a_mistake_in_the_model_is_not_taken_for_the_end_of_a_process() -> None:
    """A course of events that nobody attends to would keep every promise."""
    with pytest.raises(KeyError, match="a1"):
        tried(Variant("makes a mistake", operator=Mistaken), Seeded(0))


def test_the_same_number_gives_the_same_course_of_events() -> None:
    """So that a broken promise can be looked at again."""
    for seed in (5, 6, 7):
        assert tried(REAL, Seeded(seed)) == tried(REAL, Seeded(seed))
