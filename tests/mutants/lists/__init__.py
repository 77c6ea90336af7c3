"""The mutants by subject."""

from tests.mutants.lists import agent, deciding, publishing
from tests.mutants.mutant import Mutant

EVERY: tuple[Mutant, ...] = (*publishing.MUTANTS, *agent.MUTANTS, *deciding.MUTANTS)
