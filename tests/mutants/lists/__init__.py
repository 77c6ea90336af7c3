"""The mutants by subject."""

from tests.mutants.lists import publishing
from tests.mutants.mutant import Mutant

EVERY: tuple[Mutant, ...] = (*publishing.MUTANTS,)
