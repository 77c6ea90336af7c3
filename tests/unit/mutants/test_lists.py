"""The lists of mutants follow the code."""

import pkgutil
from collections import Counter
from dataclasses import replace
from importlib import import_module

from tests.mutants import lists
from tests.mutants.__main__ import misplaced


def test_every_mutant_fits_the_code() -> None:
    """Its text is in the source exactly once, and its tests exist: a list is changed with what it is about."""
    assert misplaced(lists.EVERY) == []


def test_a_mutant_that_is_no_python_is_told() -> None:
    """Its tests would fail to be collected, whatever they look at."""
    mutant = lists.EVERY[0]
    (problem,) = misplaced([replace(mutant, new=f"{mutant.old}(")])
    assert "is no Python any more" in problem


def test_every_list_is_tried() -> None:
    """A new module of the folder has to be named in it."""
    modules = [import_module(f"{lists.__name__}.{module.name}") for module in pkgutil.iter_modules(lists.__path__)]
    assert Counter(lists.EVERY) == Counter(mutant for module in modules for mutant in module.MUTANTS)


def test_no_fault_is_listed_twice() -> None:
    """Neither the same change of a place, nor two changes under one name."""
    changes = Counter((mutant.file, mutant.old, mutant.new) for mutant in lists.EVERY)
    faults = Counter((mutant.file, mutant.fault) for mutant in lists.EVERY)
    assert [repeated for counter in (changes, faults) for repeated, count in counter.items() if count > 1] == []
