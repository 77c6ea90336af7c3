"""The plan follows from its seed, and lets every fault happen."""

from collections import Counter

from tests.chaos.faults import TABLE
from tests.chaos.plan import Happening, Kind, length, schedule, workflows

KINDS = {name: fault.kind for name, fault in TABLE.items()}


def overlapping(planned: tuple[Happening, ...]) -> list[tuple[Happening, Happening]]:
    """Pairs of faults that happen at once."""
    return [(one, two) for one in planned for two in planned if one < two and one.start <= two.start < one.end]


def test_the_same_seed_makes_the_same_plan() -> None:
    """So a run can be repeated; another seed makes another plan."""
    assert schedule(KINDS, 7, 3) == schedule(KINDS, 7, 3)
    assert schedule(KINDS, 7, 3) != schedule(KINDS, 8, 3)


def test_each_fault_happens_alone_once() -> None:
    """Without rounds, no two overlap."""
    planned = schedule(KINDS, 1, 0)
    assert Counter(one.fault for one in planned) == Counter(KINDS.keys())
    assert overlapping(planned) == []


def test_faults_together_hit_different_things() -> None:
    """A server that is cut off cannot be slow at the same time."""
    for seed in range(20):
        pairs = overlapping(schedule(KINDS, seed, 8))
        assert pairs
        assert not [pair for pair in pairs if KINDS[pair[0].fault].hits == KINDS[pair[1].fault].hits]


def test_a_plan_of_one_fault_has_no_rounds() -> None:
    """There is nothing to combine it with."""
    planned = schedule({"cut": Kind(10, "server")}, 1, 5)
    assert len(planned) == 1
    assert length(planned) == planned[0].end


def test_workflows_make_as_many_attempts_as_are_wanted() -> None:
    """Every kind comes in turn; the last one may exceed the number."""
    attempts_of = {"chain": 3, "single": 1}
    chosen = workflows(attempts_of, 20, 1)
    assert sum(attempts_of[name] for name in chosen) in (20, 21, 22)
    assert {"chain", "single"} == set(chosen)
